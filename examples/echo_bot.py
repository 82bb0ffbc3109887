"""A bot that repeats what is said to it.

    python examples/echo_bot.py --room lobby
    …: echo: is anybody there?
    echo: Bob said "is anybody there?"

It answers only messages that begin with its name, so that two bots do not talk for ever. It
does not answer what was said before it came. Ctrl-C or SIGTERM ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from chatroom.client import ChatError, Kind, NameTaken, NotAccepted, Room, connect


async def echo(room: Room) -> None:
    """Answer until the room ends."""
    async for message in room:
        if message.kind is not Kind.SAID or message.replayed:
            continue
        addressed, colon, text = message.text.partition(": ")
        if not colon or addressed != room.name:
            continue
        try:
            await room.send(f'{message.name} said "{text}"')
        except NotAccepted as refused:  # such as a text that is too long with the name
            print(f"not echoed: {refused}", file=sys.stderr)


def leave_on_sigterm() -> None:
    """From now on SIGTERM cancels this task, as Ctrl-C does: so its rooms are left in order.

    Else the others would see a lost member after 15 s, and until then the name would be in use.
    """
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    with contextlib.suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def waiting(taken: NameTaken) -> None:
    """Say that the name is waited for. It may be one's own, if the last run was killed."""
    print(f"{taken}; waiting for it", file=sys.stderr)


async def run(host: str, room_id: str, name: str) -> None:
    """Connect, join, answer."""
    leave_on_sigterm()
    async with connect(host) as chat, chat.join(room_id, name=name, when_taken=waiting) as room:
        await echo(room)


def main() -> None:
    """Exit codes: 0 after SIGTERM, 1 failed, 3 the name is in use, 130 interrupted."""
    parser = argparse.ArgumentParser(description="Repeat what is said to this bot.")
    parser.add_argument("--host", default="localhost:8080", help="the server (%(default)s)")
    parser.add_argument("--room", default="lobby", help="the room (%(default)s)")
    parser.add_argument("--name", default="echo", help="the bot's name tag (%(default)s)")
    options = parser.parse_args()
    try:
        asyncio.run(run(options.host, options.room, options.name))
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:  # SIGTERM
        sys.exit(0)
    except NameTaken as taken:
        print(f"echo_bot: {taken}", file=sys.stderr)
        sys.exit(3)
    except (ChatError, ValueError) as error:  # a ValueError is about an argument
        sys.exit(f"echo_bot: {error}")


if __name__ == "__main__":
    main()
