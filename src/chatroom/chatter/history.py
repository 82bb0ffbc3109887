"""A room's log printed from the command line: any part of it, page by page.

Sequences have no holes and times do not go back in a room, so every bound becomes a
sequence, and a time is found by halving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.moments import Moment
from chatroom.chatter.screen import drained
from chatroom.chatter.watching import PAGE_ENTRIES, Place, begin_of_last, watch
from chatroom.client import Kind
from chatroom.client.messages import gap

if TYPE_CHECKING:
    from datetime import datetime

    from chatroom.chatter.printing import Printer
    from chatroom.client import Chat, Message


async def print_history(
    chat: Chat,
    room_id: str,
    printer: Printer,
    *,
    since: Moment | None,
    until: Moment | None,
    last: int | None,
    follow: bool,
    said: bool = False,
) -> None:
    """Print the entries from `since` to `until`, or only the `last` of them.

    A sequence is included on both sides, the time `until` is not. With `follow` what
    comes later is printed too, until the room is deleted. `said` tells that the printer
    wants only what people said, so that `last` counts only that. Raises ChatError.
    """
    newest_page = await chat.history(room_id, page_size=1)
    newest = newest_page.messages[-1] if newest_page.messages else None
    place = Place(room_id, newest_page.epoch, newest)
    if newest is not None:
        begin, end = await bounds(chat, room_id, newest, since, until)
        if last is not None:
            begin = await begin_of_last(chat, room_id, last, begin, end, said=said)
        await print_entries(chat, room_id, printer, begin, end)
    if follow:
        await watch(chat, [place], printer)


async def bounds(
    chat: Chat, room_id: str, newest: Message, since: Moment | None, until: Moment | None
) -> tuple[int, int]:
    """The first and the last sequence that are meant; the last is below if nothing is."""
    first_page = await chat.history(room_id, after=0, page_size=1)
    oldest = first_page.messages[0].sequence if first_page.messages else newest.sequence
    begin, end = oldest, newest.sequence
    if since is not None and since.sequence is not None:
        begin = max(begin, since.sequence)
    elif since is not None and since.time is not None:
        begin = await first_since(chat, room_id, since.time, oldest, newest.sequence)
    if until is not None and until.sequence is not None:
        end = min(end, until.sequence)
    elif until is not None and until.time is not None:
        end = await first_since(chat, room_id, until.time, begin, newest.sequence) - 1
    return begin, end


async def first_since(chat: Chat, room_id: str, time: datetime, low: int, newest: int) -> int:
    """The first sequence from `low` on that was sent at the time or later; else newest + 1."""
    high = newest + 1
    while low < high:
        middle = (low + high) // 2
        page = await chat.history(room_id, after=middle - 1, page_size=1)
        if not page.messages:
            return high
        entry = page.messages[0]  # above `middle` if that was deleted meanwhile
        while entry.kind is Kind.DAMAGED and entry.sequence + 1 < high:
            page = await chat.history(room_id, after=entry.sequence, page_size=1)
            if not page.messages or page.messages[0].sequence <= entry.sequence:
                break
            entry = page.messages[0]
        if entry.sent is None or entry.sent < time:
            low = entry.sequence + 1
        else:
            high = middle
    return min(low, newest + 1)


async def print_entries(chat: Chat, room_id: str, printer: Printer, begin: int, end: int) -> None:
    """Print the entries from one sequence to another, a page in memory at a time.

    What is deleted before it is read is told of.
    """
    after = begin - 1
    while after < end:
        page = await chat.history(room_id, after=after, page_size=PAGE_ENTRIES)
        if page.messages and (missed := min(page.messages[0].sequence - 1, end) - after) > 0:
            printer.message(room_id, gap(missed))
        for entry in page.messages:
            if after < entry.sequence <= end:
                printer.message(room_id, entry)
        await drained()
        if not page.messages or page.messages[-1].sequence <= after:
            return
        after = page.messages[-1].sequence
