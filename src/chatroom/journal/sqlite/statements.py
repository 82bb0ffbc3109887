"""Statements over many rows at once, and transactions.

A statement that takes many rows is stepped once, so the interpreter lock changes hands
once for it: see docs/decisions/0003-sqlite-journal.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

Value: TypeAlias = int | str | bytes | None

_NORMAL = 1
"""SQLite's number for it. Not less: a checkpoint that comes due in a step must sync."""

ROWS = (256, 64, 16, 4, 1)
"""Rows in one statement: each size is a statement that sqlite3 keeps prepared."""


class ManyRows:
    """A statement with rows of values in it, executed for any number of them."""

    def __init__(self, sql: str, columns: int) -> None:
        """`sql` has `{rows}` where `(?,?),(?,?)` and so on of so many columns belong."""
        row = "(" + ",".join("?" * columns) + ")"
        self._columns = columns
        self._sql = {rows: sql.format(rows=",".join([row] * rows)) for rows in ROWS}

    def execute(
        self, connection: sqlite3.Connection, values: Sequence[Value], *before: Value
    ) -> list[Any]:
        """Execute it for `values`, row after row without brackets; what it selects, if anything.

        `before`: the values of what stands before the rows.
        """
        found: list[Any] = []
        start = 0
        while start < len(values):
            remaining = (len(values) - start) // self._columns
            rows = next(rows for rows in ROWS if rows <= remaining)
            end = start + rows * self._columns
            found += connection.execute(self._sql[rows], [*before, *values[start:end]]).fetchall()
            start = end
        return found


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written inside, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def not_waited_for(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written inside without a sync of its own: it can be done again."""
    (mode,) = connection.execute("PRAGMA synchronous").fetchone()
    connection.execute(f"PRAGMA synchronous = {min(mode, _NORMAL)}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA synchronous = {mode}")
