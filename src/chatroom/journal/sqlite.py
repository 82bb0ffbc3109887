"""A journal in one SQLite file: the default. One process at a time.

Write-ahead logging, one connection that writes in a thread of its own, and one that
reads in another. With `synchronous=FULL` an append survives a loss of power; with
`NORMAL` it survives a killed process, and power loss may cost the last moments.

A statement that inserts many rows is stepped once, so the interpreter lock changes
hands once for it: see docs/decisions/0003-sqlite-journal.md.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from chatroom.core.entry import Entry, Kind
from chatroom.core.room import RoomFacts

from .directories import make_durable
from .failed_commits import take_its_place
from .port import (
    Append,
    JournalConflict,
    JournalError,
    JournalUnusable,
    NewRoom,
    StoredRoom,
    SyncMode,
)

P = ParamSpec("P")
T = TypeVar("T")

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE schema (version INTEGER NOT NULL) STRICT;
CREATE TABLE room (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  room_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  created INTEGER NOT NULL,      -- ns since 1970
  title TEXT NOT NULL,
  private INTEGER NOT NULL,
  capacity INTEGER NOT NULL,     -- 0: the server's default
  history INTEGER NOT NULL,      -- 0: the server's default
  closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX open_room ON room (room_id) WHERE NOT closed;
CREATE TABLE entry (
  room INTEGER NOT NULL,         -- room.key
  sequence INTEGER NOT NULL,
  sent INTEGER NOT NULL,         -- ns since 1970
  kind INTEGER NOT NULL,         -- 0 said, 1 entered, 2 left, 3 closed
  author INTEGER NOT NULL,
  envelope BLOB NOT NULL,        -- gRPC envelope: 5 bytes, then an rpc.Message
  PRIMARY KEY (room, sequence)
) STRICT, WITHOUT ROWID;
"""
_READ = "SELECT sequence, sent, kind, author, envelope FROM entry WHERE room = ? AND sequence "
_ROWS = (256, 64, 16, 4, 1)
"""Rows in one INSERT: each size is a statement that sqlite3 keeps prepared."""
_INSERT = {rows: "INSERT INTO entry VALUES " + ",".join(["(?,?,?,?,?,?)"] * rows) for rows in _ROWS}
_PURGE_ROWS = 2000
"""Entries deleted in one transaction, so that commits are not kept waiting."""
_BUSY_SECONDS = 5.0


class SQLiteJournal:
    """Logs in a SQLite database."""

    def __init__(self, path: Path, *, sync: SyncMode = "full") -> None:
        """`path` is the file; its directory is made if need be, for this user alone."""
        self.name = f"SQLite {path} (synchronous={sync.upper()})"
        self._path = path
        self._sync = sync
        self._writer = ThreadPoolExecutor(1, "journal-writer")
        self._reader = ThreadPoolExecutor(1, "journal-reader")
        self._write_connection: sqlite3.Connection | None = None
        self._read_connection: sqlite3.Connection | None = None
        self._lock: int | None = None
        self._closed = False
        self._newest: dict[int, int] = {}
        """Of each open room, known to the writer thread alone."""

    # ---- The port -------------------------------------------------------------

    async def open(self) -> list[StoredRoom]:
        """See `Journal.open`."""
        return await self._write(self._open)

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """See `Journal.create_room`."""
        return await self._write(self._create_room, room)

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Journal.append`."""
        await self._write(self._append, appends)

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        sql = _READ + "> ? ORDER BY sequence LIMIT ?"
        return await self._read(self._select, sql, (key, after, entries), size)

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        sql = _READ + "< ? ORDER BY sequence DESC LIMIT ?"
        newest_first = await self._read(self._select, sql, (key, before, entries), size)
        return newest_first[::-1]

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        return await self._read(self._said_before, key, before, count)

    async def purge(self, key: int) -> None:
        """See `Journal.purge`; in pieces, between which others may write."""
        while await self._write(self._purge_some, key):
            pass

    async def close(self) -> None:
        """See `Journal.close`."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader, self._close_reader)
        await loop.run_in_executor(self._writer, self._close_writer)
        self._reader.shutdown()
        self._writer.shutdown()

    # ---- Threads ----------------------------------------------------------------

    async def _write(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await _translated(self._writer, self._or_nothing, partial(work, *args))

    async def _read(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await _translated(self._reader, work, *args)

    # ---- In the writer thread -----------------------------------------------------

    def _or_nothing(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error:
            if self._write_connection is not None:
                take_its_place(self._write_connection)
            raise

    def _open(self) -> list[StoredRoom]:
        try:
            make_durable(self._path.parent)
            self._lock = _locked(self._path.with_name(self._path.name + ".lock"))
            connection = self._connect()
        except BlockingIOError as error:
            raise JournalUnusable(
                f"{self._path} is in use by another chatserver; stop that one first, "
                "or choose another --data directory"
            ) from error
        except (OSError, sqlite3.Error) as error:
            raise JournalUnusable(f"cannot open {self._path}: {error}") from error
        try:
            rooms = self._prepare(connection)
        except sqlite3.Error as error:
            connection.close()
            if "locked" in str(error):
                raise JournalUnusable(
                    f"{self._path} is locked by another program (an open sqlite3 shell?); "
                    "close that one first"
                ) from error
            raise JournalUnusable(f"cannot use {self._path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        self._write_connection = connection
        return rooms

    def _connect(self) -> sqlite3.Connection:
        new = not self._path.exists()
        connection = sqlite3.connect(
            self._path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        if new:
            os.chmod(self._path, 0o600)  # noqa: PTH101 # what people said is theirs
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> list[StoredRoom]:
        execute = connection.execute
        (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise JournalUnusable(f"{self._path} cannot use write-ahead logging here ({mode})")
        execute(f"PRAGMA synchronous = {self._sync.upper()}")
        execute("PRAGMA wal_autocheckpoint = 4000")
        execute("BEGIN IMMEDIATE")
        tables = {name for (name,) in execute("SELECT name FROM sqlite_schema")}
        if not tables:
            execute("COMMIT")
            connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} INSERT INTO schema VALUES ({SCHEMA_VERSION}); COMMIT;"
            )
        else:
            execute("COMMIT")
            if "schema" not in tables:
                raise JournalUnusable(f"{self._path} is a database of something else")
            (version,) = execute("SELECT version FROM schema").fetchone()
            if version != SCHEMA_VERSION:
                raise JournalUnusable(
                    f"{self._path} has schema version {version}; this chatserver knows "
                    f"{SCHEMA_VERSION}: use a newer chatserver"
                )
        for (key,) in execute("SELECT key FROM room WHERE closed").fetchall():
            execute("DELETE FROM entry WHERE room = ?", (key,))
            execute("DELETE FROM room WHERE key = ?", (key,))
        return self._stored_rooms(connection)

    def _stored_rooms(self, connection: sqlite3.Connection) -> list[StoredRoom]:
        rooms: list[StoredRoom] = []
        for key, room_id, epoch, created, title, private, capacity, history in connection.execute(
            "SELECT key, room_id, epoch, created, title, private, capacity, history "
            "FROM room WHERE NOT closed ORDER BY key"
        ).fetchall():
            newest = connection.execute(
                "SELECT sequence, sent FROM entry WHERE room = ? ORDER BY sequence DESC LIMIT 1",
                (key,),
            ).fetchone() or (0, 0)
            facts = RoomFacts(key, room_id, epoch, created, title, bool(private), capacity, history)
            rooms.append(StoredRoom(facts, *newest))
            self._newest[key] = newest[0]
        return rooms

    def _create_room(self, room: NewRoom) -> StoredRoom:
        key = self._writing.execute(
            "INSERT INTO room (room_id, epoch, created, title, private, capacity, history) "
            "VALUES (?,?,?,?,?,?,?)",
            (
                room.room_id,
                room.epoch,
                room.created,
                room.title,
                room.private,
                room.capacity,
                room.history,
            ),
        ).lastrowid
        assert key is not None
        self._newest[key] = 0
        facts = RoomFacts(
            key,
            room.room_id,
            room.epoch,
            room.created,
            room.title,
            room.private,
            room.capacity,
            room.history,
        )
        return StoredRoom(facts, 0, 0)

    def _append(self, appends: Sequence[Append]) -> None:
        connection = self._writing
        for append in appends:
            if append.entries[0].sequence != self._newest.get(append.key, -1) + 1:
                raise JournalConflict(f"room {append.key} is not as expected")
        values: list[int | bytes] = []
        for append in appends:
            key = append.key
            for entry in append.entries:
                values += (
                    key,
                    entry.sequence,
                    entry.sent,
                    int(entry.kind),  # an IntEnum goes through adapters, which costs 1 µs
                    entry.author,
                    entry.envelope,
                )
        execute = connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            start = 0
            while start < len(values):
                remaining = (len(values) - start) // 6
                rows = next(rows for rows in _ROWS if rows <= remaining)
                execute(_INSERT[rows], values[start : start + 6 * rows])
                start += 6 * rows
            for append in appends:
                if append.closes:
                    execute("UPDATE room SET closed = 1 WHERE key = ?", (append.key,))
            execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                execute("ROLLBACK")
            raise
        for append in appends:
            if append.closes:
                del self._newest[append.key]
            else:
                self._newest[append.key] = append.entries[-1].sequence

    def _purge_some(self, key: int) -> bool:
        execute = self._writing.execute
        deleted = execute(
            "DELETE FROM entry WHERE room = :room AND sequence <= ("
            "  SELECT max(sequence) FROM ("
            "    SELECT sequence FROM entry WHERE room = :room ORDER BY sequence LIMIT :rows))",
            {"room": key, "rows": _PURGE_ROWS},
        ).rowcount
        if deleted >= _PURGE_ROWS:
            return True
        execute("DELETE FROM room WHERE key = ? AND closed", (key,))
        return False

    def _close_writer(self) -> None:
        if self._write_connection is not None:
            self._write_connection.close()
            self._write_connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _writing(self) -> sqlite3.Connection:
        if self._write_connection is None:
            raise JournalError("the journal is not open")
        return self._write_connection

    # ---- In the reader thread -----------------------------------------------------

    @property
    def _reading(self) -> sqlite3.Connection:
        if self._read_connection is None:
            if self._write_connection is None:
                raise JournalError("the journal is not open")
            self._read_connection = self._connect()
            self._read_connection.execute("PRAGMA query_only = ON")
        return self._read_connection

    def _select(self, sql: str, values: tuple[int, ...], size: int) -> list[Entry]:
        entries: list[Entry] = []
        cursor = self._reading.execute(sql, values)
        try:
            for sequence, sent, kind, author, envelope in cursor:
                entries.append(Entry(sequence, sent, Kind(kind), author, envelope))
                size -= len(envelope)
                if size <= 0:
                    break
        finally:
            cursor.close()  # else the read transaction stays open and holds up checkpoints
        return entries

    def _said_before(self, key: int, before: int, count: int) -> int:
        if not count:
            return before
        (sequence,) = self._reading.execute(
            "SELECT min(sequence) FROM (SELECT sequence FROM entry "
            "WHERE room = ? AND sequence < ? AND kind = 0 ORDER BY sequence DESC LIMIT ?)",
            (key, before, count),
        ).fetchone()
        return before if sequence is None else int(sequence)

    def _close_reader(self) -> None:
        if self._read_connection is not None:
            self._read_connection.close()
            self._read_connection = None


def _locked(path: Path) -> int | None:
    """Hold the lock file until the descriptor is closed; raises BlockingIOError.

    None on systems without flock: there SQLite's own locks must do.
    """
    try:
        import fcntl  # not on Windows
    except ImportError:
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


async def _translated(executor: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
    """Run `work` in the thread, its SQLite errors as JournalError."""
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work, *args)
    except sqlite3.Error as error:
        raise JournalError(str(error)) from error
