"""What a start must be able to rely on: what a room is, and where its log ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from chatroom.core.entry import Kind
from chatroom.core.refusals import RoomIdInvalid
from chatroom.core.room_ids import checked_room_id

from .blocks import COLUMNS, block_of, place_of
from .damage import Damage

_LOOKED_AT = 4
"""Newest blocks: more damaged ones at the end of one log are no accident of a byte."""
_NEWEST_FIRST = f"SELECT {COLUMNS} FROM block WHERE room = ? ORDER BY first DESC"


def end_of_log(
    connection: sqlite3.Connection, key: int, room_id: str, oldest: int
) -> tuple[int, int]:
    """The newest sequence of a room and when its newest sound entry was sent; 0: none.

    A sequence must never be given twice. So what damaged blocks at the end say of their
    sequences is believed only where they follow each other, and a sound block or the oldest
    entry that is kept. Raises Damage if they do not.
    """
    newest = expected = None
    with closing(connection.execute(f"{_NEWEST_FIRST} LIMIT {_LOOKED_AT}", (key,))) as rows:
        for row in rows:
            place = place_of(row)
            if place is None or (expected is not None and place[1] != expected):
                break
            newest = newest or place[1] - 1
            block = block_of(row)
            if block is not None:
                return newest, max(0, *block.sent)
            expected = place[0]
        else:
            if newest is None:
                return 0, 0
            if expected is not None and expected <= oldest:
                return newest, 0
    raise Damage(f"it cannot be told where the messages of room {room_id} end")


def last_said(connection: sqlite3.Connection, key: int, oldest: int) -> int:
    """When the newest thing said that is kept was sent, in ns since 1970; 0: not known.

    A start does not fail for this.
    """
    try:
        with closing(connection.execute(_NEWEST_FIRST, (key,))) as rows:
            for row in rows:
                block = block_of(row)
                if block is None:
                    continue
                for n in range(block.count - 1, max(oldest - block.first, 0) - 1, -1):
                    if block.kinds[n] == Kind.SAID:
                        return block.sent[n]
                if block.first <= oldest:
                    break
    except sqlite3.DatabaseError:  # a damaged page; whoever reads it is told so
        pass
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
