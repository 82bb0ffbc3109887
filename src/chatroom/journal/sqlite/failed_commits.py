"""Commits that have failed, and that SQLite could take for good all the same."""

from __future__ import annotations

import contextlib
import sqlite3


def take_its_place(connection: sqlite3.Connection) -> None:
    """See to it that a restart does not find what has just failed; raises nothing.

    A commit of which only the sync failed is in the log from end to end: if the process
    were killed now, SQLite would find it whole at the next start. The next commit is
    written over it, so one is made at once. Its own sync may fail like the other's;
    what counts is that it is written. (What a loss of power leaves after a failed sync,
    nobody knows.)
    """
    with contextlib.suppress(sqlite3.Error):
        commit_something(connection)


def commit_something(connection: sqlite3.Connection) -> None:
    """Make a commit of no consequence; raises sqlite3.Error if that cannot be stored."""
    # Not an UPDATE: one that changes nothing writes nothing.
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {(version + 1) % (1 << 31)}")
