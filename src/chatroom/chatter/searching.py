"""Searches in a room: from the command line, and on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.local_time import local_time
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import drained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatroom.chatter.printing import Printer
    from chatroom.client import Chat, Message

PAGE_MESSAGES = 100
"""The most that a server gives at once."""
SHOWN = 20
"""On the screen."""
_AUTHOR = "from:"


def query_of(words: Sequence[str]) -> str:
    """A query of arguments as a shell gives them: what has spaces in it was in quotes there."""
    return " ".join(_quoted(word) if " " in word and '"' not in word else word for word in words)


def _quoted(word: str) -> str:
    begin = _AUTHOR if word.lower().startswith(_AUTHOR) else ""
    return f'{begin}"{word[len(begin) :]}"'


async def print_found(chat: Chat, room_id: str, query: str, printer: Printer, *, last: int) -> bool:
    """Print the newest `last` that are found, in the order of the room; whether any is."""
    found: list[Message] = []
    more = True
    while more and len(found) < last:
        page = await chat.search(
            room_id,
            query,
            before=found[-1].sequence if found else None,
            page_size=min(last - len(found), PAGE_MESSAGES),
        )
        found += page.messages
        more = page.more and bool(page.messages)
    for message in reversed(found):
        printer.message(room_id, message)
        await drained()
    return bool(found)


async def lines_found(
    chat: Chat, room_id: str, query: str, ignored: Callable[[str], bool] = lambda _: False
) -> str:
    """The newest that are found, a line each in the order of the room, below what was asked.

    Nothing of who is `ignored`, by the name.
    """
    page = await chat.search(room_id, query, page_size=SHOWN)
    messages = [message for message in page.messages if not ignored(message.name)]
    if not messages:
        return f"nobody has said {one_line(query)}, as far as it is kept"
    which = f"the newest {len(messages)} with" if page.more else "all with"
    lines = [_line(message) for message in reversed(messages)]
    return "\n".join([f"{which} {one_line(query)}:", *lines])


def _line(message: Message) -> str:
    """`#120 10:04 Bob: green tea`; the day too, unless it is today."""
    sent, now = local_time(message.sent), local_time(None)
    when = f"{sent:%H:%M}" if sent.date() == now.date() else f"{sent:%Y-%m-%d %H:%M}"
    name, text = one_line(message.name), one_line(message.text)
    said = f"* {name} {text}" if message.action else f"{name}: {text}"
    return f"#{message.sequence} {when} {said}"
