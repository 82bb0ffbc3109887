"""Replay: reading a room's log from a position that its tail does not reach."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Iterable
from typing import TypeVar

from chatroom.core import refusals
from chatroom.core.entry import (
    DAMAGED_TEXT,
    NOBODY,
    UNKNOWN_TIME,
    Damaged,
    Draft,
    Encode,
    Entry,
    Kind,
)
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import SERVER_NAME
from chatroom.core.query import Query
from chatroom.core.room import Room
from chatroom.core.tail import joined, without, writes
from chatroom.journal import Found, Journal, JournalError

T = TypeVar("T")

log = logging.getLogger(__name__)

SHOWN = (Kind.SAID, Kind.DAMAGED, Kind.WITHDRAWN)
"""What is replayed as history: a damaged entry may have been said."""


class Replay:
    """Pages of rooms' logs, each at most one write, read at the reader's own pace.

    Whoever replays finds a message of the server's in the place of a damaged entry; whoever
    asks is refused with its sequence.
    """

    def __init__(self, journal: Journal, limits: Limits, encode: Encode) -> None:
        self._journal = journal
        self._limits = limits
        self._encode = encode
        self._told: set[int] = set()
        """Keys of the rooms of which the log says that they are damaged: once each."""

    async def said(self, room: Room, *, before: int, count: int) -> AsyncGenerator[bytes, None]:
        """The newest `count` things said below `before`, oldest first, in writes.

        Raises JournalUnavailable.
        """
        count = min(count, room.history)
        if not count:
            return
        entries = room.tail.said(before, count)
        if entries is not None:
            for data in writes(entries, self._limits.write_bytes):
                yield data
            return
        first = await _guarded(
            self._journal.said_before(room.facts.key, before=before, count=count)
        )
        cursor = first - 1
        while cursor < before - 1:
            page = await self._page(room, cursor)
            if not page:
                return
            cursor = page[-1].sequence
            said = [e.envelope for e in page if e.kind in SHOWN and e.sequence < before]
            if said:
                yield b"".join(said)

    async def catch_up(self, room: Room, member: Member) -> bytes:
        """What follows a cursor that has fallen off the tail; moves the cursor.

        Empty if all of it is the member's own and it asked for no echo, or if its stream
        is to end before it. Raises
        SlowConsumer if it has fallen off what is kept, JournalUnavailable.
        """
        page = await self._page(room, member.cursor)
        if not page or page[0].sequence != member.cursor + 1:
            raise refusals.SlowConsumer(member.cursor, room.facts.epoch)
        if member.final is not None:  # perhaps since the page was asked for
            page = [entry for entry in page if entry.sequence <= member.final]
            if not page:
                return b""
        chunk = joined(page)
        member.cursor = chunk.through
        if member.echo or member.author not in chunk.authors:
            return chunk.data
        return without(page, member.author)

    async def after(self, room: Room, after: int, count: int) -> list[Entry]:
        """The oldest `count` entries above `after`, up to a page's bytes; raises DataLoss."""
        page = await _guarded(
            self._journal.read(
                room.facts.key, after=after, entries=count, size=self._limits.page_bytes
            )
        )
        self._check(room, page)
        return page

    async def before(self, room: Room, before: int, count: int) -> list[Entry]:
        """The newest `count` entries below `before`, up to a page's bytes; raises DataLoss."""
        page = await self._before(room, before, count)
        self._check(room, page[::-1])
        return page

    async def any_before(self, room: Room, before: int) -> bool:
        """Whether there is an entry below `before`, readable or not."""
        return bool(await self._before(room, before, 1))

    async def search(self, room: Room, query: Query, before: int, count: int) -> Found:
        """The newest `count` things said below `before` that a query finds."""
        return await _guarded(
            self._journal.search(room.facts.key, query, before=before, count=count)
        )

    async def _before(self, room: Room, before: int, count: int) -> list[Entry]:
        return await _guarded(
            self._journal.read_before(
                room.facts.key, before=before, entries=count, size=self._limits.page_bytes
            )
        )

    async def _page(self, room: Room, after: int) -> list[Entry]:
        # `size` counts until it is reached, so one entry may stand over it: leave room.
        size = self._limits.write_bytes - 2 * self._limits.text_bytes
        page = await _guarded(
            self._journal.read(room.facts.key, after=after, entries=1000, size=size)
        )
        for entry in page:
            if entry.kind is Kind.DAMAGED:
                self._tell(room, entry)
                (entry.envelope,) = self._encode([DAMAGED], entry.sequence, UNKNOWN_TIME)
        return page

    # ---- Damage -------------------------------------------------------------------

    def _check(self, room: Room, page: Iterable[Entry]) -> None:
        """Raise DataLoss for the first entry of the page that is damaged."""
        for readable, entry in enumerate(page):
            if entry.kind is Kind.DAMAGED:
                self._tell(room, entry)
                raise refusals.DataLoss(entry.sequence, epoch=room.facts.epoch, readable=readable)

    def _tell(self, room: Room, entry: Entry) -> None:
        if room.facts.key not in self._told:
            self._told.add(room.facts.key)
            log.error(
                "room %s: message %d is damaged on disk; `chatserver check` finds all that "
                "are, `chatserver repair` keeps the rest",
                room.room_id,
                entry.sequence,
                extra={"room": room.room_id},
            )


DAMAGED = Draft(Kind.DAMAGED, NOBODY, SERVER_NAME, DAMAGED_TEXT, event=Damaged())
"""What stands in the place of a damaged entry."""


async def _guarded(reading: Awaitable[T]) -> T:
    try:
        return await reading
    except JournalError as error:
        raise refusals.JournalUnavailable(str(error), doing="read") from error
