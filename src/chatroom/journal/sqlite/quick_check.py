"""Whether a file's structure is sound, as far as a start has time to look."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from chatroom.journal.port import JournalUnusable

from .damage import WHAT_TO_DO, is_damage
from .schema import SCHEMA_VERSION, TABLES, NotOurs, misnamed, version_of

CHECK_SECONDS = 2.0
"""For all of it. Larger files are checked as far as that goes; `chatserver check` reads all."""

_AGAIN_SECONDS = 0.05
_CHECKED_BY_SUM = ("block", "entry", "trimmed", "segment", "signature")
_KEYS = "sqlite_sequence"
"""SQLite's own: the last key that a room was given. Without it no room can be created."""


def quick_check(
    connection: sqlite3.Connection, path: Path, *, seconds: float = CHECK_SECONDS
) -> None:
    """Raise JournalUnusable if pages are damaged, or rows that have no checksum of their own.

    An entry that is damaged while its page is sound is no reason not to start: it is found
    when it is read, and the others are as they were. Changes nothing.
    """
    if wrong := wrong_header(path):
        raise JournalUnusable(f"{path} is damaged ({wrong}); {WHAT_TO_DO}")
    try:
        version = version_of(connection)
    except NotOurs:
        return  # whoever opens it says so
    if not version:
        return  # a new file
    if version <= SCHEMA_VERSION:
        for wrong in misnamed(connection, version):
            raise JournalUnusable(f"{path} is damaged ({wrong}); {WHAT_TO_DO}")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    with _at_most(connection, seconds):
        # What is small comes first, so that the time is enough for it.
        for table in (_KEYS, *TABLES):
            if table in tables and (wrong := _wrong(connection, table)):
                raise JournalUnusable(f"{path} is damaged ({wrong}); {WHAT_TO_DO}")


def wrong_header(path: Path) -> str:
    """What SQLite would take for a file that may only be read (its format, 1.3.3); empty: no."""
    with path.open("rb") as file:
        header = file.read(20)
    if not header.startswith(b"SQLite format 3\0"):
        return ""  # empty, or none of SQLite's, which says so
    return "" if all(version in (1, 2) for version in header[18:]) else "its header"


def _wrong(connection: sqlite3.Connection, table: str) -> str:
    try:
        lines = [line for (line,) in connection.execute(f"PRAGMA quick_check('{table}')")]
    except sqlite3.DatabaseError as error:
        if not (is_damage(error) and table in _CHECKED_BY_SUM):
            raise
        # A row that cannot be taken apart ends the check; so does a page. Counting looks at
        # pages alone; of an index those of the table would not be looked at.
        connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()
        return ""
    for line in lines:
        # "TEXT value in block.entries": the content of one row, which has a checksum.
        if line != "ok" and not (table in _CHECKED_BY_SUM and f" value in {table}." in line):
            return " ".join(str(line).split()).removeprefix("*** in database main *** ")
    return ""


@contextlib.contextmanager
def _at_most(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """End what is executed inside after so many seconds, as if it had found nothing."""
    done = threading.Event()

    def interrupt() -> None:
        wait = seconds
        while not done.wait(wait):
            connection.interrupt()  # between two statements it does nothing
            wait = _AGAIN_SECONDS

    thread = threading.Thread(target=interrupt, name="quick check")
    thread.start()
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        done.set()
        thread.join()
