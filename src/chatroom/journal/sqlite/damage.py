"""What SQLite says when it is the file that is damaged, and not the disk that is full."""

from __future__ import annotations

import sqlite3

WHAT_TO_DO = "run `chatserver repair`, which keeps what is sound, or put a backup in its place"
"""For whoever starts a server on a damaged file."""


class Damage(Exception):
    """Something in the file cannot be as it was written; the words say what."""


_READING = (
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
)
"""A sector that the disk cannot read any more, as it is in the file system's own checksums."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG)
"""The last: a length that cannot be."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether reading the same again would fail again, while the rest can be read."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGE or code in _READING
