"""What is stored in the redo log and not in the tables yet, and reads that must see it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatroom.core.entry import Entry, Kind
from chatroom.core.record import MemberRecord
from chatroom.journal.port import Append

from .merging import Merged, check_order

DUE_ENTRIES = 4_000
DUE_BYTES = 512 * 1024
"""More than either is stored in the tables at once, less after a while. Many at a time are
cheaper: a page that several of them are on is written once."""


class Intake:
    """Appends in their order: first those that the tables get now, then those that come."""

    def __init__(self) -> None:
        self._storing: Merged | None = None
        self._coming = Merged()
        self.last = 0
        """The number of the latest record of the redo log that is here, or was."""
        self._storing_last = 0
        self.stored_last = 0
        """That of the latest one that the tables have."""
        self._newest: dict[int, int] = {}
        """The newest sequence of each open room, with what has just come."""

    def opened(self, key: int, newest: int) -> None:
        """There is a room."""
        self._newest[key] = newest

    def check(self, appends: Sequence[Append]) -> None:
        """Raise JournalConflict if they do not follow what is there."""
        check_order(self._newest, appends)

    def stored(self, appends: Sequence[Append]) -> None:
        """They are stored, here or there."""
        for append in appends:
            if append.closes:
                del self._newest[append.key]
            elif append.entries:
                self._newest[append.key] = append.entries[-1].sequence

    def add(self, appends: Sequence[Append], number: int) -> None:
        """They are in the redo log, under this number."""
        self._coming.add(appends)
        self.last = number
        self.stored(appends)

    def passed(self, number: int) -> None:
        """The tables alone have got something, under this number; nothing else waits for them."""
        self.last = self.stored_last = number

    @property
    def waits(self) -> bool:
        """Whether anything is not in the tables yet."""
        return self.stored_last < self.last

    @property
    def due(self) -> bool:
        """Whether there is much of what has come since the tables got something."""
        return self._coming.entries >= DUE_ENTRIES or self._coming.size >= DUE_BYTES

    @property
    def full(self) -> bool:
        """Whether it is so much that appends wait for the tables."""
        return self._coming.entries >= 2 * DUE_ENTRIES or self._coming.size >= 2 * DUE_BYTES

    def take(self) -> tuple[list[Append], int, bool]:
        """What the tables are to get now, and up to which record; whether it is the first time."""
        new = self._storing is None
        if self._storing is None:
            self._storing, self._coming = self._coming, Merged()
            self._storing_last = self.last
        return self._storing.appends(), self._storing_last, new

    def taken(self) -> None:
        """The tables have it."""
        self._storing = None
        self.stored_last = self._storing_last

    # ---- Reads: what the tables say is made before, or after, they get what is here ----------

    def moment(self) -> list[Merged]:
        """What is here now, the newest first. It stays as it is when the tables have got it."""
        return [self._coming] if self._storing is None else [self._coming, self._storing]

    def entries_of(self, key: int) -> list[Entry]:
        """The entries of a room that are here, as they are now."""
        return [entry for merged in self.moment()[::-1] for entry in merged.entries_of(key)]

    def is_open(self, key: int) -> bool:
        """Whether there is such a room."""
        return key in self._newest


Member = tuple[int, MemberRecord]
"""The key of a room, and somebody in it."""


def with_session(moment: Sequence[Merged], digest: bytes) -> Member | None:
    """Whoever was told of with this session; perhaps of an earlier time."""
    for merged in moment:
        if digest in merged.sessions:
            key, author = merged.sessions[digest]
            record = merged.rooms[key].members[author]
            return None if record is None else (key, record)
    return None


def as_it_was_last(moment: Sequence[Merged], found: Member) -> MemberRecord | None:
    """What is known of a member; None: nothing is kept of it any more."""
    key, record = found
    for merged in moment:
        room = merged.rooms.get(key)
        if room is not None and record.author in room.members:
            return room.members[record.author]
    return record


def upwards(
    page: list[Entry], here: Sequence[Entry], after: int, entries: int, size: int
) -> list[Entry]:
    """A page of the tables above `after`, and what follows it of a room's entries `here`."""
    if not here:
        return page
    size -= sum([len(entry.envelope) for entry in page])
    last = page[-1].sequence if page else after
    for entry in here:
        if len(page) >= entries or (size <= 0 and page):
            break
        if entry.sequence > last:
            page.append(_told(entry))
            size -= len(entry.envelope)
    return page


def downwards(
    here: Sequence[Entry], before: int, entries: int, size: int
) -> tuple[list[Entry], int, int, int]:
    """The newest of a room's entries `here` below `before`, newest first.

    And what the tables are to be asked for: entries below which sequence, how many, and how
    many bytes.
    """
    found: list[Entry] = []
    for entry in reversed(here):
        if not entries or (size <= 0 and found):
            break
        if entry.sequence < before:
            found.append(_told(entry))
            before = entry.sequence
            entries -= 1
            size -= len(entry.envelope)
    return found, before, entries, size


def said(here: Sequence[Entry], before: int, count: int) -> tuple[int, int, int]:
    """As `Journal.said_before`, of a room's entries `here`.

    The sequence found, how many the tables are to be asked for, and below which sequence.
    """
    found = before
    for entry in reversed(here):
        if not count:
            break
        if entry.sequence < before:
            before = entry.sequence
            if entry.kind is Kind.SAID:
                found = before
                count -= 1
    return found, count, before


def _told(entry: Entry) -> Entry:
    """As it is read: without its nonce."""
    return replace(entry, nonce="") if entry.nonce else entry
