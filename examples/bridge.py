"""A bridge between two rooms, on one server or on two.

    python examples/bridge.py --room lobby --to-host chat.example --to-room annex

What is said in one room is said in the other, once and in order, with the name of the
speaker; also after lost connections and restarted servers, since each message is kept until
the other room has stored it. Ctrl-C or SIGTERM ends the bridge. Messages that are said while it
does not run are not bridged later.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys

from chatroom.client import ChatError, Kind, Message, NameTaken, NotAccepted, Room, connect

MARK = "bridge:"
"""How the nonces of bridged messages begin. Everybody sees nonces. So a bridge knows the
messages of other bridges, and a ring of bridges does not send one round for ever."""


def line(message: Message) -> str | None:
    """What to say in the other room; None: nothing."""
    if message.kind is Kind.GAP:
        return f"({message.text})"
    if message.kind is not Kind.SAID or message.replayed or message.nonce.startswith(MARK):
        return None
    if message.action:
        return f"* {message.name} {message.text}"
    return f"<{message.name}> {message.text}"


async def carry(here: Room, there: Room) -> None:
    """Say in `there` what is said in `here`, until one of the rooms ends.

    The bridge does not get its own messages back, since it joins without `echo`.
    """
    async for message in here:
        text = line(message)
        if text is None:
            continue
        try:
            await there.send(text, nonce=MARK + secrets.token_urlsafe(12))
        except NotAccepted as refused:  # such as a text that is too long with the name
            print(f"not bridged: {refused}", file=sys.stderr)


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


async def run(host: str, room_id: str, to_host: str, to_room: str, name: str) -> None:
    """Join both rooms and carry in both directions. The first failure ends both."""
    leave_on_sigterm()
    async with (
        connect(host) as chat,
        connect(to_host) as other_chat,
        chat.join(room_id, name=name, when_taken=waiting) as here,
        other_chat.join(to_room, name=name, when_taken=waiting) as there,
    ):
        ways = [asyncio.create_task(carry(here, there)), asyncio.create_task(carry(there, here))]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


def main() -> None:
    """Exit codes: 0 after SIGTERM, 1 failed, 3 the name is in use, 130 interrupted."""
    parser = argparse.ArgumentParser(description="Carry what is said between two rooms.")
    parser.add_argument("--host", default="localhost:8080", help="the server (%(default)s)")
    parser.add_argument("--room", default="lobby", help="the room (%(default)s)")
    parser.add_argument("--to-host", help="the other room's server (default: the same)")
    parser.add_argument("--to-room", required=True, help="the other room")
    parser.add_argument("--name", default="bridge", help="its name tag in both (%(default)s)")
    options = parser.parse_args()
    to_host = options.to_host or options.host
    try:
        asyncio.run(run(options.host, options.room, to_host, options.to_room, options.name))
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:  # SIGTERM
        sys.exit(0)
    except NameTaken as taken:
        print(f"bridge: {taken}", file=sys.stderr)
        sys.exit(3)
    except (ChatError, ValueError) as error:  # a ValueError is about an argument
        sys.exit(f"bridge: {error}")


if __name__ == "__main__":
    main()
