"""What a start must be able to rely on: what a room is, and where its log ends."""

from __future__ import annotations

import sqlite3

from chatroom.core.refusals import RoomIdInvalid
from chatroom.core.room_ids import checked_room_id

from .checksum import COLUMNS, Legible, sound
from .damage import Damage

_LOOKED_AT = 16
"""Newest entries: more damaged ones at the end of one log are no accident of a byte."""


def end_of_log(
    connection: sqlite3.Connection, key: int, room_id: str, oldest: int, legible: Legible
) -> tuple[int, int]:
    """The newest sequence of a room and when its newest sound entry was sent; 0: none.

    A sequence must never be given twice. So the sequence of damaged entries at the end is
    believed only where they follow each other, and a sound entry or the oldest one that
    is kept. Raises Damage if they do not.
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
    raise Damage(f"it cannot be told where the messages of room {room_id} end")


def last_said(connection: sqlite3.Connection, key: int, legible: Legible) -> int:
    """When the newest sound entry that was said was sent, in ns since 1970; 0: not known.

    What was not said is passed over: 0.6 µs an entry. A start does not fail for this.
    """
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM entry WHERE room = ? AND kind = 0 ORDER BY sequence DESC", (key,)
    )
    try:
        for row in rows:
            entry = sound(row, legible)
            if entry is not None:
                return entry.sent
    except sqlite3.DatabaseError:  # a damaged page; whoever reads it is told so
        pass
    finally:
        rows.close()
    return 0


def check_facts(room_id: object, epoch: object, title: object, *numbers: object) -> None:
    """Raise Damage if a row of `room` cannot be one of ours: it has no checksum."""
    if not (isinstance(room_id, str) and is_room_id(room_id)):
        raise Damage("the id of a room")
    if not (isinstance(epoch, str) and epoch.isascii() and epoch.isprintable()):
        raise Damage(f"the epoch of room {room_id}")
    # What was no UTF-8 has surrogates, which are not printable.
    if not (isinstance(title, str) and title.isprintable()):
        raise Damage(f"the title of room {room_id}")
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise Damage(f"a number of room {room_id}")


def is_room_id(room_id: str) -> bool:
    """Whether it can be one."""
    try:
        checked_room_id(room_id)
    except RoomIdInvalid:
        return False
    return True
