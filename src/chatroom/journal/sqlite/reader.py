"""What the reader's thread does: pages of a log, and sessions."""

from __future__ import annotations

import sqlite3

from chatroom.core.entry import Entry, Kind
from chatroom.core.record import MemberRecord

from .writer import MEMBER_COLUMNS, member_record

_READ = "SELECT sequence, sent, kind, author, envelope FROM entry WHERE room = ? AND sequence "


class Reader:
    """The connection that only reads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.execute("PRAGMA query_only = ON")

    def read(self, key: int, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        return self._select("> ? ORDER BY sequence LIMIT ?", (key, after, entries), size)

    def read_before(self, key: int, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        newest_first = self._select(
            "< ? ORDER BY sequence DESC LIMIT ?", (key, before, entries), size
        )
        return newest_first[::-1]

    def _select(self, where: str, values: tuple[int, ...], size: int) -> list[Entry]:
        entries: list[Entry] = []
        cursor = self.connection.execute(_READ + where, values)
        try:
            for sequence, sent, kind, author, envelope in cursor:
                entries.append(Entry(sequence, sent, Kind(kind), author, envelope))
                size -= len(envelope)
                if size <= 0:
                    break
        finally:
            cursor.close()  # else the read transaction stays open and holds up checkpoints
        return entries

    def said_before(self, key: int, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        if not count:
            return before
        (sequence,) = self.connection.execute(
            "SELECT min(sequence) FROM (SELECT sequence FROM entry "
            "WHERE room = ? AND sequence < ? AND kind = 0 ORDER BY sequence DESC LIMIT ?)",
            (key, before, count),
        ).fetchone()
        return before if sequence is None else int(sequence)

    def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """See `Journal.session`."""
        row = self.connection.execute(
            f"SELECT room, {MEMBER_COLUMNS} FROM member WHERE session = ?", (digest,)
        ).fetchone()
        return None if row is None else (row[0], member_record(*row[1:]))
