"""Commands about invitations: invite, invites, uninvite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatroom.chatter.commands.moderation import Span, until_of
from chatroom.chatter.commands.rooms import room_argument
from chatroom.chatter.help_pages import Command, option
from chatroom.chatter.numbers import Count
from chatroom.chatter.options import OUTPUT, server_options, takes_given

if TYPE_CHECKING:
    from datetime import timedelta

    from chatroom.chatter.given import Given

SECTION = "The invitation"


@click.command("invite", cls=Command)
@option(
    "--uses", section=SECTION, type=Count(1), metavar="N",
    help="So many may come by it; default: any number.",
)  # fmt: skip
@option(
    "--valid-for", "span", section=SECTION, type=Span(), metavar="TIME",
    help="How long, as 30m, 8h or 7d; default: for good.",
)  # fmt: skip
@option(
    "--name", "fixed_name", section=SECTION, metavar="NAME", default="",
    help="Whoever comes by it has this name tag.",
)  # fmt: skip
@room_argument
@server_options()
@takes_given
def invite_command(
    given: Given, uses: int | None, span: timedelta | None, fixed_name: str, room_id: str
) -> None:
    """Make an invitation to a room, and print it: a link, and a line to type.

    Whoever has one of the two may come in, also where nobody else may, and into a room
    that is closed to newcomers. The secret in it is shown this once.

    Examples:
      chatter invite tea-room --uses 1 --valid-for 7d
      chatter --host chat.example.com:443 invite tea-room --name Ann
    """
    from chatroom.chatter import invitations
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    until = until_of(span)
    with_server(
        effective(given),
        lambda chat: invitations.invite(
            chat, room_id, uses=uses, until=until, name=fixed_name, as_json=given.as_json
        ),
    )


@click.command("invites", cls=Command)
@option(
    "--all", "with_ended", section=OUTPUT, is_flag=True,
    help="Those too that let nobody else in, since they have expired or are used up.",
)  # fmt: skip
@room_argument
@server_options()
@takes_given
def invites_command(given: Given, with_ended: bool, room_id: str) -> None:
    """List the invitations to a room.

    In a terminal it prints a table; in a pipe a line for each, tab-separated: id, uses
    left (or `any`), until when in UTC, name tag, who made it; with --all also `expired`,
    `used up` or nothing.
    """
    from chatroom.chatter import invitations
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: invitations.print_invitations(
            chat, room_id, with_ended=with_ended, as_json=given.as_json
        ),
    )


@click.command("uninvite", cls=Command)
@click.argument("invitation_id", metavar="ID")
@server_options()
@takes_given
def uninvite_command(given: Given, invitation_id: str) -> None:
    """Let nobody come by an invitation any more. `chatter invites` has the ID.

    Who is in stays until their connection is lost; `chatter remove` sends them out.

    Example:
      chatter uninvite 019aca3c5e2f8a6b1c2d
    """
    from chatroom.chatter import invitations
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: invitations.revoke(chat, invitation_id, as_json=given.as_json),
    )
