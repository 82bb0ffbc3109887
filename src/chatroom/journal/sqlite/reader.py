"""What the reader's thread does: pages of a log, and sessions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chatroom.core.entry import Entry, Kind
from chatroom.core.record import MemberRecord

from .blocks import COLUMNS, FROM, LOOKED_AT, Block, block_of, block_with, damaged
from .damage import is_damage
from .writer import MEMBER_COLUMNS, member_record

_OLDEST = "SELECT oldest FROM room WHERE key = ?"
_DOWNWARDS = f"SELECT {COLUMNS} FROM block WHERE room = ? AND first <= ? ORDER BY first DESC"
"""Blocks from the one on that may have a sequence; upwards: `blocks.FROM`."""
_LOST_BYTES = 64
"""What an entry counts for, where a page's bytes are bounded, that is damaged."""


class Reader:
    """The connection that only reads.

    Between the oldest entry that is kept and the newest, every sequence is read as an
    entry: one whose checksum is wrong, whose page cannot be read or that is not there at
    all, as a damaged one.
    """

    def __init__(self, connection: sqlite3.Connection, newest: Callable[[int], int]) -> None:
        """`newest`: the newest sequence that was stored in a room, by key; 0: none."""
        self.connection = connection
        connection.execute("PRAGMA query_only = ON")
        self.newest = newest

    def read(self, key: int, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        newest = self.newest(key)  # before the read begins: so far it sees everything
        with self.moment():
            wanted = range(max(after + 1, self.oldest(key)), newest + 1)[:entries]
            return _as_many(self.entries(key, wanted), size)

    def read_before(self, key: int, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        newest = self.newest(key)
        with self.moment():
            wanted = range(min(before - 1, newest), self.oldest(key) - 1, -1)[:entries]
            return _as_many(self.entries(key, wanted), size)[::-1]

    def entries(self, key: int, wanted: range) -> Iterator[Entry]:
        """Each entry that is wanted, or a damaged one in its place."""
        position = iter(wanted)
        try:
            for entry in self._sound(key, wanted):
                while (sequence := next(position)) != entry.sequence:
                    yield damaged(sequence)
                yield entry
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        # On the way to a block SQLite may come by one that cannot be read: other ways find more.
        rest = list(position)
        found = self._from_the_other_end(key, rest) if rest else {}
        for sequence in rest:
            yield found.get(sequence) or self._at(key, sequence) or damaged(sequence)

    def _sound(self, key: int, wanted: range) -> Iterator[Entry]:
        """What is in blocks whose heads are sound, in the order that is wanted.

        Raises sqlite3.Error at the first that cannot be read.
        """
        if not wanted:
            return
        step, last = wanted.step, wanted[-1]
        at = wanted[0]
        begun = False
        sql, values = (FROM, (key, at, -1)) if step > 0 else (_DOWNWARDS, (key, at))
        for row in self._rows(sql, values):
            block = block_of(row)
            if block is None and step > 0 and not begun:
                block = block_with(self.connection, key, at)  # it may be before what is damaged
            begun = True
            if block is None:
                continue
            if step > 0:
                yield from block.entries(at, last + 1)
                at = max(at, block.end)
            else:
                yield from block.entries(last, at + 1)[::-1]
                at = min(at, block.first - 1)
            if (last - at) * step < 0:
                return

    def blocks(self, key: int, wanted: range) -> Iterator[Block | None]:
        """The blocks that have these entries, downwards; None, in the end: one is damaged."""
        try:
            for row in self._rows(_DOWNWARDS, (key, wanted[0])):
                block = block_of(row)
                yield block
                if block is None or block.first <= wanted[-1]:
                    return
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            yield None

    def _from_the_other_end(self, key: int, wanted: Sequence[int]) -> dict[int, Entry]:
        step = -1 if wanted[0] <= wanted[-1] else 1
        found: dict[int, Entry] = {}
        try:
            for entry in self._sound(key, range(wanted[-1], wanted[0] + step, step)):
                found[entry.sequence] = entry
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        return found

    def _at(self, key: int, sequence: int) -> Entry | None:
        for most in (LOOKED_AT, 1):  # one alone: those below it may be what cannot be read
            try:
                block = block_with(self.connection, key, sequence, most)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            else:
                return None if block is None else block.entries(sequence, sequence + 1)[0]
        return None

    def oldest(self, key: int) -> int:
        """The oldest sequence of a room.

        Raises DatabaseError: where not even this can be read nothing is said of entries.
        (A disk that cannot read just now is reported by SQLite as damage, too, when it was
        asked for the tables' definitions.)
        """
        for (oldest,) in self._rows(_OLDEST, (key,)):
            if isinstance(oldest, int):
                return oldest
        return 1

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Read the file as it is at one moment; a read that stays open holds up checkpoints."""
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            if self.connection.in_transaction:  # some errors end it
                self.connection.execute("ROLLBACK")

    def _rows(self, sql: str, values: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        cursor = self.connection.execute(sql, values)
        try:
            yield from cursor
        finally:
            cursor.close()

    def said_before(self, key: int, before: int, count: int) -> int:
        """See `Journal.said_before`. Where damage prevents counting, every entry counts."""
        if not count:
            return before
        found = before
        with self.moment():
            oldest = self.oldest(key)
            try:
                for row in self._rows(_DOWNWARDS, (key, before - 1)):
                    block = block_of(row)
                    if block is None:
                        continue
                    for sequence in range(min(before, block.end) - 1, block.first - 1, -1):
                        if sequence < oldest:
                            return found
                        if block.kinds[sequence - block.first] == Kind.SAID:
                            found = sequence
                            count -= 1
                            if not count:
                                return found
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                return max(found - count, min(found, oldest))
        return found

    def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """See `Journal.session`. One that damage has made unreadable is not known any more."""
        try:
            row = self.connection.execute(
                f"SELECT room, {MEMBER_COLUMNS} FROM member WHERE session = ?", (digest,)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return None
        record = None if row is None else member_record(*row[1:])
        return None if record is None else (row[0], record)


def _as_many(entries: Iterable[Entry], size: int) -> list[Entry]:
    """Those until their envelopes have `size` bytes, but at least one; damaged ones count too."""
    found: list[Entry] = []
    for entry in entries:
        found.append(entry)
        size -= len(entry.envelope) or _LOST_BYTES
        if size <= 0:
            break
    return found
