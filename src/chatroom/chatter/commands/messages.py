"""Commands about what is said: send, history, watch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from chatroom.chatter.completion import complete_rooms
from chatroom.chatter.help_pages import Command, option
from chatroom.chatter.numbers import Count
from chatroom.chatter.options import (
    NAME,
    OUTPUT,
    RECONNECT,
    ROOM,
    TALK,
    server_options,
    shared_option,
    takes_given,
)

if TYPE_CHECKING:
    from chatroom.chatter.given import Given
    from chatroom.chatter.moments import Moment
    from chatroom.client import Chat

    ParamType = click.ParamType[Moment]
else:
    ParamType = click.ParamType  # generic since click 8.3 only

NONCE_BYTES = 64
"""The longest nonce that a server takes."""


SAID = option(
    "--said",
    section=OUTPUT,
    is_flag=True,
    help="Only what people said, not who came and went; --last counts only that.",
)


class MomentType(ParamType):
    """A place in a room's log; with `end`, one before which something is."""

    name = "moment"

    def __init__(self, *, end: bool = False) -> None:
        self._end = end

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Moment:
        from datetime import UTC, datetime

        from chatroom.chatter.moments import MomentInvalid, parse

        try:
            return parse(str(value), now=datetime.now(UTC), end=self._end)
        except MomentInvalid as error:
            self.fail(str(error), param, ctx)


@click.command("send", cls=Command)
@shared_option(ROOM, TALK)
@shared_option(NAME, TALK)
@option(
    "--lines",
    "by_line",
    section=TALK,
    is_flag=True,
    help="Each line of standard input is a message.",
)
@option(
    "--nonce",
    section=TALK,
    metavar="WORD",
    default="",
    help="Send nothing if one of the newest 1,000 entries of the room is of this name and has "
    "this nonce: so a script may try again.",
)
@shared_option(RECONNECT, TALK)
@click.argument("text", metavar="[TEXT]...", nargs=-1)
@server_options()
@takes_given
def send_command(given: Given, by_line: bool, nonce: str, text: tuple[str, ...]) -> int:
    """Say something in a room, and exit when it is stored there.

    The words of TEXT are one message, joined by spaces. Without TEXT all of standard
    input is one message, with its line breaks; with --lines each line is one. It prints
    nothing; with --json it prints the messages as stored. The others see NAME enter and
    leave. If NAME is in use in the room, it waits up to 20 seconds until it is free: so
    several scripts may say something under one name at the same time.

    Examples:
      chatter send --room ops --name ci "the build is green"
      git log -1 | chatter send --room ops --name ci --nonce "$GIT_COMMIT"
      tail -f app.log | chatter send --room ops --name app --lines

    The exit code is 1, with a sentence on standard error, if a message was refused or too
    long, or if it is not known whether it was stored; 3 if the name stayed in use.
    """
    if by_line and text:
        raise click.UsageError("--lines is for standard input: omit TEXT")
    if by_line and nonce:
        raise click.UsageError("--nonce is for one message: omit --lines")
    if len(nonce.encode()) > NONCE_BYTES:
        raise click.UsageError(f"a nonce has at most {NONCE_BYTES} bytes")

    from chatroom.chatter import sending
    from chatroom.chatter.failures import remark
    from chatroom.chatter.lines import Lines
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    settings = effective(given)
    room, name = settings.room, settings.name
    if not room:
        raise click.UsageError("which room? give --room ID")
    if not name:
        raise click.UsageError("as whom? give --name NAME")

    if by_line:

        async def converse(chat: Chat) -> int:
            return await sending.send_lines(
                chat, room, name, Lines.of_standard_input(), as_json=given.as_json
            )

        return with_server(settings, converse)

    if not text and sys.stdin is not None and sys.stdin.isatty():
        remark("Type the message; Ctrl-D on a line of its own ends it.")
    message = " ".join(text) if text else sending.whole(sys.stdin.buffer if sys.stdin else None)
    with_server(
        settings,
        lambda chat: sending.send(chat, room, name, message, nonce=nonce, as_json=given.as_json),
    )
    return 0


@click.command("history", cls=Command)
@option(
    "--since",
    section=OUTPUT,
    type=MomentType(),
    metavar="WHEN",
    help="Begin there; default: at the oldest entry that is kept.",
)
@option(
    "--until",
    section=OUTPUT,
    type=MomentType(end=True),
    metavar="WHEN",
    help="End there. An entry and a whole day are printed too, a time is not.",
)
@option(
    "--last",
    "--history",  # so the program itself calls it, before a conversation
    "last",
    section=OUTPUT,
    type=Count(1),
    metavar="N",
    help="Only the newest N of these entries.",
)
@option("--follow", "-f", section=OUTPUT, is_flag=True, help="Then print what is said from now on.")
@SAID
@shared_option(RECONNECT, OUTPUT)
@click.argument("room_id", metavar="ROOM", shell_complete=complete_rooms)
@server_options()
@takes_given
def history_command(
    given: Given,
    since: Moment | None,
    until: Moment | None,
    last: int | None,
    follow: bool,
    said: bool,
    room_id: str,
) -> None:
    """Print what was said in a room.

    It also prints who came and went (`* Bob has left the chat`). You need not be in the
    room, and nobody sees that you read. Times are local; with --json they are in UTC, and
    each entry has its sequence.

    WHEN is a time (2026-11-22, 2026-11-22T10:00, local unless it names its zone), a time
    before now (90s, 30m, 2h, 1d, 1h30m), or an entry's sequence (120 or "#120").

    Examples:
      chatter history tea-room --last 20
      chatter history tea-room --since 2026-11-22 --until 2026-11-23T12:00
      chatter history tea-room --since 1d --said --json | jq -r .text
    """
    if follow and until is not None:
        raise click.UsageError("--follow has no end: omit --until")

    from chatroom.chatter.history import print_history
    from chatroom.chatter.printing import log_printer_for
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    printer = log_printer_for(as_json=given.as_json, said=said, times=True)
    with_server(
        effective(given),
        lambda chat: print_history(
            chat, room_id, printer, since=since, until=until, last=last, follow=follow, said=said
        ),
    )


@click.command("search", cls=Command)
@option(
    "--last",
    section=OUTPUT,
    type=Count(1),
    default=20,
    metavar="N",
    help="Only the newest N that are found; default 20.",
)
@click.argument("room_id", metavar="ROOM", shell_complete=complete_rooms)
@click.argument("words", metavar="WORDS...", nargs=-1, required=True)
@server_options()
@takes_given
def search_command(given: Given, last: int, room_id: str, words: tuple[str, ...]) -> int:
    """Find what was said in a room.

    A message is found if it has all of the WORDS, in any order. What you quote is found as a
    phrase, one word behind the other. from:NAME is who has said it. Only whole words are
    found; capital letters and accents do not matter. The newest is printed last, as by
    `history`.

    Examples:
      chatter search tea-room green tea
      chatter search tea-room "green tea" from:bob
      chatter search ops deploy --last 1 --json | jq -r .time

    The exit code is 1 if nothing is found.
    """
    from chatroom.chatter.printing import log_printer_for
    from chatroom.chatter.running import with_server
    from chatroom.chatter.searching import print_found, query_of
    from chatroom.chatter.settings import effective

    printer = log_printer_for(as_json=given.as_json, said=False, times=True)
    found = with_server(
        effective(given),
        lambda chat: print_found(chat, room_id, query_of(words), printer, last=last),
    )
    return 0 if found else 1


@click.command("watch", cls=Command)
@option(
    "--last",
    "--history",  # likewise
    "last",
    section=OUTPUT,
    type=Count(0),
    default=0,
    metavar="N",
    help="Begin with the newest N entries; default 0.",
)
@SAID
@shared_option(RECONNECT, OUTPUT)
@click.argument(
    "room_ids", metavar="ROOM...", nargs=-1, required=True, shell_complete=complete_rooms
)
@server_options()
@takes_given
def watch_command(given: Given, last: int, said: bool, room_ids: tuple[str, ...]) -> None:
    """Print what is said in rooms as it comes, without being in them.

    Nobody sees that you read: chatter asks every 0.5 to 2 seconds for new entries of the
    rooms. With more than one room each line begins with its room in brackets. It ends
    when all of them are deleted. When the server was away, it goes on where it was.

    Examples:
      chatter watch tea-room
      chatter watch ops build --said --json | jq -r .text
    """
    from chatroom.chatter.printing import log_printer_for
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective
    from chatroom.chatter.watching import place_before, watch

    wanted = list(dict.fromkeys(room_ids))

    async def converse(chat: Chat) -> None:
        places = [await place_before(chat, room_id, last, said=said) for room_id in wanted]
        printer = log_printer_for(as_json=given.as_json, said=said, rooms=len(wanted) > 1)
        await watch(chat, places, printer)

    with_server(effective(given), converse)
