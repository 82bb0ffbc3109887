"""How the bytes of a message that was withdrawn leave the file.

In its row stand other bytes at once. What SQLite deletes stays where it was until something else
is written there, unless secure_delete is on; the write-ahead log has pages as they were until it
is begun anew; so has the redo log. And when a page is full, SQLite moves rows to others and leaves
copies in the unused part of the page, whatever secure_delete says: measured, one of 80 withdrawn
messages was still there. So the file is looked through, and if need be written anew.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chatroom.core.entry import Entry

from . import blocks, segments

log = logging.getLogger(__name__)

_OLDEST = "SELECT oldest FROM room WHERE key = ?"
_WITH = "room = ? AND first <= ? AND end > ?"
"""Segments that an entry is in: its words could be guessed by them."""
_WRITE = "UPDATE OR ROLLBACK block SET entries = ? WHERE room = ? AND first = ?"
_WITHDRAWN = "UPDATE OR ROLLBACK run SET withdrawn = 1"
_PART_BYTES = 64
_PAGE_BYTES = 4096
"""Where a block is damaged, so many of each so many bytes are looked for."""
_READ_BYTES = 1024 * 1024
_LARGE_BYTES = 64 * 1024 * 1024
"""A file above it takes so long to be written anew that the log says so: above a second."""


@contextmanager
def secure_delete(connection: sqlite3.Connection) -> Iterator[None]:
    """Have what is deleted overwritten with zeros."""
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete = OFF").fetchall()


def replace(connection: sqlite3.Connection, room: int, replaced: Sequence[Entry]) -> list[bytes]:
    """Give entries other bytes in their places, as far as they are kept, and their checksums.

    In the transaction that is open, with secure_delete on. Returns by what a copy of each is
    found in the file.
    """
    marks: list[bytes] = []
    for entry in replaced:
        marks += segments.salts(connection, room, entry.sequence)
        segments.forget(connection, _WITH, room, entry.sequence, entry.sequence)
        block = blocks.block_with(connection, room, entry.sequence)
        if block is None:
            marks += _emptied(connection, room, entry.sequence)
            continue
        octets, more = block.with_replaced(entry)
        (oldest,) = connection.execute(_OLDEST, (room,)).fetchone() or (1,)
        if entry.sequence >= oldest:
            grown = len(entry.envelope) - block.sizes[entry.sequence - block.first]
            connection.execute(
                "UPDATE OR ROLLBACK room SET size = size + ? WHERE key = ?", (grown, room)
            )
        connection.execute(_WRITE, (octets, room, block.first))
        connection.execute(_WITHDRAWN)
        marks += more
    return [mark for mark in marks if mark]


def _emptied(connection: sqlite3.Connection, room: int, sequence: int) -> list[bytes]:
    """Nobody reads a block whose head is damaged, but what was said is in it."""
    marks: list[bytes] = []
    for row in blocks.rows_at(connection, room, sequence):
        place = blocks.place_of(row)
        if place is not None and place[0] <= sequence < place[1]:
            octets = row[-1]
            connection.execute(_WRITE, (bytes(len(octets)), room, place[0]))
            connection.execute(_WITHDRAWN)
            marks += [octets[at : at + _PART_BYTES] for at in range(0, len(octets), _PAGE_BYTES)]
    return marks


class Scrubber:
    """Sees to it that what was withdrawn has left a file; used by the writer's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        """Opened once, and closed after SQLite has let go: before, that would end SQLite's locks
        (fcntl, 2)."""

    def scrub(self, connection: sqlite3.Connection, marks: list[bytes]) -> bool:
        """Leave nothing in the file by which one of the marks is found; none: nothing at all.

        False if somebody reads the file as it was; else the list is empty. Raises sqlite3.Error,
        OSError.
        """
        with secure_delete(connection):
            connection.executescript("PRAGMA incremental_vacuum")
            if not _checkpointed(connection):
                return False
            if not marks or self._has_any(marks):
                if self._path.stat().st_size > _LARGE_BYTES:
                    log.info("%s is written anew, since a message was withdrawn", self._path)
                connection.execute("VACUUM")
                if not _checkpointed(connection) or self._has_any(marks):
                    return False
            connection.execute("UPDATE run SET withdrawn = 0")
        marks.clear()
        return True

    def _has_any(self, marks: Sequence[bytes]) -> bool:
        if self._file is None:
            flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_BINARY", 0)
            self._file = os.open(self._path, flags)
        before = b""
        os.lseek(self._file, 0, os.SEEK_SET)
        longest = max(map(len, marks), default=0)
        while data := os.read(self._file, _READ_BYTES):
            part = before + data
            if any(mark in part for mark in marks):
                return True
            before = part[-longest:]
        return False

    def close(self) -> None:
        """Let go of the file, after SQLite has."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def withdrawn(connection: sqlite3.Connection) -> bool:
    """Whether something was, and it is not known to have left the file."""
    return bool(connection.execute("SELECT withdrawn FROM run").fetchone() == (1,))


def _checkpointed(connection: sqlite3.Connection) -> bool:
    """Copy the write-ahead log into the file, and leave nothing of it; False: not now."""
    ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not busy
