"""Commands that keep rooms in order: mute, moderator, withdraw, ban and what undoes them."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from chatroom.chatter.commands.rooms import room_argument
from chatroom.chatter.completion import complete_members, complete_rooms
from chatroom.chatter.failures import Failure
from chatroom.chatter.help_pages import Command, option
from chatroom.chatter.numbers import Sequence
from chatroom.chatter.options import server_options, takes_given

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chatroom.chatter.given import Given

    ParamType = click.ParamType[timedelta]
else:
    ParamType = click.ParamType  # generic since click 8.3 only

WHOM = "Whom (one of these)"
WIDE = {4: 8, 6: 16}
"""By the version of IP, how long a prefix is that is banned without a question.

No network that somebody alone comes from is wider: these are of whole regions.
"""

member_argument = click.argument("member", metavar="NAME", shell_complete=complete_members)
reason_option = option("--reason", section="Options", default="", help="Why. People are told.")
optional_room = click.argument(
    "room_id", metavar="[ROOM]", required=False, default="", shell_complete=complete_rooms
)


class Span(ParamType):
    """A time span: `7d`."""

    name = "time span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        from chatroom.chatter.moments import MomentInvalid, parse_span

        try:
            return parse_span(str(value))
        except MomentInvalid as error:
            self.fail(str(error), param, ctx)


def whom_option(whom: str, metavar: str, help: str) -> Callable[..., Callable[..., object]]:  # noqa: A002 # as click calls it
    """One of the ways to say whom a ban is for."""
    return option(f"--{whom}", f"banned_{whom}", section=WHOM, metavar=metavar, help=help)


@click.command("mute", cls=Command)
@reason_option
@room_argument
@member_argument
@server_options()
@takes_given
def mute_command(given: Given, reason: str, room_id: str, member: str) -> None:
    """Let somebody read in a room, and not speak.

    The room is told. It lasts until `chatter unmute`, also when they leave and come back:
    for their identity, or if they showed no token for their name.

    Example:
      chatter mute tea-room Bob --reason "calm down, please"
    """
    _mute(given, room_id, member, muted=True, reason=reason)


@click.command("unmute", cls=Command)
@reason_option
@room_argument
@member_argument
@server_options()
@takes_given
def unmute_command(given: Given, reason: str, room_id: str, member: str) -> None:
    """Let somebody who was muted speak again.

    They need not be in the room, unless a token of theirs names them.

    Example:
      chatter unmute tea-room Bob
    """
    _mute(given, room_id, member, muted=False, reason=reason)


def _mute(given: Given, room_id: str, member: str, *, muted: bool, reason: str) -> None:
    from chatroom.chatter import moderation
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: moderation.mute(
            chat, room_id, member, muted=muted, reason=reason, as_json=given.as_json
        ),
    )


@click.command("moderator", cls=Command)
@option("--not", "no_longer", section="Options", is_flag=True, help="They are one no longer.")
@room_argument
@member_argument
@server_options()
@takes_given
def moderator_command(given: Given, no_longer: bool, room_id: str, member: str) -> None:
    """Make somebody a moderator of a room.

    They may mute, ban, remove, withdraw and invite there. They have to be in the room, and
    to have shown a token: whoever took their name would moderate otherwise.

    Examples:
      chatter moderator tea-room Ann
      chatter moderator tea-room Ann --not
    """
    from chatroom.chatter import moderation
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: moderation.promote(
            chat, room_id, member, moderator=not no_longer, as_json=given.as_json
        ),
    )


@click.command("withdraw", cls=Command)
@reason_option
@room_argument
@click.argument("sequence", metavar="SEQUENCE", type=Sequence())
@server_options()
@takes_given
def withdraw_command(given: Given, reason: str, room_id: str, sequence: int) -> None:
    """Take back a message: its text is deleted from the server.

    Whoever has it on a screen is told, and sees "(withdrawn)" in its place. SEQUENCE is
    its number, which `chatter history --json` prints.

    Examples:
      chatter history tea-room --last 20 --json | grep password
      chatter withdraw tea-room 120
    """
    from chatroom.chatter import moderation
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: moderation.withdraw(
            chat, room_id, sequence, reason=reason, as_json=given.as_json
        ),
    )


@click.command("ban", cls=Command)
@whom_option("name", "NAME", "Who has this name tag, or one that looks like it.")
@whom_option("identity", "SUB", "Whose token says so (`sub`).")
@whom_option("address", "IP", "Who comes from this address or prefix, as 192.0.2.0/24.")
@whom_option("member", "NAME", "Who is in the room under this name now, whatever their name is.")
@option(
    "--for", "span", section="Options", type=Span(), metavar="TIME",
    help="How long, as 30m, 8h or 7d; default: for good.",
)  # fmt: skip
@reason_option
@option("--yes", section="Options", is_flag=True, help="Do not ask about a ban of many addresses.")
@optional_room
@server_options()
@takes_given
def ban_command(
    given: Given,
    banned_name: str | None,
    banned_identity: str | None,
    banned_address: str | None,
    banned_member: str | None,
    span: timedelta | None,
    reason: str,
    yes: bool,
    room_id: str,
) -> None:
    """Keep somebody out of a room; without ROOM, out of the whole server.

    Whoever it is for and is in is sent out, and told. `--member` knows them again by their
    session and their identity.

    Examples:
      chatter ban tea-room --name Mallory --for 7d --reason spam
      chatter ban --address 192.0.2.0/24
    """
    said = {
        "name": banned_name,
        "identity": banned_identity,
        "address": banned_address,
        "member": banned_member,
    }
    given_whom = [(whom, value) for whom, value in said.items() if value is not None]
    if not given_whom:
        raise click.UsageError("whom? give one of --name, --identity, --address, --member")
    if len(given_whom) > 1:
        words = " and ".join(f"--{each}" for each, _ in given_whom)
        raise click.UsageError(f"only one of {words}: each is a ban of its own")
    ((whom, value),) = given_whom
    if whom == "member" and not room_id:
        raise click.UsageError("--member is of a room: give ROOM")
    if whom == "address" and not yes:
        _ask_about(value, may_ask=not given.as_json)

    from chatroom.chatter import moderation
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    until = until_of(span)
    with_server(
        effective(given),
        lambda chat: moderation.ban(
            chat, room_id, whom, value, until=until, reason=reason, as_json=given.as_json
        ),
    )


def _ask_about(prefix: str, *, may_ask: bool) -> None:
    """Whether so many addresses are meant, of a prefix that is a slip of the pen more often.

    Raises UsageError where nobody can be asked, Failure where the answer is no.
    """
    from ipaddress import ip_network

    try:
        network = ip_network(prefix)
    except ValueError:
        return  # the server says what is wrong
    if not 0 < network.prefixlen < WIDE[network.version]:
        return  # and that nobody can ban all
    told = f"{prefix} is 1 in {2**network.prefixlen} of all IPv{network.version} addresses"
    if not (may_ask and sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError(f"{told}; if they are meant, add --yes")
    if not click.confirm(f"{told}. Ban them?", err=True):
        raise Failure("nobody was banned")


@click.command("unban", cls=Command)
@reason_option
@click.argument("ban_id", metavar="ID")
@server_options()
@takes_given
def unban_command(given: Given, reason: str, ban_id: str) -> None:
    """Let somebody come again. `chatter bans` has the ID.

    Example:
      chatter unban 019aca3c5e2f8a6b1c2d
    """
    from chatroom.chatter import moderation
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: moderation.lift(chat, ban_id, reason=reason, as_json=given.as_json),
    )


@click.command("bans", cls=Command)
@optional_room
@server_options()
@takes_given
def bans_command(given: Given, room_id: str) -> None:
    """List who is kept out of a room; without ROOM, out of the whole server.

    In a terminal it prints a table; in a pipe a line for each ban, tab-separated: id, by
    what, whom, until when in UTC, reason, who made it.
    """
    from chatroom.chatter import moderation
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: moderation.print_bans(chat, room_id, as_json=given.as_json),
    )


def until_of(span: timedelta | None) -> datetime | None:
    """When a time span from now ends. Raises UsageError."""
    from chatroom.chatter.moments import MomentInvalid, from_now

    try:
        return from_now(span)
    except MomentInvalid as error:
        raise click.UsageError(str(error)) from None
