"""What SQLite says when it is the file that is damaged, and not the disk that is full."""

from __future__ import annotations

import sqlite3

WHAT_TO_DO = "run `chatserver repair`, which keeps what is sound, or put a backup in its place"
"""For whoever starts a server on a damaged file."""


class Damage(Exception):
    """Something in the file cannot be as it was written; the words say what."""


_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG)
"""The last: a length that cannot be."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether reading the same again would fail again, while the rest can be read.

    A disk that cannot read just now (SQLITE_IOERR) may read again in a moment.
    """
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
