"""A journal in memory: for experiments and tests. It ends with the process."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from chatroom.core.entry import Entry, Kind
from chatroom.core.room import RoomFacts

from .port import Append, JournalConflict, NewRoom, StoredRoom


@dataclass(slots=True)
class _Log:
    facts: RoomFacts
    entries: list[Entry] = field(default_factory=list)
    closed: bool = False


class MemoryJournal:
    """Logs in lists. Everything said in `port` but durability holds."""

    name = "in memory (nothing survives the process)"

    def __init__(self) -> None:
        self._logs: dict[int, _Log] = {}
        self._keys = itertools.count(1)

    async def open(self) -> list[StoredRoom]:
        """List the rooms of this object; a new one has none."""
        for key in [key for key, log in self._logs.items() if log.closed]:
            del self._logs[key]
        return [
            StoredRoom(log.facts, len(log.entries), log.entries[-1].sent if log.entries else 0)
            for log in self._logs.values()
        ]

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """See `Journal.create_room`."""
        facts = RoomFacts(
            key=next(self._keys),
            room_id=room.room_id,
            epoch=room.epoch,
            created=room.created,
            title=room.title,
            private=room.private,
            capacity=room.capacity,
            history=room.history,
        )
        self._logs[facts.key] = _Log(facts)
        return StoredRoom(facts, 0, 0)

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Journal.append`."""
        for append in appends:
            log = self._logs.get(append.key)
            if log is None or log.closed or append.entries[0].sequence != len(log.entries) + 1:
                raise JournalConflict(f"room {append.key} is not as expected")
        for append in appends:
            log = self._logs[append.key]
            log.entries.extend(append.entries)
            log.closed = append.closes

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        log = self._logs.get(key)
        return [] if log is None else bounded(log.entries[after : after + entries], size)

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        log = self._logs.get(key)
        if log is None:
            return []
        end = min(max(before - 1, 0), len(log.entries))
        newest_first = log.entries[max(end - entries, 0) : end][::-1]
        return bounded(newest_first, size)[::-1]

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        found = before
        log = self._logs.get(key)
        for entry in log.entries[: max(before - 1, 0)][::-1] if log else []:
            if entry.kind is Kind.SAID:
                if not count:
                    break
                found, count = entry.sequence, count - 1
        return found

    async def purge(self, key: int) -> None:
        """See `Journal.purge`."""
        self._logs.pop(key, None)

    async def close(self) -> None:
        """Nothing to let go of."""


def bounded(entries: Sequence[Entry], size: int) -> list[Entry]:
    """The first entries up to the one with which their envelopes have `size` bytes."""
    taken: list[Entry] = []
    for entry in entries:
        taken.append(entry)
        size -= len(entry.envelope)
        if size <= 0:
            break
    return taken
