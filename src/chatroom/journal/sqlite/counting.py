"""What blocks hold, room by room: for a check, which reads all of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chatroom.core.entry import STORED_OVERHEAD, Entry, Kind

from .blocks import COLUMNS, Block, block_of, place_of

MOST_FINDINGS = 20
"""Of damaged messages; one broken page can make thousands."""
_ENVELOPE_HEAD = 5


@dataclass(slots=True)
class Counted:
    """What is kept of one room."""

    entries: int = 0
    oldest: int = 1
    newest: int = 0
    size: int = 0
    """`Entry.stored_bytes`, but of blocks that are damaged."""
    lost: int = 0
    """Marks that a repair has left."""
    end: int = 0
    """The sequence behind its last block."""


@dataclass(slots=True)
class Count:
    """All blocks of a file. Reading it raises sqlite3.Error where that cannot be read."""

    connection: sqlite3.Connection
    rooms: dict[int, Counted] = field(default_factory=dict)
    """By key."""
    nonces: int = 0
    """Those in the table that an entry has."""
    _damaged: int = 0
    _ill_enveloped: int = 0
    _nowhere: int = 0
    _twice: int = 0

    def findings(self) -> Iterator[str]:
        """Read all of it; what is wrong, a sentence each."""
        facts = {
            key: (room_id, oldest)
            for key, room_id, oldest, closed in self.connection.execute(
                "SELECT key, room_id, oldest, closed FROM room"
            )
            if not closed
        }
        known = {key for (key,) in self.connection.execute("SELECT key FROM room")}
        for row in self.connection.execute(f"SELECT {COLUMNS} FROM block ORDER BY room, first"):
            room_id, oldest = facts.get(row[0], ("unknown", 1))
            if row[0] not in known:
                self._nowhere += row[2] if isinstance(row[2], int) else 1
            yield from self._block(row, room_id, oldest if isinstance(oldest, int) else 1)
        if self._damaged > MOST_FINDINGS:
            yield f"{self._damaged - MOST_FINDINGS} messages more are damaged"
        for count, what in (
            (self._ill_enveloped, "messages whose envelope is not as long as it says"),
            (self._nowhere, "messages of rooms that are not there"),
            (self._twice, "messages that are there twice"),
        ):
            if count:
                yield f"{count} {what}"

    def _block(self, row: tuple[Any, ...], room_id: str, oldest: int) -> Iterator[str]:
        place = place_of(row)
        if place is None:
            self._damaged += 1
            yield f"room {room_id}: some messages are damaged"
            return
        first, end = place
        counted = self.rooms.setdefault(row[0], Counted())
        block = block_of(row)
        self._twice += max(0, counted.end - first)
        counted.end = max(counted.end, end)
        begin = max(first, oldest)
        if begin < end:
            if not counted.entries:
                counted.oldest = begin
            counted.entries += end - begin
            counted.newest = end - 1
        if block is None:
            for sequence in range(begin, end):
                yield from self._is_damaged(room_id, "message", sequence)
            return
        counted.size += sum(size + STORED_OVERHEAD for size in block.sizes[begin - first :])
        yield from self._entries(block, room_id, begin, counted)

    def _entries(self, block: Block, room_id: str, begin: int, counted: Counted) -> Iterator[str]:
        for entry, sound in block.look():
            if not sound:
                what = "message" if entry.sequence >= begin else "the copy of message"
                yield from self._is_damaged(room_id, what, entry.sequence)
            elif entry.kind is Kind.DAMAGED:
                counted.lost += entry.sequence >= begin
            else:
                self._ill_enveloped += not _is_enveloped(entry)
            if entry.nonce:
                place = self.connection.execute(_NONCE, (entry.author, entry.nonce)).fetchone()
                self.nonces += place == (block.room, entry.sequence)

    def _is_damaged(self, room_id: str, what: str, sequence: int) -> Iterator[str]:
        self._damaged += 1
        if self._damaged <= MOST_FINDINGS:
            yield f"room {room_id}: {what} {sequence} is damaged"


_NONCE = "SELECT room, sequence FROM nonce WHERE author = ? AND nonce = ?"


def _is_enveloped(entry: Entry) -> bool:
    """Whether its envelope is as long as it says."""
    head, size = entry.envelope[:_ENVELOPE_HEAD], len(entry.envelope) - _ENVELOPE_HEAD
    return size >= 0 and head == b"\0" + size.to_bytes(4, "big")
