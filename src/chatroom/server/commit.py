"""The commit loop: one turn, one batch, durable before visible.

Whatever was drafted while the last batch was being stored is the next batch, for all
rooms together: group commit and group broadcast are one thing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from chatroom.core.entry import Draft, Encode, Entry
from chatroom.core.limits import Limits
from chatroom.core.refusals import JournalUnavailable
from chatroom.core.room import Room
from chatroom.journal import Append, Journal, JournalError

log = logging.getLogger(__name__)

OUTAGE_LINES_NS = 60 * 10**9
"""While nothing can be stored, one line in so many ns: the log is often on the same disk."""


class CommitLoop:
    """Takes drafts from rooms, has them stored, publishes the entries.

    `touch` says that a room has drafts. `room_to_read` is where streams wait while
    more than `pending_bytes` wait for the journal: that is the back-pressure.
    """

    def __init__(
        self,
        journal: Journal,
        encode: Encode,
        limits: Limits,
        *,
        on_closed: Callable[[Room], Awaitable[None]],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`on_closed` is awaited after a room's closing entry was published."""
        self._journal = journal
        self._encode = encode
        self._limits = limits
        self._on_closed = on_closed
        self._clock = clock
        self._dirty: dict[Room, None] = {}
        self._wake = asyncio.Event()
        self._turned = asyncio.Event()
        self._retrying: set[Room] = set()
        """Rooms that a timer will touch again."""
        self._drafted = 0
        self._stopping = False
        self._failed_turns = 0
        """In a row, up to now."""
        self._said_failed = 0

    def touch(self, room: Room, size: int = 0) -> None:
        """Note that `room` has drafts; `size` bytes of text came with the latest."""
        self._drafted += size
        if room not in self._dirty:
            self._dirty[room] = None
            self._wake.set()

    @property
    def full(self) -> bool:
        """Whether so much waits for the journal that streams are not read."""
        return self._drafted > self._limits.pending_bytes

    async def room_to_read(self) -> None:
        """Return once little enough waits for the journal."""
        while self.full:
            self._turned.clear()
            await self._turned.wait()

    async def stop(self) -> None:
        """Commit what is drafted, then let `run` return."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Take turns until `stop`."""
        while True:
            if not self._dirty:
                if self._stopping:
                    return
                await self._wake.wait()
                self._wake.clear()
                continue
            rooms, self._dirty = self._dirty, {}
            self._drafted = 0
            try:
                await self._turn(list(rooms))
            finally:
                self._turned.set()

    def _retry(self, room: Room) -> None:
        self._retrying.discard(room)
        self.touch(room)

    async def _turn(self, rooms: list[Room]) -> None:
        now = self._clock()
        batch: list[tuple[Room, list[Draft], list[Entry]]] = []
        for room in rooms:
            drafts = room.take()
            if drafts:
                batch.append((room, drafts, room.stamp(drafts, now, self._encode)))
        if not batch:
            return
        try:
            await self._journal.append(
                [Append(room.facts.key, entries, room.closing) for room, _, entries in batch]
            )
        except JournalError as error:
            self._say_failed(error, now)
            for room, drafts, _ in batch:
                room.fail(drafts, JournalUnavailable(str(error)))
                if room.pending and room not in self._retrying and not self._stopping:
                    self._retrying.add(room)
                    asyncio.get_running_loop().call_later(
                        self._limits.journal_retry, self._retry, room
                    )
            return
        self._say_stored()
        for room, drafts, entries in batch:
            room.publish(drafts, entries)
            if room.closed is not None:
                await self._on_closed(room)

    def _say_failed(self, error: JournalError, now: int) -> None:
        self._failed_turns += 1
        if self._failed_turns == 1 or now - self._said_failed >= OUTAGE_LINES_NS:
            self._said_failed = now
            log.error("cannot store messages: %s", error)

    def _say_stored(self) -> None:
        if self._failed_turns:
            log.warning("messages are stored again, after %d failures", self._failed_turns)
            self._failed_turns = 0
