"""Entries of files of before version 7: a row of the table `entry` each, or of `trimmed`.

Since version 3 a row has a checksum: the CRC-32 (of zlib) of room, sequence, time, kind, author
and envelope, and over it by exclusive or that of the nonce, which was forgotten before the entry
was. Such rows are read where a file is upgraded, checked or repaired.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zlib import crc32

from chatroom.core.entry import Entry, Kind

Legible = Callable[[Entry], bool]
"""Whether an entry without a checksum can be what it says it is."""


def believed(_: Entry) -> bool:
    """For whoever cannot tell."""
    return True


COLUMNS = "room, sequence, sent, kind, author, envelope, nonce, checksum"
"""What a row is checked by, in the order of `sound`."""
NONCES_SINCE = 2
CHECKSUMS_SINCE = 3
"""The versions that brought them, and with nonces the table `trimmed`."""

_KINDS = {int(kind): kind for kind in Kind}
_fixed = struct.Struct("<5q").pack


def columns_of(version: int) -> dict[str, str]:
    """What to read of each table with entries in a file of a version, as `COLUMNS`."""
    if version < NONCES_SINCE:
        return {"entry": COLUMNS.replace("nonce, checksum", "NULL, NULL")}
    columns = COLUMNS if version >= CHECKSUMS_SINCE else COLUMNS.replace("checksum", "NULL")
    return {"entry": columns, "trimmed": columns}


def summed_from(connection: sqlite3.Connection, version: int) -> Mapping[int, int]:
    """From which sequence on entries must have a checksum, by the key of their room."""
    if version < CHECKSUMS_SINCE:
        return {}
    return dict(connection.execute("SELECT key, summed_from FROM room"))


def sound(row: tuple[Any, ...], legible: Legible | None) -> Entry | None:
    """The entry of a row of `COLUMNS`, with its nonce; None if it is damaged.

    Its columns may have any type and value. A row without a checksum is believed when it
    is `legible`; None: it is not believed.
    """
    room, sequence, sent, kind, author, envelope, nonce, expected = row
    try:
        found = crc32(envelope, crc32(_fixed(room, sequence, sent, kind, author)))
        if nonce:
            found ^= crc32(nonce.encode(errors="surrogateescape"))
    except (struct.error, TypeError, AttributeError):  # of another type than it was
        return None
    if found != expected and (expected is not None or legible is None):
        return None
    known = _KINDS.get(kind)
    if known is None:
        return None
    entry = Entry(sequence, sent, known, author, envelope, nonce or "")
    if expected is None and legible is not None and not legible(entry):
        return None
    return entry


class Rows:
    """The rows of a file of a version, each with its entry."""

    def __init__(self, connection: sqlite3.Connection, version: int, legible: Legible) -> None:
        """Raises sqlite3.Error."""
        self._version = version
        self._legible = legible
        self._summed_from = summed_from(connection, version)

    def sound(self, row: tuple[Any, ...]) -> Entry | None:
        """As `sound`, of a row that must have a checksum or need not, as its room says."""
        room, sequence = row[:2]
        of_before = self._version < CHECKSUMS_SINCE or (
            isinstance(room, int)
            and isinstance(sequence, int)
            and sequence < self._summed_from.get(room, 1)
        )
        return sound(row, self._legible if of_before else None)


def every_row(
    connection: sqlite3.Connection, table: str, version: int
) -> Iterator[tuple[Any, ...]]:
    """All rows of `entry` or `trimmed`, in order; raises sqlite3.Error."""
    columns = columns_of(version)[table]
    yield from connection.execute(f"SELECT {columns} FROM {table} ORDER BY room, sequence")
