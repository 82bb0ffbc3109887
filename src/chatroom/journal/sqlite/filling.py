"""Entries of before version 3 get their checksums, in slices after the start.

From each room's newest downwards, so that `room.summed_from` divides those that have one
from those that do not yet; the copies that are kept of trimmed entries lie below all.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from chatroom.core.entry import Entry

from .checksum import COLUMNS, CONDEMNED, Legible, checksum, sound
from .damage import is_damage
from .statements import not_waited_for, transaction
from .writer import Writer

SLICE_ROWS = 100
"""Rows of a step: about 1 ms."""
PAUSE_SECONDS = 0.01
"""Between two steps: so appends have most of the thread, and a million entries take two to
three minutes."""


@dataclass(slots=True)
class Filling:
    """What is left to do: rooms by key."""

    rooms: list[int]
    legible: Legible

    @classmethod
    def begin(cls, writer: Writer, legible: Legible) -> Filling | None:
        """What there is to do; None: nothing."""
        rooms = [
            key
            for (key,) in writer.connection.execute("SELECT key FROM room WHERE summed_from > 1")
        ]
        return cls(rooms, legible) if rooms else None

    def step(self, writer: Writer) -> float | None:
        """Give some entries their checksum: seconds until the next step; None: it is done."""
        if not self.rooms:
            return None
        connection = writer.connection
        key = self.rooms[-1]
        try:
            with not_waited_for(connection), transaction(connection):
                more = self._slice(connection, key)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            more = False  # of pages that cannot be read nothing can be kept, nor harmed
        if not more:
            self.rooms.pop()
        return PAUSE_SECONDS

    def _slice(self, connection: sqlite3.Connection, key: int) -> bool:
        """Fill the newest of those that have none; whether there may be more."""
        execute = connection.execute
        row = execute("SELECT summed_from FROM room WHERE key = ?", (key,)).fetchone()
        if row is None:
            return False
        below = row[0]
        for table in ("entry", "trimmed"):
            rows = execute(
                f"SELECT {COLUMNS} FROM {table} WHERE room = ? AND sequence < ? "
                "ORDER BY sequence DESC LIMIT ?",
                (key, below, SLICE_ROWS),
            ).fetchall()
            if rows:
                self._fill(connection, table, rows)
                execute("UPDATE room SET summed_from = ? WHERE key = ?", (rows[-1][1], key))
                return True
        execute("UPDATE room SET summed_from = 1 WHERE key = ?", (key,))
        return False

    def _fill(
        self, connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]
    ) -> None:
        for row in rows:
            room, sequence, expected = row[0], row[1], row[-1]
            if expected is not None:
                continue  # a trim has copied it from above
            entry = sound(row, self.legible)
            try:
                connection.execute(
                    f"UPDATE {table} SET checksum = ? WHERE room = ? AND sequence = ?",
                    (CONDEMNED if entry is None else _of(room, entry), room, sequence),
                )
            except sqlite3.IntegrityError:
                continue  # a column of another type: without a checksum it is not believed


def _of(room: object, entry: Entry) -> int:
    assert isinstance(room, int)
    return checksum(
        room, entry.sequence, entry.sent, int(entry.kind), entry.author, entry.envelope, entry.nonce
    )
