"""What makes room, in steps of a few milliseconds between which appends are stored.

Each step is a transaction of its own that no loss of power can make wrong: it is not
waited for, and done again if it was lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chatroom.journal.port import NONCE_SECONDS, SESSION_SECONDS, Trimmed

from .damage import is_damage
from .statements import STORED_BYTES, not_waited_for, transaction
from .writer import Writer

STEP_ROWS = 250
"""Rows deleted or changed in a step: 1 ms, and 3 ms when each has a random nonce."""
STEP_BYTES = 128 * 1024
"""Of envelopes deleted in a step, unless one entry is larger."""
STEP_PAGES = 64
"""Pages given back to the system in a step: each is another page moved."""
FREE_BYTES = 4 * 1024 * 1024
FREE_PART = 4
"""A file that has more unused bytes than this, and more than this part of it, is made
smaller. What is less is used again by the next entries."""

_ALL = (1 << 63) - 1
"""Above every sequence."""


@contextmanager
def _step(connection: sqlite3.Connection) -> Iterator[None]:
    with not_waited_for(connection), transaction(connection):
        yield


@dataclass(slots=True)
class Trim:
    """A trim of one room that is under way."""

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
            "SELECT oldest, size, (SELECT max(sequence) FROM entry WHERE room = key) "
            "FROM room WHERE key = ?",
            (key,),
        ).fetchone()
        oldest, kept, newest = row or (1, 0, None)
        newest = newest or 0
        return cls(key, newest, newest - entries + 1, kept - size, oldest)

    def step(self, writer: Writer) -> bool:
        """Delete some of the oldest; whether there may be more to do."""
        if self.oldest >= self.newest or (self.oldest >= self.cut and self.freed >= self.excess):
            return False
        execute = writer.connection.execute
        with _step(writer.connection):
            last, freed = _oldest(
                writer, self.key, below=self.newest, cut=self.cut, excess=self.excess - self.freed
            )
            if not last:  # purged meanwhile
                return False
            writer.trimmed += execute(
                "INSERT INTO trimmed SELECT * FROM entry "
                "WHERE room = ? AND sequence <= ? AND nonce IS NOT NULL",
                (self.key, last),
            ).rowcount
            execute("DELETE FROM entry WHERE room = ? AND sequence <= ?", (self.key, last))
            execute(
                "UPDATE room SET oldest = ?, size = size - ? WHERE key = ?",
                (last + 1, freed, self.key),
            )
        self.oldest = last + 1
        self.freed += freed
        return True

    @property
    def done(self) -> Trimmed:
        """What it has done so far."""
        return Trimmed(self.oldest, self.freed)


def _oldest(writer: Writer, key: int, *, below: int, cut: int, excess: int) -> tuple[int, int]:
    """The last entry of a step that deletes the oldest, and their bytes; 0: there are none.

    Only entries below `below`, and of these only such as are below `cut` or make up for
    `excess` bytes.
    """
    execute = writer.connection.execute
    # In a flood as much comes between two steps as one append stores: a trim has to be faster.
    steps = max(1, -(-2 * writer.appended // STEP_ROWS))
    values = {
        "room": key,
        "below": below,
        "rows": steps * STEP_ROWS,
        "step": steps * STEP_BYTES,
        "cut": cut,
        "excess": excess,
    }
    # Mostly it is their number that makes entries go, and they are small: 0.3 µs a row.
    last, size = execute(
        "SELECT coalesce(max(sequence), 0), coalesce(sum(bytes), 0) FROM ("
        f"  SELECT sequence, {STORED_BYTES} AS bytes FROM entry"
        "  WHERE room = :room AND sequence < min(:below, :cut) ORDER BY sequence LIMIT :rows)",
        values,
    ).fetchone()
    if last and size <= values["step"]:
        return last, size
    # In general the bytes before each have to be known: 1.2 µs a row.
    last, size = execute(
        "SELECT coalesce(max(sequence), 0), coalesce(sum(bytes), 0) FROM ("
        "  SELECT sequence, bytes, sum(bytes) OVER ("
        "    ORDER BY sequence ROWS UNBOUNDED PRECEDING) - bytes AS before FROM ("
        f"    SELECT sequence, {STORED_BYTES} AS bytes FROM entry"
        "    WHERE room = :room AND sequence < :below ORDER BY sequence LIMIT :rows)) "
        "WHERE before < :step AND (sequence < :cut OR before < :excess)",
        values,
    ).fetchone()
    return last, size


def purge_step(writer: Writer, key: int) -> bool:
    """Delete some of what is kept of a closed room; whether there may be more to do."""
    execute = writer.connection.execute
    forgotten = 0
    with _step(writer.connection):
        if execute("SELECT 1 FROM room WHERE key = ? AND closed", (key,)).fetchone() is None:
            return False
        last, _ = _oldest(writer, key, below=_ALL, cut=_ALL, excess=0)
        if last:
            execute("DELETE FROM entry WHERE room = ? AND sequence <= ?", (key, last))
        elif writer.trimmed:
            forgotten = execute(
                "DELETE FROM trimmed WHERE room = :room AND sequence <= ("
                "  SELECT max(sequence) FROM ("
                "    SELECT sequence FROM trimmed WHERE room = :room"
                "    ORDER BY sequence LIMIT :rows))",
                {"room": key, "rows": STEP_ROWS},
            ).rowcount
        if not last and not forgotten:
            execute("DELETE FROM room WHERE key = ?", (key,))
    if not last and not forgotten:
        writer.purged(key)
    writer.trimmed -= forgotten
    return bool(last or forgotten)


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
            more = self._kept(writer, room) or self._trimmed(writer, room)
        except sqlite3.DatabaseError as error:
            # A column of another type than it was is refused when its row is written anew.
            if not (is_damage(error) or isinstance(error, sqlite3.IntegrityError)):
                raise
            more = False  # the other rooms' are forgotten all the same
        if not more:
            self._rooms.pop()
        return True

    def _kept(self, writer: Writer, key: int) -> bool:
        execute = writer.connection.execute
        with _step(writer.connection):
            first, last = execute(
                "SELECT min(sequence), max(sequence) FROM ("
                "  SELECT sequence, sent FROM entry WHERE room = :room AND sequence >= ("
                "    SELECT nonces_from FROM room WHERE key = :room)"
                "  ORDER BY sequence LIMIT :rows) WHERE sent <= :until",
                {"room": key, "rows": STEP_ROWS, "until": self._until},
            ).fetchone()
            if last is None:
                return False
            execute(
                "UPDATE entry SET checksum = without_nonce(checksum, nonce), nonce = NULL "
                "WHERE room = ? AND sequence BETWEEN ? AND ? AND nonce IS NOT NULL",
                (key, first, last),
            )
            execute("UPDATE room SET nonces_from = ? WHERE key = ?", (last + 1, key))
        return bool(last - first + 1 >= STEP_ROWS)

    def _trimmed(self, writer: Writer, key: int) -> bool:
        if not writer.trimmed:
            return False
        with _step(writer.connection):
            forgotten = writer.connection.execute(
                "DELETE FROM trimmed WHERE room = :room AND sequence <= ("
                "  SELECT max(sequence) FROM ("
                "    SELECT sequence, sent FROM trimmed WHERE room = :room"
                "    ORDER BY sequence LIMIT :rows) WHERE sent <= :until)",
                {"room": key, "rows": STEP_ROWS, "until": self._until},
            ).rowcount
        writer.trimmed -= forgotten  # only once it is certain
        return forgotten >= STEP_ROWS


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
