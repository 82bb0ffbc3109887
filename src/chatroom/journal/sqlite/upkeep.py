"""What makes room, in steps of a few milliseconds between which appends are stored.

Each step is a transaction of its own that no loss of power can make wrong: it is not
waited for, and done again if it was lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from chatroom.core.entry import STORED_OVERHEAD
from chatroom.journal.port import NONCE_SECONDS, SESSION_SECONDS, Trimmed

from . import segments
from .blocks import FROM, block_of
from .damage import is_damage
from .statements import ManyRows, Value, not_waited_for, transaction
from .writer import Writer

STEP_ROWS = 250
"""Rows of sessions and nonces deleted in a step: 1 ms, and 3 ms of random nonces."""
STEP_BLOCKS = 32
"""Blocks deleted or looked at in a step."""
STEP_PAGES = 64
"""Pages given back to the system in a step: each is another page moved."""
FREE_BYTES = 4 * 1024 * 1024
FREE_PART = 4
"""A file that has more unused bytes than this, and more than this part of it, is made
smaller. What is less is used again by the next entries."""

_ALL = (1 << 63) - 1
"""Above every sequence."""
_FORGET_NONCES = ManyRows(
    "DELETE FROM nonce WHERE author = ? AND room = ? AND sequence < ? AND nonce IN (VALUES {rows})",
    1,
)
"""Of one author, where they are those of entries of before: each may be used again since."""


@contextmanager
def _step(connection: sqlite3.Connection) -> Iterator[None]:
    with not_waited_for(connection), transaction(connection):
        yield


@dataclass(slots=True)
class Trim:
    """A trim of one room that is under way.

    What is trimmed is below `room.oldest`. A block goes once all of it is, unless one of its
    nonces still counts: then the sweep that forgets them deletes it.
    """

    key: int
    newest: int
    """When it began; that and all later ones stay."""
    cut: int
    """Below this sequence the number of entries makes them go."""
    excess: int
    """Bytes that must go, whatever the number."""
    oldest: int
    freed: int = 0

    @classmethod
    def begin(cls, writer: Writer, key: int, entries: int, size: int) -> Trim:
        """What there is to do: nothing in a room that is not there."""
        row = writer.connection.execute(
            "SELECT oldest, size FROM room WHERE key = ?", (key,)
        ).fetchone()
        oldest, kept = row or (1, 0)
        newest = writer.newest(key) if row else 0
        return cls(key, newest, newest - entries + 1, kept - size, oldest)

    def step(self, writer: Writer) -> bool:
        """Let go of some of the oldest; whether there may be more to do."""
        if not self._has_more():
            return False
        execute = writer.connection.execute
        with _step(writer.connection):
            oldest, freed, known = self.oldest, self.freed, True
            # In a flood as much comes between two steps as one append stores: a trim is faster.
            least = max(2 * writer.appended, 1)
            with closing(execute(FROM, (self.key, oldest, -1))) as rows:
                for number, row in enumerate(rows):
                    enough = number >= STEP_BLOCKS and self.oldest - oldest >= least
                    if enough or not self._has_more():
                        break
                    known &= self._let_go(row)
            if self.oldest == oldest:  # purged meanwhile
                return False
            freed = self.freed - freed
            if not known:
                (size,) = execute("SELECT size FROM room WHERE key = ?", (self.key,)).fetchone()
                freed = size - _size(writer, self.key, self.oldest)
            execute(
                "UPDATE room SET oldest = ?, size = size - ? WHERE key = ?",
                (self.oldest, freed, self.key),
            )
            _forget_blocks(writer, self.key, oldest)
            _forget_segments(writer, self.key, self.oldest)
        return True

    def _has_more(self) -> bool:
        if self.oldest >= self.newest:
            return False
        return self.oldest < self.cut or self.freed < self.excess

    def _let_go(self, row: tuple[Any, ...]) -> bool:
        """Of as many entries of a block as need be; whether their bytes are known."""
        block = block_of(row)
        if block is None:
            return False
        known = block.first <= self.oldest
        if not known:  # what is missing before it is gone
            self.oldest = min(block.first, self.newest)
        sizes = block.sizes[self.oldest - block.first :]
        if block.end <= min(self.cut, self.newest):  # mostly all of it
            self.freed += sum(sizes) + STORED_OVERHEAD * len(sizes)
            self.oldest = block.end
            return known
        for size in sizes:
            if not self._has_more():
                break
            self.freed += size + STORED_OVERHEAD
            self.oldest += 1
        return known

    @property
    def done(self) -> Trimmed:
        """What it has done so far."""
        return Trimmed(self.oldest, self.freed)


def _size(writer: Writer, key: int, oldest: int) -> int:
    """`Entry.stored_bytes` of all of a room from an entry on, as far as that can be told."""
    rows = writer.connection.execute(FROM, (key, oldest, -1))
    blocks = [block for row in rows if (block := block_of(row)) is not None]
    return sum(
        size + STORED_OVERHEAD
        for block in blocks
        for size in block.sizes[max(oldest - block.first, 0) :]
    )


def _forget_blocks(writer: Writer, key: int, sequence: int) -> None:
    """Delete blocks of a room of which nothing is kept and no nonce counts.

    From the one on that has a sequence.
    """
    writer.connection.execute(
        "DELETE FROM block WHERE room = ?1 AND first >= coalesce("
        "  (SELECT max(first) FROM block WHERE room = ?1 AND first <= ?2), 0)"
        " AND first < (SELECT oldest FROM room WHERE key = ?1)"
        " AND first + count <= (SELECT oldest FROM room WHERE key = ?1)"
        " AND (NOT nonced OR first + count <= (SELECT nonces_from FROM room WHERE key = ?1))",
        (key, sequence),
    )


def _forget_segments(writer: Writer, key: int, oldest: int) -> None:
    """Delete those of a room of which nothing is kept."""
    where = "room = ? AND end <= ?"
    writer.index_bytes -= segments.forget(writer.connection, where, key, oldest)


def purge_step(writer: Writer, key: int) -> bool:
    """Delete some of what is kept of a closed room; whether there may be more to do."""
    execute = writer.connection.execute
    with _step(writer.connection):
        if execute("SELECT 1 FROM room WHERE key = ? AND closed", (key,)).fetchone() is None:
            return False
        rows = execute(FROM, (key, 0, STEP_BLOCKS)).fetchall()
        if rows:
            _forget_nonces(writer, key, rows, 0, _ALL)
            _forget_segments(writer, key, rows[-1][1])
            execute("DELETE FROM block WHERE room = ? AND first <= ?", (key, rows[-1][1]))
        else:
            _forget_segments(writer, key, _ALL)
            execute("DELETE FROM room WHERE key = ?", (key,))
    if not rows:
        writer.purged(key)
    return bool(rows)


def _forget_nonces(
    writer: Writer, key: int, rows: Iterable[tuple[Any, ...]], begin: int, end: int
) -> None:
    """Forget the nonces of the entries of blocks from one sequence to before another."""
    old: dict[int, list[Value]] = {}
    legible = True
    for row in rows:
        block = block_of(row)
        if block is None:
            legible = False
        elif block.nonced:
            for entry, sound in block.look():
                if begin <= entry.sequence < end and entry.nonce:
                    old.setdefault(entry.author, []).append(entry.nonce)
                legible &= sound
    for author, nonces in old.items():
        _FORGET_NONCES.execute(writer.connection, nonces, author, key, end)
    if not legible:  # then all are looked at
        writer.connection.execute(
            "DELETE FROM nonce WHERE room = ? AND sequence >= ? AND sequence < ?",
            (key, begin, end),
        )


def forget_sessions_step(writer: Writer, now: int) -> bool:
    """Forget some sessions whose time is over; whether there may be more."""
    with _step(writer.connection):
        forgotten = writer.connection.execute(
            "DELETE FROM member WHERE author IN ("
            "  SELECT author FROM member WHERE ended != 0 AND ended <= ? LIMIT ?)",
            (now - SESSION_SECONDS * 1_000_000_000, STEP_ROWS),
        ).rowcount
    return forgotten >= STEP_ROWS


class NonceSweep:
    """Forgets nonces whose time is over, room by room.

    It goes on where the last one stopped: what was sent first is forgotten first, so
    each entry is looked at once in its life. (An index by time would do it too, and cost
    each entry more than this does.)
    """

    def __init__(self, now: int) -> None:
        """`now` is in ns since 1970."""
        self._until = now - NONCE_SECONDS * 1_000_000_000
        self._rooms: list[int] | None = None

    def step(self, writer: Writer) -> bool:
        """Forget some nonces of one room; whether there may be more."""
        if self._rooms is None:
            self._rooms = writer.open_rooms()
        if not self._rooms:
            return False
        room = self._rooms[-1]
        try:
            more = self._step(writer, room)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            more = False  # the other rooms' are forgotten all the same
        if not more:
            self._rooms.pop()
        return True

    def _step(self, writer: Writer, key: int) -> bool:
        execute = writer.connection.execute
        row = execute("SELECT nonces_from FROM room WHERE key = ?", (key,)).fetchone()
        if row is None:
            return False
        with _step(writer.connection):
            begin = end = row[0]
            rows = execute(FROM, (key, begin, STEP_BLOCKS)).fetchall()
            for row in rows:
                block = block_of(row)
                if block is None:  # it is over when what comes after it is
                    continue
                old = sum([sent <= self._until for sent in block.sent])
                end = max(end, block.first + old)
                if old < block.count:
                    break
            if end == begin:
                return False
            _forget_nonces(writer, key, rows, begin, end)
            execute("UPDATE room SET nonces_from = ? WHERE key = ?", (end, key))
            _forget_blocks(writer, key, begin)
        return len(rows) == STEP_BLOCKS


def give_back_step(writer: Writer) -> bool:
    """Give some unused pages back to the system, if there are many; whether it did."""
    execute = writer.connection.execute
    (pages,) = execute("PRAGMA page_count").fetchone()
    (free,) = execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = execute("PRAGMA page_size").fetchone()
    if free * page_bytes <= FREE_BYTES or free * FREE_PART <= pages:
        return False
    with not_waited_for(writer.connection):
        # A step of the statement is a page, and `execute` makes only the first.
        writer.connection.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")
    (left,) = execute("PRAGMA freelist_count").fetchone()
    return bool(left < free)  # not in a file that could not be made one that shrinks


def shrink(writer: Writer) -> None:
    """Let the file be as short as it has become, unless a reader still needs the rest."""
    writer.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
