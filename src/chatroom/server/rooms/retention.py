"""Retention: rooms lose their oldest entries when they keep more than they may."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from chatroom.core.limits import Limits
from chatroom.core.refusals import JournalUnavailable
from chatroom.core.room import Room
from chatroom.journal import Journal, JournalError
from chatroom.server.counters import Counters

log = logging.getLogger(__name__)


class Retention:
    """Trims rooms beside everything else; whoever reads or writes does not wait for it.

    A room is trimmed to its bounds when it exceeds them by a sixteenth, all rooms
    together likewise: then the largest room gives, so that a flood in one room costs
    no other its history.
    """

    def __init__(
        self,
        journal: Journal,
        limits: Limits,
        rooms: Callable[[], Iterable[Room]],
        clock: Callable[[], int] = time.time_ns,
        counters: Counters | None = None,
        *,
        sweep: Callable[[], Awaitable[None]],
    ) -> None:
        """`rooms` are those that are open; `clock` is in ns since 1970.

        `sweep` is called now and then to forget what else has an age.
        """
        self._journal = journal
        self._limits = limits
        self._rooms = rooms
        self._clock = clock
        self._sweep = sweep
        self._counters = counters or Counters()
        self._total = 0
        self._overfull: dict[Room, None] = {}
        self._wake = asyncio.Event()

    def grown(self, room: Room, size: int) -> None:
        """Note that a room keeps `size` bytes more; negative: less."""
        self._total += size
        if room.overfull and room not in self._overfull:
            self._overfull[room] = None
            self._wake.set()
        elif self.kept > self._limits.server_bytes + (self._limits.server_bytes >> 4):
            self._wake.set()

    @property
    def kept(self) -> int:
        """Bytes of all rooms, and of what makes searches quick."""
        return self._total + self._journal.index_bytes

    def dropped(self, room: Room) -> None:
        """Note that a room was deleted; the journal purges it as a whole."""
        self._total -= room.log.size
        self._overfull.pop(room, None)

    async def run(self) -> None:
        """Trim and sweep until cancelled."""
        while True:
            try:
                await self._journal.sweep(self._clock())
                await self._sweep()
                await self._trim_for(self._limits.sweep_interval)
            except (JournalError, JournalUnavailable) as error:
                log.warning("old messages could not be deleted: %s", error)
                await asyncio.sleep(self._limits.sweep_interval)

    async def _trim_for(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await self._trim_rooms()
            await self._trim_server()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end):
                    await self._wake.wait()
            self._wake.clear()

    async def _trim_rooms(self) -> None:
        while self._overfull:
            room = next(iter(self._overfull))
            while room.overfull and room.closed is None:
                if not await self._trim(room, room.history, self._limits.history_bytes):
                    break  # the newest entry stays, whatever its size
            self._overfull.pop(room, None)  # not before: what failed is tried again

    async def _trim_server(self) -> None:
        bound = self._limits.server_bytes
        if self.kept <= bound + (bound >> 4):
            return
        while (surplus := self.kept - bound) > 0:
            room = max(self._rooms(), key=lambda room: room.log.size, default=None)
            if room is None:
                return
            kept = max(room.log.size - surplus, room.log.size // 2)
            if await self._trim(room, room.history, kept) == 0:
                return  # the newest entry of each room stays

    async def _trim(self, room: Room, entries: int, size: int) -> int:
        trimmed = await self._journal.trim(room.facts.key, entries=entries, size=size)
        self._counters.trimmed_bytes += trimmed.freed
        if room.closed is not None:  # meanwhile; `dropped` has counted all of it
            return trimmed.freed
        before = room.log.size
        room.log.trimmed(trimmed.oldest, trimmed.freed, trimmed.size)
        self._total -= before - room.log.size
        return trimmed.freed
