"""Segments in their tables: which entries have a signature, and its parts.

A row of `segment` has the salt and the ends of the slots, a row of `signature` one part. Both begin
with a checksum (CRC-32), since an index that is damaged must hide no message: what it says of is
read as if there were none.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from .signatures import MOST_PARTS, SALT_BYTES, SLOTS, place, slots_with

_COLUMNS = "key, first, end, parts, slots"
_BELOW = f"SELECT {_COLUMNS} FROM segment WHERE room = ? AND first < ? ORDER BY first DESC LIMIT ?"
_FROM = f"SELECT {_COLUMNS} FROM segment WHERE room = ? AND end > ? ORDER BY first LIMIT 1"
_PART = "SELECT slices FROM signature WHERE key = ?"
_SUM = struct.Struct("<I")
_PLACE = struct.Struct("<qqqqB")
_END = struct.Struct("<I")
_KEY = struct.Struct("<q")

_PAGE_BYTES = 4096
_HEAD_BYTES = 512
"""Of a row of `segment`, with its place in an index; about."""
_SIZE = f"coalesce(sum(parts), 0) * {_PAGE_BYTES} + count(*) * {_HEAD_BYTES}"


@dataclass(slots=True, frozen=True)
class Segment:
    """Which entries a signature is of."""

    key: int
    first: int
    """The sequence of its first entry."""
    end: int
    """The one behind its last."""
    parts: int
    slots: bytes
    """The salt, and the ends of the slots. Empty: it is damaged, and only its place is known."""

    @property
    def salt(self) -> bytes:
        """What hashes of terms depend on."""
        return self.slots[:SALT_BYTES]

    @property
    def all_slots(self) -> int:
        """A bit for each."""
        return (1 << (len(self.slots) - SALT_BYTES) // _END.size) - 1

    def ranges(self, slots: int, below: int) -> Iterator[range]:
        """The sequences of these slots that are below one, downwards, the newest slot first."""
        while slots:
            n = slots.bit_length() - 1
            slots ^= 1 << n
            at = SALT_BYTES + n * _END.size
            first = self.first + (_END.unpack_from(self.slots, at - _END.size)[0] if n else 0)
            last = min(self.first + _END.unpack_from(self.slots, at)[0], below) - 1
            if first <= last:
                yield range(last, first - 1, -1)


def store(
    connection: sqlite3.Connection, room: int, first: int, ends: Sequence[int],
    salt: bytes, parts: Sequence[bytes],
) -> int:  # fmt: skip
    """Add a segment, in the transaction that is open; the bytes that it needs.

    It replaces what damage has left in its place.
    """
    slots = salt + b"".join([_END.pack(end - first) for end in ends])
    key = connection.execute(
        "INSERT OR REPLACE INTO segment (room, first, end, parts, slots) VALUES (?,?,?,?,x'')",
        (room, first, ends[-1], len(parts)),
    ).lastrowid
    assert key is not None
    summed = _sum(key, room, first, ends[-1], len(parts), slots)
    assert summed is not None
    connection.execute("UPDATE segment SET slots = ? WHERE key = ?", (summed + slots, key))
    connection.executemany(
        "INSERT OR REPLACE INTO signature (key, slices) VALUES (?,?)",
        [(at := _part_key(key, n), _part_sum(at, part) + part) for n, part in enumerate(parts)],
    )
    return len(parts) * _PAGE_BYTES + _HEAD_BYTES


def below(connection: sqlite3.Connection, room: int, sequence: int, most: int) -> list[Segment]:
    """The newest segments of a room that have entries below a sequence, the newest first."""
    rows = connection.execute(_BELOW, (room, sequence, most)).fetchall()
    return [_segment(room, row) for row in rows]


def next_from(connection: sqlite3.Connection, room: int, sequence: int) -> Segment | None:
    """The oldest one that has entries from a sequence on."""
    row = connection.execute(_FROM, (room, sequence)).fetchone()
    return None if row is None else _segment(room, row)


def slots_that_may_have(
    connection: sqlite3.Connection, segment: Segment, terms: Sequence[str]
) -> int:
    """One bit for each slot that may have all of the terms. If its signature is damaged, all."""
    found = segment.all_slots
    parts: dict[int, bytes] = {}
    for term in terms:
        number, slices = place(term, segment.salt, segment.parts)
        if number not in parts:
            key = _part_key(segment.key, number)
            (octets,) = connection.execute(_PART, (key,)).fetchone() or (b"",)
            part = octets[_SUM.size :]
            if octets[: _SUM.size] != _part_sum(key, part):
                continue
            parts[number] = part
        found &= slots_with(parts[number], slices)
        if not found:
            break
    return found


def forget(connection: sqlite3.Connection, where: str, *values: int) -> int:
    """Delete segments, in the transaction that is open; the bytes that they needed.

    `where` is an expression over the columns of `segment`.
    """
    (size,) = connection.execute(f"SELECT {_SIZE} FROM segment WHERE {where}", values).fetchone()
    if size:
        connection.execute(
            f"DELETE FROM signature WHERE key IN (SELECT segment.key * {MOST_PARTS} + number.value "
            f"FROM segment, ({_NUMBERS}) AS number WHERE {where})",
            values,
        )
        connection.execute(f"DELETE FROM segment WHERE {where}", values)
    return int(size)


_NUMBERS = (
    "SELECT column1 AS value FROM (VALUES "
    + ",".join(f"({number})" for number in range(MOST_PARTS))
    + ")"
)


def salts(connection: sqlite3.Connection, room: int, sequence: int) -> list[bytes]:
    """By what copies of the segments that an entry is in are found in the file."""
    return [
        bytes(slots)
        for (slots,) in connection.execute(
            "SELECT slots FROM segment WHERE room = ? AND first <= ? AND end > ?",
            (room, sequence, sequence),
        )
    ]


def size(connection: sqlite3.Connection) -> int:
    """Bytes that all of them need."""
    return int(connection.execute(f"SELECT {_SIZE} FROM segment").fetchone()[0])


def _segment(room: int, row: tuple[Any, ...]) -> Segment:
    key, first, end, parts, octets = row
    slots = octets[_SUM.size :]
    if octets[: _SUM.size] != _sum(key, room, first, end, parts, slots):
        slots = b""
    return Segment(key, first, end, parts, slots)


def _sum(key: int, room: int, first: int, end: int, parts: int, slots: bytes) -> bytes | None:
    if not (0 < parts <= MOST_PARTS and 0 < len(slots) - SALT_BYTES <= SLOTS * _END.size):
        return None
    return _SUM.pack(crc32(slots, crc32(_PLACE.pack(key, room, first, end, parts))))


def _part_key(segment: int, number: int) -> int:
    return segment * MOST_PARTS + number


def _part_sum(key: int, part: bytes) -> bytes:
    return _SUM.pack(crc32(part, crc32(_KEY.pack(key))))
