"""Entries of files of before version 7, which were rows, become blocks."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

from chatroom.core.entry import STORED_OVERHEAD, Entry, Kind

from . import blocks
from .rows_of_before import Legible, Rows, every_row

log = logging.getLogger(__name__)

_AT_ONCE = 1_000
_MANY = 100_000
"""Entries that take a second or so: then the log says what a start waits for."""
_VERSION = 6
"""The last with rows; those of earlier ones have its columns by now."""


def convert(connection: sqlite3.Connection, legible: Legible) -> None:
    """Write all entries into blocks, in the transaction that is open; raises sqlite3.Error.

    One that is damaged stays it, with its bytes, its author and its nonce if those can be. What
    cannot be an entry at all is left out, and is read as damaged.
    """
    (count,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    if count >= _MANY:
        log.info("%d messages are written in another form: once, and it takes a while", count)
    known = Rows(connection, _VERSION, legible)
    for table in ("trimmed", "entry"):
        _convert(connection, every_row(connection, table, _VERSION), known)
    connection.execute(
        "UPDATE room SET size = coalesce((SELECT sum(length(envelope) + ?) FROM entry "
        "WHERE room = key), 0)",
        (STORED_OVERHEAD,),
    )


def _convert(connection: sqlite3.Connection, rows: Iterator[tuple[Any, ...]], known: Rows) -> None:
    room = 0
    entries: list[Entry] = []
    wrong: set[int] = set()

    def write() -> None:
        blocks.REPLACE.execute(connection, blocks.rows(room, entries, nonced=True, wrong=wrong))
        blocks.REPLACE_NONCES.execute(connection, blocks.nonces(room, entries))
        entries.clear()
        wrong.clear()

    for row in rows:
        entry = known.sound(row)
        damaged = entry is None
        if entry is None:
            entry = _as_it_is(row)
            if entry is None:
                continue
        follows = row[0] == room and entries and entries[-1].sequence + 1 == entry.sequence
        if entries and (not follows or len(entries) == _AT_ONCE):
            write()
        room = row[0]
        entries.append(entry)
        if damaged:
            wrong.add(entry.sequence)
    if entries:
        write()


def _as_it_is(row: tuple[Any, ...]) -> Entry | None:
    """A damaged row as an entry; None: it can be none."""
    room, sequence, sent, kind, author, envelope, nonce, _ = row
    if not all(isinstance(each, int) for each in (room, sequence, sent, author)) or sequence < 1:
        return None
    if not isinstance(envelope, bytes):
        return None
    if not isinstance(nonce, str):
        nonce = ""
    nonce = nonce.encode(errors="replace").decode()
    known = Kind(kind) if kind in list(Kind) else Kind.DAMAGED
    return Entry(sequence, sent, known, author, envelope, nonce)
