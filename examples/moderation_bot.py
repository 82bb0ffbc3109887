"""A bot that warns a member who uses a forbidden word, and removes them the next time.

    python examples/moderation_bot.py --room lobby --word heck --token-file admin.token

Removing is for admins: if the server has an admin token, the bot needs it. Ctrl-C or
SIGTERM ends the bot, which then forgets who was warned.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import signal
import sys
from pathlib import Path

from chatroom.client import Chat, ChatError, Kind, NameTaken, Room, connect

WARNED = 10_000
"""Names that are remembered. Above that the one that was warned first is forgotten."""


class Moderator:
    """One room's rules and who has broken them."""

    def __init__(self, chat: Chat, room: Room, words: list[str]) -> None:
        self._chat = chat
        self._room = room
        alternatives = "|".join(re.escape(word) for word in words)
        self._unwanted = re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)
        self._warned: dict[str, None] = {}
        """The names of those who were warned, in this order."""

    async def moderate(self) -> None:
        """Watch until the room ends. What was said before the bot came does not count."""
        async for message in self._room:
            if message.kind is not Kind.SAID or message.replayed:
                continue
            found = self._unwanted.search(message.text)
            if found is not None:
                await self._object(message.name, found[0])

    async def _object(self, name: str, word: str) -> None:
        if name not in self._warned:
            self._warned[name] = None
            if len(self._warned) > WARNED:
                del self._warned[next(iter(self._warned))]
            await self._room.send(f"{name}: please do not say that; next time you are removed")
            return
        del self._warned[name]
        try:
            await self._chat.remove_member(self._room.room_id, name, f"said {word!r} again")
        except ChatError as error:
            if error.reason != "MEMBER_NOT_FOUND":  # they have left
                raise


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


async def run(host: str, room_id: str, name: str, words: list[str], token: str) -> None:
    """Connect, join, moderate."""
    leave_on_sigterm()
    async with (
        connect(host, token=token) as chat,
        chat.join(room_id, name=name, when_taken=waiting) as room,
    ):
        await Moderator(chat, room, words).moderate()


def main() -> None:
    """Exit codes: 0 after SIGTERM, 1 failed, 3 the name is in use, 130 interrupted."""
    parser = argparse.ArgumentParser(
        description="Warn members who use forbidden words, then remove them."
    )
    parser.add_argument("--host", default="localhost:8080", help="the server (%(default)s)")
    parser.add_argument("--room", default="lobby", help="the room (%(default)s)")
    parser.add_argument("--name", default="moderator", help="its name tag (%(default)s)")
    parser.add_argument(
        "--word",
        action="append",
        required=True,
        help="a forbidden word; may be given more than once",
    )
    parser.add_argument("--token-file", type=Path, help="a file with the server's admin token")
    options = parser.parse_args()
    try:
        token = options.token_file.read_text().strip() if options.token_file else ""
        asyncio.run(run(options.host, options.room, options.name, options.word, token))
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:  # SIGTERM
        sys.exit(0)
    except NameTaken as taken:
        print(f"moderation_bot: {taken}", file=sys.stderr)
        sys.exit(3)
    except (ChatError, ValueError, OSError) as error:  # OSError: the file cannot be read
        sys.exit(f"moderation_bot: {error}")


if __name__ == "__main__":
    main()
