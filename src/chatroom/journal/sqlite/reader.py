"""What the reader's thread does: pages of a log, and sessions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chatroom.core.entry import Entry
from chatroom.core.record import MemberRecord

from .checksum import COLUMNS, Legible, damaged, sound
from .damage import is_damage
from .writer import MEMBER_COLUMNS, member_record

_READ = f"SELECT {COLUMNS} FROM entry WHERE room = ? AND sequence "
_ABOVE = _READ + "> ? ORDER BY sequence LIMIT ?"
_BELOW = _READ + "< ? ORDER BY sequence DESC LIMIT ?"
_AT = _READ + "= ?"
_BOUNDS = "SELECT oldest, summed_from FROM room WHERE key = ?"
_LOST_BYTES = 64
"""What an entry counts for, where a page's bytes are bounded, that is damaged."""


class Reader:
    """The connection that only reads.

    Between the oldest entry that is kept and the newest, every sequence is read as an
    entry: one whose checksum is wrong, whose page cannot be read or that is not there at
    all, as a damaged one.
    """

    def __init__(
        self, connection: sqlite3.Connection, newest: Callable[[int], int], legible: Legible
    ) -> None:
        """`newest`: the newest sequence that was stored in a room, by key; 0: none."""
        self.connection = connection
        connection.execute("PRAGMA query_only = ON")
        self._newest = newest
        self._legible = legible

    def read(self, key: int, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        return self._page(_ABOVE, key, after, entries, size, 1)

    def read_before(self, key: int, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        return self._page(_BELOW, key, before, entries, size, -1)[::-1]

    def _page(
        self, sql: str, key: int, position: int, entries: int, size: int, step: int
    ) -> list[Entry]:
        """Entries beyond `position`, upwards or downwards as `step` says."""
        newest = self._newest(key)  # before the read begins: so far it sees everything
        found: list[Entry] = []
        with self._moment():
            try:
                for row in self._rows(sql, (key, position, entries)):
                    entry = self._sound(row)
                    if entry is None:
                        break
                    sequence = entry.sequence
                    if sequence != position + step and not self._begins(
                        key, position, sequence, step, newest, bool(found)
                    ):
                        break
                    found.append(entry)
                    position = sequence
                    size -= len(entry.envelope)
                    if size <= 0:
                        return found
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            if len(found) < entries:
                oldest = self._bounds(key)[0]
                position = max(position, oldest - 1) if step > 0 else min(position, newest + 1)
                last = newest if step > 0 else oldest
                most = min(entries - len(found), (last - position) * step)
                self._one_by_one(found, key, position, most, size, step)
        return found

    def _begins(
        self, key: int, position: int, sequence: int, step: int, newest: int, begun: bool
    ) -> bool:
        """Whether nothing is missing between `position` and the first entry found."""
        if begun:
            return False
        if step > 0:
            return sequence == self._bounds(key)[0]
        return newest <= sequence < position

    def _one_by_one(
        self, found: list[Entry], key: int, position: int, most: int, size: int, step: int
    ) -> None:
        """Go on where a page cannot be read as a whole: from its end, and each entry by itself.

        On the way to an entry SQLite may come by one that cannot be read: two ways find more.
        """
        if most <= 0:
            return
        end = position + step * (most + 1)
        from_end = self._as_far_as_it_goes(_BELOW if step > 0 else _ABOVE, (key, end, most))
        for _ in range(most):
            position += step
            entry = from_end.get(position) or self._at(key, position)
            found.append(entry or damaged(position))
            size -= len(entry.envelope) if entry else _LOST_BYTES
            if size <= 0:
                return

    def _as_far_as_it_goes(self, sql: str, values: tuple[int, ...]) -> dict[int, Entry]:
        found: dict[int, Entry] = {}
        try:
            for row in self._rows(sql, values):
                entry = self._sound(row)
                if entry is not None:
                    found[entry.sequence] = entry
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        return found

    def _at(self, key: int, sequence: int) -> Entry | None:
        try:
            row = next(self._rows(_AT, (key, sequence)), None)
            return None if row is None else self._sound(row)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return None
            raise

    def _sound(self, row: tuple[Any, ...]) -> Entry | None:
        """The entry of a row, without its nonce; None if it is damaged."""
        entry = sound(row, None)
        if entry is None and row[-1] is None and self._is_of_before(row):
            entry = sound(row, self._legible)
        if entry is not None:
            entry.nonce = ""
        return entry

    def _is_of_before(self, row: tuple[Any, ...]) -> bool:
        """Whether a row without a checksum need not have one yet."""
        key, sequence = row[:2]
        return isinstance(sequence, int) and sequence < self._bounds(key)[1]

    def _bounds(self, key: int) -> tuple[int, int]:
        """The oldest sequence of a room, and the first one that must have a checksum.

        Raises DatabaseError: where not even this can be read nothing is said of entries.
        (A disk that cannot read just now is reported by SQLite as damage, too, when it was
        asked for the tables' definitions.)
        """
        for oldest, summed_from in self._rows(_BOUNDS, (key,)):
            if isinstance(oldest, int) and isinstance(summed_from, int):
                return oldest, summed_from
        return 1, 1

    @contextmanager
    def _moment(self) -> Iterator[None]:
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
        try:
            (sequence,) = self.connection.execute(
                "SELECT min(sequence) FROM (SELECT sequence FROM entry "
                "WHERE room = ? AND sequence < ? AND kind = 0 ORDER BY sequence DESC LIMIT ?)",
                (key, before, count),
            ).fetchone()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            sequence = max(before - count, min(before, self._bounds(key)[0]))
        return sequence if isinstance(sequence, int) else before

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
