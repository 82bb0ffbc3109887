"""Commands about rooms: list, create, update, delete, members, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatroom.chatter.completion import complete_members, complete_rooms
from chatroom.chatter.help_pages import Command, option
from chatroom.chatter.numbers import Count
from chatroom.chatter.options import server_options, takes_given

if TYPE_CHECKING:
    from chatroom.chatter.given import Given

room_argument = click.argument("room_id", metavar="ROOM", shell_complete=complete_rooms)


@click.command("list", cls=Command)
@server_options()
@takes_given
def list_command(given: Given) -> None:
    """List the public rooms: id, members, title.

    In a terminal it prints a table; in a pipe a line for each room, tab-separated.
    """
    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(effective(given), lambda chat: rooms.print_rooms(chat, as_json=given.as_json))


@click.command("create", cls=Command)
@option("--private", section="The room", is_flag=True, help="Not listed; its id cannot be guessed.")
@option("--title", section="The room", default="", help="What the room is about.")
@click.argument("room_id", metavar="[ROOM]", required=False)
@server_options()
@takes_given
def create_command(given: Given, private: bool, title: str, room_id: str | None) -> None:
    """Create a room and print its id.

    ROOM is its id: 1 to 64 of a-z, 0-9 and -. Without it the server chooses a number.

    Examples:
      chatter create tea-room --title "Tea and biscuits"
      room=$(chatter create --private)

    To invite somebody, tell them the id, and the server's address unless it is known.
    """
    if private and room_id:
        raise click.UsageError("the id of a private room is chosen by the server: omit it")

    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: rooms.create(
            chat, room_id, private=private, title=title, as_json=given.as_json
        ),
    )


@click.command("update", cls=Command)
@option("--title", section="The room", default=None, help="What the room is about.")
@option(
    "--capacity", section="The room", type=Count(0), metavar="N",
    help="How many may be in it; 0: the server's default.",
)  # fmt: skip
@option(
    "--history", "kept", section="The room", type=Count(0), metavar="N",
    help="How many entries are kept; older ones are deleted. 0: the server's default.",
)  # fmt: skip
@option(
    "--closed/--open", section="The room", default=None,
    help="Only who was in it lately or is invited may come; or anybody again.",
)  # fmt: skip
@room_argument
@server_options()
@takes_given
def update_command(
    given: Given,
    title: str | None,
    capacity: int | None,
    kept: int | None,
    closed: bool | None,
    room_id: str,
) -> None:
    """Change a room: its title, its bounds, or who may come. Its members are told.

    What is not given stays.

    Examples:
      chatter update tea-room --title "Coffee, for once"
      chatter update tea-room --closed
    """
    if (title, capacity, kept, closed) == (None, None, None, None):
        raise click.UsageError("what? give --title, --capacity, --history, --closed or --open")

    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: rooms.update(
            chat, room_id, title=title, capacity=capacity, history=kept, closed=closed,
            as_json=given.as_json,
        ),
    )  # fmt: skip


@click.command("delete", cls=Command)
@option("--reason", section="Options", default="", help="Why. Its members are told.")
@room_argument
@server_options()
@takes_given
def delete_command(given: Given, reason: str, room_id: str) -> None:
    """Delete a room; everybody in it is told and sent out.

    What was said in it is deleted as well.
    """
    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: rooms.delete(chat, room_id, reason=reason, as_json=given.as_json),
    )


@click.command("members", cls=Command)
@room_argument
@server_options()
@takes_given
def members_command(given: Given, room_id: str) -> None:
    """Say who is in a room, and since when.

    In a terminal it prints a table; in a pipe a line for each member, tab-separated,
    with the time in UTC, and what they are: moderator, muted.
    """
    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: rooms.print_members(chat, room_id, as_json=given.as_json),
    )


@click.command("remove", cls=Command)
@option("--reason", section="Options", default="", help="Why. The member is told.")
@room_argument
@click.argument("member", metavar="NAME", shell_complete=complete_members)
@server_options()
@takes_given
def remove_command(given: Given, reason: str, room_id: str, member: str) -> None:
    """Send somebody out of a room. They are told, and may come back.

    NAME need not have the same case as the name in the room (`bob` is Bob).

    Example:
      chatter remove tea-room Bob --reason "no shouting, please"
    """
    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    with_server(
        effective(given),
        lambda chat: rooms.remove(chat, room_id, member, reason=reason, as_json=given.as_json),
    )
