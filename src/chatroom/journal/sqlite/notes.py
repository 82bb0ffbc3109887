"""Notes in their table, and what was recorded of who did what."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zlib import crc32

from chatroom.core.audit import AuditRecord
from chatroom.core.notes import Note, NoteKind

from .statements import ManyRows, Value, not_waited_for, transaction

log = logging.getLogger(__name__)

FORGET_ROWS = 250
"""Audit records deleted in a step."""

_KINDS = {int(kind): kind for kind in NoteKind}
_STORE = ManyRows("INSERT OR REPLACE INTO note (room, kind, key, value, checksum) VALUES {rows}", 5)
_FORGET = ManyRows("DELETE FROM note WHERE (room, kind, key) IN (VALUES {rows})", 3)
RECORDED = "at, actor, key_id, token_id, address, method, room_id, target, outcome"
_RECORD = f"INSERT INTO audit ({RECORDED}) VALUES (?,?,?,?,?,?,?,?,?)"


def checksum(room: int, kind: int, key: str, value: str) -> int:
    """That of a note: the CRC-32 (of zlib) of all of it."""
    return crc32(f"{room} {kind} {key} {value}".encode(errors="surrogateescape"))


def store(connection: sqlite3.Connection, room: int, notes: Iterable[Note]) -> None:
    """Each in place of the one of its kind and key; in the transaction that is open."""
    stored: list[Value] = []
    gone: list[Value] = []
    for note in notes:
        kind = int(note.kind)
        if note.value:
            summed = checksum(room, kind, note.key, note.value)
            stored += (room, kind, note.key, note.value, summed)
        else:
            gone += (room, kind, note.key)
    _STORE.execute(connection, stored)
    _FORGET.execute(connection, gone)


def forget(connection: sqlite3.Connection, room: int) -> None:
    """A room ends, and so do its notes."""
    connection.execute("DELETE FROM note WHERE room = ?", (room,))


def sound(row: Sequence[Any]) -> tuple[int, Note] | None:
    """The room's key and the note of a row; None: it is damaged."""
    room, kind, key, value, summed = row
    whole = isinstance(room, int) and isinstance(key, str) and isinstance(value, str)
    if not whole or kind not in _KINDS or summed != checksum(room, kind, key, value):
        return None
    return room, Note(_KINDS[kind], key, value)


def rows(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """All notes, damaged or not; raises sqlite3.Error."""
    yield from connection.execute("SELECT room, kind, key, value, checksum FROM note")


def by_room(connection: sqlite3.Connection) -> dict[int, list[Note]]:
    """All notes that are sound, by the key of their room; the log tells of the others."""
    found: dict[int, list[Note]] = {}
    for row in rows(connection):
        note = sound(row)
        if note is None:
            log.error("a note is damaged on disk and does not count: see `chatserver check`")
        else:
            found.setdefault(note[0], []).append(note[1])
    return found


# ---- The audit log ------------------------------------------------------------------


def record(connection: sqlite3.Connection, records: Iterable[AuditRecord]) -> None:
    """Add records."""
    with transaction(connection):
        connection.executemany(
            _RECORD,
            [
                (
                    each.at, each.actor, each.key_id, each.token_id, each.address, each.method,
                    each.room_id, each.target, each.outcome,
                )
                for each in records
            ],
        )  # fmt: skip


def records(
    connection: sqlite3.Connection, after: int, count: int, since: int, room_id: str
) -> list[AuditRecord]:
    """See `Journal.records`."""
    where = "number > ? AND at >= ?"
    values: tuple[Value, ...] = (after, since)
    if since:  # by the index of times; the clock may have gone back
        where += " AND number >= (SELECT min(number) FROM audit WHERE at >= ?)"
        values += (since,)
    if room_id:
        where += " AND room_id = ?"
        values += (room_id,)
    return [
        AuditRecord(
            number=number, at=at, actor=actor, key_id=key_id, token_id=token_id, address=address,
            method=method, room_id=room, target=target, outcome=outcome,
        )
        for number, at, actor, key_id, token_id, address, method, room, target, outcome
        in connection.execute(
            f"SELECT number, {RECORDED} FROM audit WHERE {where} ORDER BY number LIMIT ?",
            (*values, count),
        )
    ]  # fmt: skip


def forget_records_step(connection: sqlite3.Connection, before: int) -> bool:
    """Delete some records of before a time; whether there may be more."""
    with not_waited_for(connection), transaction(connection):
        gone = connection.execute(
            "DELETE FROM audit WHERE number IN ("
            "SELECT number FROM audit WHERE at < ? ORDER BY number LIMIT ?)",
            (before, FORGET_ROWS),
        ).rowcount
    return gone == FORGET_ROWS
