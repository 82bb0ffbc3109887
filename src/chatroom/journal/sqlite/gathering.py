"""Entries of a damaged file, gathered from wherever they are found, and written into blocks.

They come in no order and more than once, so they are gathered as rows in a table that goes with
the connection. An entry is kept if its checksum is right; in the place of every other one
between the oldest and the newest stands a mark.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chatroom.core.entry import STORED_OVERHEAD, Entry, Kind

from . import blocks, rows_of_before
from .blocks import block_of, damaged, place_of
from .rows_of_before import Legible

Row = tuple[Any, ...]
"""Its columns may have any type: they are damaged."""

LARGE = 1 << 62
MOST_MARKS = 1_000
"""Before the oldest entry that was found, or behind the newest: a number that is further away is
damaged itself."""
_AT_ONCE = 1_000
_TABLE = """
CREATE TEMP TABLE gathered (
  room INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  author INTEGER NOT NULL,
  envelope BLOB NOT NULL,
  nonce TEXT NOT NULL,
  PRIMARY KEY (room, sequence)
) STRICT, WITHOUT ROWID
"""


@dataclass(slots=True)
class Room:
    """What its row says of its log, 0 where that cannot be; and what was found."""

    room_id: str
    oldest: int = 0
    size: int = 0
    nonces_from: int = 1
    summed_from: int = 1
    """From where on rows of before blocks must have checksums."""
    places: list[tuple[int, int]] = field(default_factory=list)
    """Sequences that something stood for, sound or not: from one to before another."""


class Gathering:
    """The entries that are found for `new`, in the transaction that is open there."""

    def __init__(self, new: sqlite3.Connection, legible: Legible, *, in_blocks: bool) -> None:
        self._new = new
        self._legible = legible
        self._in_blocks = in_blocks
        new.execute(_TABLE)

    def sound(self, row: Row, summed_from: int = 1) -> list[Entry]:
        """The entries of a row that are sound, with their nonces."""
        if self._in_blocks:
            block = block_of(row[:5])
            return [] if block is None else [entry for entry, sound in block.look() if sound]
        key, sequence = row[:2]
        if not (isinstance(key, int) and isinstance(sequence, int) and sequence > 0):
            return []
        entry = rows_of_before.sound(row, self._legible if sequence < summed_from else None)
        return [] if entry is None else [entry]

    def keep(self, key: int, room: Room, row: Row) -> None:
        """Keep what is sound of a row, and know of its place."""
        if self._in_blocks:
            if (place := place_of(row)) is not None:
                room.places.append(place)
        elif isinstance(row[1], int) and 0 < row[1] < LARGE:
            room.places.append((row[1], row[1] + 1))
        for entry in self.sound(row, room.summed_from):
            self.add(key, entry)

    def add(self, key: int, entry: Entry) -> None:
        """Keep an entry, if there is none in its place."""
        self._new.execute(
            "INSERT OR IGNORE INTO gathered VALUES (?,?,?,?,?,?,?)",
            (
                key, entry.sequence, entry.sent, int(entry.kind), entry.author, entry.envelope,
                entry.nonce,
            ),
        )  # fmt: skip

    def complete(self, key: int, room: Room) -> list[int]:
        """Put a mark in the place of each entry that is missing: their sequences."""
        room.oldest = self._oldest(key, room)
        sql = "SELECT sequence FROM gathered WHERE room = ? AND sequence >= ? ORDER BY sequence"
        lost: list[int] = []
        position = room.oldest - 1
        for (sequence,) in self._new.execute(sql, (key, room.oldest)).fetchall():
            lost += range(position + 1, sequence)
            position = sequence
        for begin, end in sorted(room.places):  # what the newest ones have left
            if begin <= position + 1 < end:
                lost += range(position + 1, end)
                position = end - 1
        for sequence in lost:
            self.add(key, damaged(sequence))
        return lost

    def _oldest(self, key: int, room: Room) -> int:
        """The oldest sequence that was kept: what the room says, if that can be.

        What was trimmed may still be in a block. But the room has counted its bytes, too.
        """
        size = 0
        from_here_on: dict[int, int] = {}
        for sequence, envelope_bytes in self._new.execute(
            "SELECT sequence, length(envelope) FROM gathered WHERE room = ? ORDER BY sequence DESC",
            (key,),
        ):
            size += envelope_bytes + STORED_OVERHEAD
            from_here_on[sequence] = size
        if not from_here_on:
            return max(room.oldest, 1)
        if from_here_on.get(room.oldest) != room.size:
            for sequence, size in from_here_on.items():
                if size == room.size:
                    return sequence
        first, newest = min(from_here_on), max(from_here_on)
        last = newest + MOST_MARKS if self._in_blocks else first
        return room.oldest if max(first - MOST_MARKS, 1) <= room.oldest <= last else first

    def write(self, key: int, room: Room) -> int:
        """Write what was kept of a room into blocks, and its bounds; how many entries."""
        count = size = 0
        for part in self._runs(key, room):
            self._write(key, part, room.nonces_from)
            kept = [entry.stored_bytes for entry in part if entry.sequence >= room.oldest]
            count += len(kept)
            size += sum(kept)
        self._new.execute(
            "UPDATE room SET oldest = ?, nonces_from = ?, size = ? WHERE key = ?",
            (room.oldest if count else 1, room.nonces_from, size, key),
        )
        return count

    def _runs(self, key: int, room: Room) -> Iterator[list[Entry]]:
        """Entries that follow each other: those that are kept, and those whose nonce counts."""
        part: list[Entry] = []
        for sequence, sent, kind, *rest in self._new.execute(
            "SELECT sequence, sent, kind, author, envelope, nonce FROM gathered WHERE room = ? "
            "ORDER BY sequence",
            (key,),
        ):
            entry = Entry(sequence, sent, Kind(kind), *rest)
            if sequence < room.oldest and not (entry.nonce and sequence >= room.nonces_from):
                continue
            if part and (part[-1].sequence + 1 != sequence or len(part) == _AT_ONCE):
                yield part
                part = []
            part.append(entry)
        if part:
            yield part

    def _write(self, key: int, part: list[Entry], nonces_from: int) -> None:
        blocks.STORE.execute(self._new, blocks.rows(key, part, nonced=True))
        count = [entry for entry in part if entry.sequence >= nonces_from]
        blocks.REPLACE_NONCES.execute(self._new, blocks.nonces(key, count))

    def end(self) -> None:
        """Leave nothing but what was written."""
        self._new.execute("DROP TABLE gathered")
