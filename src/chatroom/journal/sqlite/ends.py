"""Where a room's log ends, also if its last entries are damaged."""

from __future__ import annotations

import sqlite3

from chatroom.journal.port import JournalUnusable

from .checksum import COLUMNS, Legible, sound
from .damage import WHAT_TO_DO

_LOOKED_AT = 16
"""Newest entries: more damaged ones at the end of one log are no accident of a byte."""


def end_of_log(
    connection: sqlite3.Connection, key: int, room_id: str, oldest: int, legible: Legible
) -> tuple[int, int]:
    """The newest sequence of a room and when its newest sound entry was sent; 0: none.

    A sequence must never be given twice. So the sequence of damaged entries at the end is
    believed only where they follow each other, and a sound entry or the oldest one that
    is kept. Raises JournalUnusable if they do not.
    """
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM entry WHERE room = ? ORDER BY sequence DESC LIMIT ?",
        (key, _LOOKED_AT),
    )
    newest = expected = None
    try:
        for row in rows:
            sequence = row[1]
            if expected is not None and sequence != expected:
                break
            newest = newest or sequence
            entry = sound(row, legible)
            if entry is not None:
                return newest, entry.sent
            if not isinstance(sequence, int) or sequence < 1:
                break
            expected = sequence - 1
        else:
            if newest is None:
                return 0, 0
            if expected == oldest - 1:
                return newest, 0
    finally:
        rows.close()
    raise JournalUnusable(
        f"it cannot be told where the messages of room {room_id} end; {WHAT_TO_DO}"
    )
