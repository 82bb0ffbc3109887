"""A journal in memory: for experiments and tests. It ends with the process."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import NOBODY, Entry, Kind
from chatroom.core.facts import RoomFacts
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.core.query import Query
from chatroom.core.record import MemberRecord

from .port import (
    NONCE_SECONDS,
    SESSION_SECONDS,
    Append,
    Found,
    JournalConflict,
    NewRoom,
    NonceUsed,
    Spoken,
    StoredRoom,
    Trimmed,
    unread,
)

NS = 1_000_000_000

_SEARCHED_AT_ONCE = 200
"""Entries: a millisecond."""

RECORDS = 10_000
"""Audit records that are kept in memory: the newest."""


@dataclass(slots=True)
class _Log:
    facts: RoomFacts
    entries: list[Entry] = field(default_factory=list)
    """What is kept, without nonces; their sequences have no holes."""
    size: int = 0
    """The sum of their `stored_bytes`."""
    closed: bool = False

    @property
    def newest(self) -> int:
        return self.entries[-1].sequence if self.entries else 0

    @property
    def oldest(self) -> int:
        return self.entries[0].sequence if self.entries else 1

    def index(self, sequence: int) -> int:
        """Where in `entries` the first one of this sequence or above is."""
        return min(max(sequence - self.oldest, 0), len(self.entries))


class MemoryJournal:
    """Logs in lists. Everything said in `port` but durability holds."""

    name = "in memory (nothing survives the process)"
    index_bytes = 0

    def __init__(self, spoken: Spoken = unread) -> None:
        """`spoken` reads what searches look at."""
        self._spoken = spoken
        self._logs: dict[int, _Log] = {}
        self._keys = itertools.count(1)
        self._nonces: dict[tuple[int, str], tuple[int, Entry]] = {}
        """By (author, nonce): the room's key and the entry, also when that was trimmed."""
        self._members: dict[int, tuple[int, MemberRecord]] = {}
        """By author: the room's key and the record."""
        self._sessions: dict[bytes, int] = {}
        """Authors by the SHA-256 of their session."""
        self._notes: dict[int, dict[tuple[NoteKind, str], Note]] = {}
        """By the room's key, or `SERVER`."""
        self._records: deque[AuditRecord] = deque(maxlen=RECORDS)
        self._recorded = 0

    async def open(self) -> list[StoredRoom]:
        """List the rooms of this object; a new one has none."""
        for key in [key for key, log in self._logs.items() if log.closed]:
            await self.purge(key)
        return [self._stored(log) for log in self._logs.values()]

    def _stored(self, log: _Log) -> StoredRoom:
        inside = [
            record
            for key, record in self._members.values()
            if key == log.facts.key and not record.ended
        ]
        return StoredRoom(
            log.facts,
            newest=log.newest,
            last_sent=log.entries[-1].sent if log.entries else 0,
            oldest=log.oldest,
            size=log.size,
            inside=sorted(inside, key=lambda record: (record.since, record.author)),
            notes=tuple(self._notes.get(log.facts.key, {}).values()),
            active=next((e.sent for e in reversed(log.entries) if e.kind is Kind.SAID), 0),
        )

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
            creator=room.creator,
        )
        log = self._logs[facts.key] = _Log(facts)
        return self._stored(log)

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Journal.append`."""
        used: dict[tuple[int, str], Entry] = {}
        for append in appends:
            if append.key == SERVER:
                continue
            log = self._logs.get(append.key)
            if log is None or log.closed:
                raise JournalConflict(f"room {append.key} is not open")
            if append.entries and append.entries[0].sequence != log.newest + 1:
                raise JournalConflict(f"room {append.key} is not as expected")
            for entry in append.entries:
                if entry.nonce and (first := self._used_by(entry)) is not None:
                    used[entry.author, entry.nonce] = first
        if used:
            raise NonceUsed(used)
        for append in appends:
            self._store(append)

    def _used_by(self, entry: Entry) -> Entry | None:
        """The entry that was stored first with this nonce, if it still counts."""
        _, first = self._nonces.get((entry.author, entry.nonce), (0, None))
        return first if first and entry.sent - first.sent < NONCE_SECONDS * NS else None

    def _store(self, append: Append) -> None:
        notes = self._notes.setdefault(append.key, {})
        for note in append.notes:
            if note.value:
                notes[note.kind, note.key] = note
            else:
                notes.pop((note.kind, note.key), None)
        if append.key == SERVER:
            return
        log = self._logs[append.key]
        if append.facts is not None:
            log.facts = append.facts
        for entry in append.replaced:
            self._replace(append.key, log, entry)
        for entry in append.entries:
            log.entries.append(replace(entry, nonce="") if entry.nonce else entry)
            log.size += entry.stored_bytes
            if entry.nonce:
                self._nonces[entry.author, entry.nonce] = append.key, entry
        for author in append.gone:
            self._forget(author)
        for record in append.members:
            if record.author not in append.gone:
                self._remember(append.key, record)
        if append.closes:
            log.closed = True
            del self._notes[append.key]
            for author in [a for a, (key, _) in self._members.items() if key == append.key]:
                self._forget(author)

    def _remember(self, key: int, record: MemberRecord) -> None:
        self._forget(record.author)
        if record.session is not None:
            self._forget(self._sessions.get(record.session, NOBODY))
            self._sessions[record.session] = record.author
        self._members[record.author] = key, record

    def _forget(self, author: int) -> None:
        _, record = self._members.pop(author, (0, None))
        if record is not None and record.session is not None:
            del self._sessions[record.session]

    def _replace(self, key: int, log: _Log, entry: Entry) -> None:
        index = log.index(entry.sequence)
        if index < len(log.entries) and log.entries[index].sequence == entry.sequence:
            log.size += entry.stored_bytes - log.entries[index].stored_bytes
            log.entries[index] = replace(entry, nonce="")
        for used, (room, kept) in self._nonces.items():
            if room == key and kept.sequence == entry.sequence:
                self._nonces[used] = room, replace(entry, nonce=kept.nonce)

    async def server_notes(self) -> Sequence[Note]:
        """See `Journal.server_notes`."""
        return list(self._notes.get(SERVER, {}).values())

    async def withdrawn(self) -> bool:
        """See `Journal.withdrawn`."""
        return False

    async def scrub(self) -> bool:
        """See `Journal.scrub`."""
        return True

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """See `Journal.record`."""
        for record in records:
            self._recorded += 1
            self._records.append(replace(record, number=self._recorded))

    async def records(
        self, *, after: int, count: int, since: int = 0, room_id: str = ""
    ) -> list[AuditRecord]:
        """See `Journal.records`."""
        found = (
            record
            for record in self._records
            if record.number > after
            and record.at >= since
            and (not room_id or record.room_id == room_id)
        )
        return list(itertools.islice(found, count))

    async def forget_records(self, before: int) -> None:
        """See `Journal.forget_records`."""
        # All are looked at: the clock may have gone back.
        self._records = deque((each for each in self._records if each.at >= before), RECORDS)

    async def probe(self) -> None:
        """See `Journal.probe`."""

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        log = self._logs.get(key)
        if log is None:
            return []
        start = log.index(after + 1)
        return bounded(log.entries[start : start + entries], size)

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        log = self._logs.get(key)
        if log is None:
            return []
        end = log.index(before)
        newest_first = log.entries[max(end - entries, 0) : end][::-1]
        return bounded(newest_first, size)[::-1]

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        found = before
        log = self._logs.get(key)
        for entry in log.entries[: log.index(before)][::-1] if log else []:
            if entry.kind is Kind.SAID:
                if not count:
                    break
                found, count = entry.sequence, count - 1
        return found

    async def search(self, key: int, query: Query, *, before: int, count: int) -> Found:
        """See `Journal.search`."""
        found: list[Entry] = []
        while len(found) <= count and (log := self._logs.get(key)) is not None:
            end = log.index(before)
            if not end:
                break
            part = log.entries[max(end - _SEARCHED_AT_ONCE, 0) : end][::-1]
            before = part[-1].sequence
            found += [
                entry
                for entry in part
                if entry.kind is Kind.SAID and query.finds(*self._spoken(entry.envelope))
            ]
            await asyncio.sleep(0)
        return Found(found[:count], more=len(found) > count)

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """See `Journal.session`."""
        author = self._sessions.get(digest)
        return None if author is None else self._members[author]

    async def trim(self, key: int, *, entries: int, size: int) -> Trimmed:
        """See `Journal.trim`."""
        log = self._logs.get(key)
        if log is None:
            return Trimmed(1, 0)
        freed = count = 0
        for entry in log.entries[:-1]:
            if len(log.entries) - count <= entries and log.size - freed <= size:
                break
            count += 1
            freed += entry.stored_bytes
        del log.entries[:count]
        log.size -= freed
        return Trimmed(log.oldest, freed)

    async def sweep(self, now: int) -> None:
        """See `Journal.sweep`."""
        nonces_until, sessions_until = now - NONCE_SECONDS * NS, now - SESSION_SECONDS * NS
        self._nonces = {
            used: (key, entry)
            for used, (key, entry) in self._nonces.items()
            if entry.sent > nonces_until
        }
        for _, record in list(self._members.values()):
            if record.ended and record.ended <= sessions_until:
                self._forget(record.author)

    async def purge(self, key: int) -> None:
        """See `Journal.purge`."""
        if key in self._logs and self._logs[key].closed:
            del self._logs[key]
            self._nonces = {
                used: (room, entry) for used, (room, entry) in self._nonces.items() if room != key
            }

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
