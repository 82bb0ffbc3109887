"""Blocks: entries of one room that follow each other, as one row of the table `block`.

The row says the room, the sequence of the first entry, how many there are, and whether any of
them has a nonce. Its blob has a head, in which each field is a column: time, author, bytes of
the envelope, checksum, kind, and if there are nonces their bytes; the CRC-32 (of zlib) of what
the row says and the head; then all envelopes and all nonces. Numbers are little endian, nonces
UTF-8.

An entry's checksum is the CRC-32 of its envelope and its nonce. So a byte that has changed on
disk is found when it is read, and costs one entry, or if it is in a head all of the block.
SQLite itself looks at no content. Why entries are not rows: docs/decisions/0027-blocks.md.
"""

from __future__ import annotations

import sqlite3
import struct
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any
from zlib import crc32

from chatroom.core.entry import NOBODY, UNKNOWN_TIME, Entry, Kind

from .statements import ManyRows, Value

COLUMNS = "room, first, count, nonced, entries"
"""Of a row, in the order of `block_of`."""

MOST_BYTES = 4_000
"""Of a blob: then a block is one page of SQLite's."""
FEW, MOST_BYTES_OF_FEW = 8, 16_000
"""Large entries: so many may have more together, since a page for each would be half empty. A
single one may have any number."""

_PLACE = struct.Struct("<qqqB")
_SUM = struct.Struct("<I")
_ENTRY_BYTES, _NONCED_BYTES = struct.calcsize("<qqIIB"), struct.calcsize("<qqIIBH")
_KINDS = {int(kind): kind for kind in Kind}
_SAID = int(Kind.SAID)
_BEFORE_BYTES, _BEHIND_BYTES, _TAIL_BYTES = 16, 16, 128
"""By which a copy of what was replaced is found; the last is more than follows a text in an
envelope, so that it has its sequence and its time."""


def damaged(sequence: int) -> Entry:
    """What is read in the place of an entry that is damaged, or was when it was repaired."""
    return Entry(sequence, UNKNOWN_TIME, Kind.DAMAGED, NOBODY, b"")


# ---- Writing ------------------------------------------------------------------------


def rows(
    room: int, entries: Sequence[Entry], *, nonced: bool, wrong: Container[int] = ()
) -> list[Value]:
    """The values of `COLUMNS` of as few blocks as they need, one row behind the other.

    The entries follow each other. Not `nonced`: none of them has a nonce. `wrong`: sequences of
    those that are damaged and stay it.
    """
    found: list[Value] = []
    if nonced:
        sizes = [len(e.envelope) + len(e.nonce.encode()) + _NONCED_BYTES for e in entries]
    else:
        sizes = [len(entry.envelope) + _ENTRY_BYTES for entry in entries]
    ends = list(accumulate(sizes))
    at = used = 0
    while at < len(entries):
        end = bisect_right(ends, used + MOST_BYTES, at)
        if end - at < FEW:
            end = min(bisect_right(ends, used + MOST_BYTES_OF_FEW, at), at + FEW)
            end = max(end, at + 1)
        part = entries[at:end]
        with_nonces = nonced and any(entry.nonce for entry in part)
        octets = _encoded(room, part, with_nonces, wrong)
        found += (room, part[0].sequence, len(part), int(with_nonces), octets)
        at, used = end, ends[end - 1]
    return found


def nonces(room: int, entries: Iterable[Entry]) -> list[Value]:
    """The rows of `nonce` for entries: author, nonce, room, sequence, one behind the other."""
    return [
        value
        for entry in entries
        if entry.nonce
        for value in (entry.author, entry.nonce, room, entry.sequence)
    ]


def _encoded(room: int, entries: Sequence[Entry], nonced: bool, wrong: Container[int]) -> bytes:
    envelopes = [entry.envelope for entry in entries]
    nonces = [entry.nonce.encode() for entry in entries] if nonced else []
    sums = list(map(crc32, envelopes))
    if nonced:
        sums = list(map(crc32, nonces, sums))
    if wrong:
        right = zip(entries, sums, strict=True)
        sums = [summed ^ (entry.sequence in wrong) for entry, summed in right]
    columns = _columns(len(entries), nonced=nonced).pack(
        *[entry.sent for entry in entries],
        *[entry.author for entry in entries],
        *map(len, envelopes),
        *sums,
        *[entry.kind for entry in entries],
        *map(len, nonces),
    )
    head = _head(room, entries[0].sequence, len(entries), columns, nonced=nonced)
    return b"".join((head, *envelopes, *nonces))


@lru_cache(maxsize=512)
def _columns(count: int, *, nonced: bool) -> struct.Struct:
    n = count
    return struct.Struct(f"<{n}q{n}q{n}I{n}I{n}B" + (f"{n}H" if nonced else ""))


def _head(room: int, first: int, count: int, columns: bytes, *, nonced: bool) -> bytes:
    place = _PLACE.pack(room, first, count, nonced)
    return columns + _SUM.pack(crc32(columns, crc32(place)))


# ---- Reading ------------------------------------------------------------------------


@dataclass(slots=True)
class Block:
    """A block with a sound head. What stands behind that need not be."""

    room: int
    first: int
    count: int
    nonced: bool
    octets: bytes
    body: int
    """Where the head ends."""
    sent: Sequence[int]
    authors: Sequence[int]
    sizes: Sequence[int]
    """Bytes of each envelope."""
    sums: Sequence[int]
    kinds: Sequence[int]
    nonce_sizes: Sequence[int]
    """Empty if it is not `nonced`."""

    @property
    def end(self) -> int:
        """The sequence behind its last entry."""
        return self.first + self.count

    def entries(self, begin: int, end: int) -> list[Entry]:
        """Those from one sequence to before another, as they are read: without nonces."""
        return [
            Entry(self.first + n, self.sent[n], _KINDS[self.kinds[n]], self.authors[n], envelope)
            if sound
            else damaged(self.first + n)
            for n, envelope, _, sound in self._look(begin, end)
        ]

    def said(self, begin: int, end: int) -> Iterator[bytes]:
        """The envelopes of what was said from one sequence to before another.

        Whether they are sound nobody has looked at.
        """
        first, last = max(begin - self.first, 0), min(end - self.first, self.count)
        at = self.body + sum(self.sizes[:first])
        for size, kind in zip(self.sizes[first:last], self.kinds[first:last], strict=True):
            if kind == _SAID:
                yield self.octets[at : at + size]
            at += size

    def look(self) -> Iterator[tuple[Entry, bool]]:
        """All with their nonces, and whether each is sound.

        One that is not has its author, its time and what may be its nonce all the same.
        """
        for n, envelope, nonce, sound in self._look(self.first, self.end):
            found = damaged(self.first + n)
            found.sent, found.author = self.sent[n], self.authors[n]
            found.nonce = nonce.decode(errors="replace")
            if sound:
                found.kind, found.envelope = _KINDS[self.kinds[n]], envelope
            yield found, sound

    def _look(self, begin: int, end: int) -> Iterator[tuple[int, bytes, bytes, bool]]:
        """The number of each in the block, its envelope, its nonce, and whether it is sound."""
        first, last = max(begin - self.first, 0), min(end - self.first, self.count)
        at = self.body + sum(self.sizes[:first])
        nonce_at = self.body + sum(self.sizes) + sum(self.nonce_sizes[:first])
        nonce = b""
        for n in range(first, last):
            envelope = self.octets[at : at + self.sizes[n]]
            at += self.sizes[n]
            summed = crc32(envelope)
            if self.nonced:
                nonce = self.octets[nonce_at : nonce_at + self.nonce_sizes[n]]
                nonce_at += self.nonce_sizes[n]
                summed = crc32(nonce, summed)
            yield n, envelope, nonce, summed == self.sums[n] and self.kinds[n] in _KINDS

    def with_replaced(self, entry: Entry) -> tuple[bytes, list[bytes]]:
        """The blob with an entry in the place of the one of its sequence, whose nonce stays.

        And by what a copy of what was there is found: how it began and what stood before that,
        and how it ended.
        """
        ((n, was, nonce, _),) = self._look(entry.sequence, entry.sequence + 1)
        new = entry.envelope
        if was == new:
            return self.octets, []
        at = self.body + sum(self.sizes[:n])
        columns = _columns(self.count, nonced=self.nonced).pack(
            *_with(self.sent, n, entry.sent),
            *_with(self.authors, n, entry.author),
            *_with(self.sizes, n, len(new)),
            *_with(self.sums, n, crc32(nonce, crc32(new))),
            *_with(self.kinds, n, int(entry.kind)),
            *self.nonce_sizes,
        )
        head = _head(self.room, self.first, self.count, columns, nonced=self.nonced)
        rest = self.octets[at + len(was) :]
        same = next((i for i in range(len(was)) if was[i : i + 1] != new[i : i + 1]), len(was))
        begin = self.octets[at - _BEFORE_BYTES : at] + was[: same + _BEHIND_BYTES]
        octets = b"".join((head, self.octets[self.body : at], new, rest))
        return octets, [begin, was[-_TAIL_BYTES:]]


def _with(numbers: Sequence[int], n: int, number: int) -> list[int]:
    return [*numbers[:n], number, *numbers[n + 1 :]]


def block_of(row: Sequence[Any]) -> Block | None:
    """The block of a row of `COLUMNS`, which may have any type and value; None: it is damaged."""
    room, first, count, nonced, octets = row
    if nonced not in (0, 1) or place_of(row) is None:
        return None
    size = _columns(1, nonced=bool(nonced)).size * count
    head = octets[: size + _SUM.size]
    if head != _head(room, first, count, head[:size], nonced=bool(nonced)):
        return None
    columns = _columns(count, nonced=bool(nonced)).unpack_from(head)
    sent, authors, sizes, sums, kinds, nonce_sizes = (
        columns[n * count : (n + 1) * count] for n in range(6)
    )
    return Block(
        room, first, count, bool(nonced), octets, len(head), sent, authors, sizes, sums, kinds,
        nonce_sizes,
    )  # fmt: skip


def place_of(row: Sequence[Any]) -> tuple[int, int] | None:
    """The first sequence that a row says it has, and the one behind its last; it need not be so.

    None: that cannot be, since its blob has no room for so many.
    """
    room, first, count, _, octets = row
    if not all(isinstance(each, int) for each in (room, first, count)):
        return None
    if not (isinstance(octets, bytes) and 0 < count <= len(octets) // _ENTRY_BYTES):
        return None
    return (first, first + count) if 0 < first < 1 << 62 else None


# ---- In their tables ----------------------------------------------------------------

_BLOCKS = f"INTO block ({COLUMNS}) VALUES {{rows}}"
_NONCES = "INTO nonce (author, nonce, room, sequence) VALUES {rows}"
STORE, REPLACE = (ManyRows(f"INSERT OR {how} {_BLOCKS}", 5) for how in ("ROLLBACK", "REPLACE"))
STORE_NONCES, REPLACE_NONCES = (
    ManyRows(f"INSERT OR {how} {_NONCES}", 4) for how in ("ROLLBACK", "REPLACE")
)
"""The latter take the place of what is there: in a file of before, or one that is damaged, an entry
may be twice, and so may a nonce that was used again after its time."""
FROM = (
    f"SELECT {COLUMNS} FROM block WHERE room = ?1 AND first >= coalesce("
    "(SELECT max(first) FROM block WHERE room = ?1 AND first <= ?2), 0) ORDER BY first LIMIT ?3"
)
"""Blocks of a room, upwards from the one on that may have a sequence; limit -1: all of them."""
_AT = f"SELECT {COLUMNS} FROM block WHERE room = ? AND first <= ? ORDER BY first DESC LIMIT ?"
LOOKED_AT = 4
"""Blocks among which the one of an entry is looked for: the first that is sound."""


def rows_at(
    connection: sqlite3.Connection, room: int, sequence: int, most: int = LOOKED_AT
) -> list[Any]:
    """Rows of blocks, downwards from the one on that may have an entry. Raises sqlite3.Error."""
    return connection.execute(_AT, (room, sequence, most)).fetchall()


def block_with(
    connection: sqlite3.Connection, room: int, sequence: int, most: int = LOOKED_AT
) -> Block | None:
    """The block that an entry is in; None: there is none that is sound. Raises sqlite3.Error."""
    for row in rows_at(connection, room, sequence, most):
        block = block_of(row)
        if block is not None:  # another one may be where it should not
            return block if sequence < block.end else None
    return None
