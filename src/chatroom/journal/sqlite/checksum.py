"""Checksums of entries: by them a byte that has changed on disk is found when it is read.

The CRC-32 (of zlib) of room, sequence, time, kind, author and envelope, and over it by
exclusive or that of the nonce, which is forgotten before the entry is: so the checksum is
changed then without reading the rest, and what was damaged by then stays damaged. SQLite
itself looks at no content; why not at pages: docs/decisions/0018-damaged-files.md.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

from chatroom.core.entry import NOBODY, UNKNOWN_TIME, Entry, Kind

Legible = Callable[[Entry], bool]
"""Whether an entry without a checksum, of an earlier version, can be what it says it is."""


def believed(_: Entry) -> bool:
    """For whoever cannot tell."""
    return True


CONDEMNED = -1
"""In the place of the checksum of an entry that was damaged before it had one."""

STORED = "room, sequence, sent, kind, author, envelope, checksum"
"""What is stored of every entry."""

COLUMNS = "room, sequence, sent, kind, author, envelope, nonce, checksum"
"""What a row is checked by, in the order of `sound`."""

_KINDS = {int(kind): kind for kind in Kind}
_NUMBERS = {kind: int(kind) for kind in Kind}
_fixed = struct.Struct("<5q").pack


def checksum(
    room: int, sequence: int, sent: int, kind: int, author: int, envelope: bytes, nonce: str = ""
) -> int:
    """That of an entry, from 0 to 2**32 - 1: 0.5 µs for one of 100 bytes."""
    found = crc32(envelope, crc32(_fixed(room, sequence, sent, kind, author)))
    return found ^ crc32(nonce.encode()) if nonce else found


def rows(room: int, entries: Iterable[Entry], *, nonced: bool) -> list[int | str | bytes | None]:
    """The values of `STORED` of each, one behind the other; if `nonced`, its nonce behind them."""
    values: list[int | str | bytes | None] = []
    for entry in entries:  # as `checksum`, without a call: this is done for every message
        sequence, sent, author, envelope = entry.sequence, entry.sent, entry.author, entry.envelope
        kind = _NUMBERS[entry.kind]  # an IntEnum goes through adapters, which costs 1 µs
        found = crc32(envelope, crc32(_fixed(room, sequence, sent, kind, author)))
        if nonced:
            nonce = entry.nonce
            found = found ^ crc32(nonce.encode()) if nonce else found
            values += (room, sequence, sent, kind, author, envelope, found, nonce or None)
        else:
            values += (room, sequence, sent, kind, author, envelope, found)
    return values


def without_nonce(found: int | None, nonce: str) -> int | None:
    """The checksum of the same entry once its nonce is forgotten, whatever else is damaged."""
    if found is None or found < 0:
        return found
    return found ^ crc32(octets_of(nonce))


def octets_of(text: str) -> bytes:
    """What `decoded` was made of."""
    return text.encode(errors="surrogateescape")


def decoded(octets: bytes) -> str:
    """A text as SQLite has it. It need not be UTF-8, if it is damaged; that raises nothing."""
    return octets.decode(errors="surrogateescape")


def prepare(connection: sqlite3.Connection) -> None:
    """Have a connection read what is damaged, and know `without_nonce` in its statements."""
    connection.text_factory = decoded
    connection.create_function("without_nonce", 2, without_nonce, deterministic=True)


def sound(row: tuple[Any, ...], legible: Legible | None) -> Entry | None:
    """The entry of a row of `COLUMNS`, with its nonce; None if it is damaged.

    Its columns may have any type and value. A row without a checksum is believed when it
    is `legible`; None: it is not believed.
    """
    room, sequence, sent, kind, author, envelope, nonce, expected = row
    try:
        found = crc32(envelope, crc32(_fixed(room, sequence, sent, kind, author)))
        if nonce:
            found ^= crc32(octets_of(nonce))
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


def damaged(sequence: int) -> Entry:
    """What is read in the place of an entry that is damaged, or was when it was repaired."""
    return Entry(sequence, UNKNOWN_TIME, Kind.DAMAGED, NOBODY, b"")
