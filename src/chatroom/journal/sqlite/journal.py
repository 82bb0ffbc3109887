"""The port over SQLite: which of three threads does what."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from chatroom.core.entry import Entry
from chatroom.core.record import MemberRecord
from chatroom.journal.port import (
    Append,
    JournalError,
    JournalUnusable,
    NewRoom,
    StoredRoom,
    SyncMode,
    Trimmed,
)

from . import opening, upkeep
from .checkpoints import PAGES, Checkpoints
from .checksum import Legible, believed
from .damage import WHAT_TO_DO, Damage
from .directories import make_durable
from .failed_commits import take_its_place
from .filling import Filling
from .quick_check import quick_check
from .reader import Reader
from .writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class SQLiteJournal:
    """Logs in a SQLite database."""

    def __init__(self, path: Path, *, sync: SyncMode = "full", legible: Legible = believed) -> None:
        """`path` is the file; its directory is made if need be, for this user alone.

        `legible` judges entries of earlier versions, which have no checksum.
        """
        self.name = f"SQLite {path} (synchronous={sync.upper()})"
        self._path = path
        self._sync: SyncMode = sync
        self._legible = legible
        self.filling: asyncio.Task[None] | None = None
        """Gives entries of earlier versions their checksums; None: there were none such."""
        self._write_thread = ThreadPoolExecutor(1, "journal-writer")
        self._read_thread = ThreadPoolExecutor(1, "journal-reader")
        self._checkpoints = Checkpoints(path, sync)
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._lock: int | None = None
        self._closed = False

    # ---- The port -------------------------------------------------------------

    async def open(self) -> list[StoredRoom]:
        """See `Journal.open`."""
        rooms = await self._in(self._write_thread, self._open)
        await self._checkpoints.open()
        filling = await self._write(Filling.begin, self._legible)
        if filling is not None:
            self.filling = asyncio.get_running_loop().create_task(
                self._fill(filling), name="checksums"
            )
        return rooms

    async def _fill(self, filling: Filling) -> None:
        """Give entries of before their checksums, and appends most of the thread's time."""
        with contextlib.suppress(JournalError):  # it goes on at the next start
            while True:
                pause = await self._write(filling.step)
                if pause is None:
                    return
                await asyncio.sleep(pause)

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """See `Journal.create_room`."""
        return await self._write(Writer.create_room, room)

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Journal.append`."""
        await self._write(Writer.append, appends)
        writer = self._writer
        if writer is not None and writer.pages >= PAGES and self._checkpoints.begin():
            writer.pages = 0

    async def probe(self) -> None:
        """See `Journal.probe`."""
        await self._write(Writer.probe)

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        return await self._read(Reader.read, key, after, entries, size)

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        return await self._read(Reader.read_before, key, before, entries, size)

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        return await self._read(Reader.said_before, key, before, count)

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """See `Journal.session`."""
        return await self._read(Reader.session, digest)

    async def trim(self, key: int, *, entries: int, size: int) -> Trimmed:
        """See `Journal.trim`."""
        trim = await self._write(upkeep.Trim.begin, key, entries, size)
        try:
            while await self._write(trim.step):
                pass
        except JournalError:
            if not trim.done.freed:
                raise  # else what was done has to be known; the rest fails the next time
        return trim.done

    async def sweep(self, now: int) -> None:
        """See `Journal.sweep`."""
        while await self._write(upkeep.forget_sessions_step, now):
            pass
        nonces = upkeep.NonceSweep(now)
        while await self._write(nonces.step):
            pass
        await self._give_back()

    async def purge(self, key: int) -> None:
        """See `Journal.purge`."""
        while await self._write(upkeep.purge_step, key):
            pass
        await self._give_back()

    async def _give_back(self) -> None:
        if await self._write(upkeep.give_back_step):
            while await self._write(upkeep.give_back_step):
                pass
            await self._write(upkeep.shrink)

    async def close(self) -> None:
        """See `Journal.close`."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        if self.filling is not None:
            self.filling.cancel()
            await asyncio.wait([self.filling])
        await loop.run_in_executor(self._read_thread, self._close_reader)
        await self._checkpoints.close()
        await loop.run_in_executor(self._write_thread, self._close_writer)
        self._read_thread.shutdown()
        self._write_thread.shutdown()

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """Run `work` in the thread, its SQLite errors as JournalError."""
        if self._closed:
            raise JournalError("the journal is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except sqlite3.Error as error:
            raise JournalError(str(error)) from error

    # ---- In the writer's thread --------------------------------------------------

    async def _write(
        self, work: Callable[Concatenate[Writer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def with_writer() -> T:
            if self._writer is None:
                raise JournalError("the journal is not open")
            try:
                return work(self._writer, *args, **kwargs)
            except sqlite3.Error:
                take_its_place(self._writer.connection)
                raise

        return await self._in(self._write_thread, with_writer)

    def _open(self) -> list[StoredRoom]:
        connection = None
        try:
            make_durable(self._path.parent)
            self._lock = opening.locked(self._path.with_name(self._path.name + ".lock"))
            opening.check_not_emptied(self._path, self._lock)
            connection = opening.connect(self._path)
            opening.check_companion(self._path)
            quick_check(connection, self._path)
            opening.prepare(connection, self._path, self._sync)
            writer = Writer(connection, self._legible)
            rooms = writer.rooms()
            opening.mark(self._lock)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, OSError | sqlite3.Error):
                raise JournalUnusable(opening.why_unusable(self._path, error)) from error
            if isinstance(error, Damage):
                raise JournalUnusable(f"{self._path} is damaged ({error}); {WHAT_TO_DO}") from error
            raise
        self._writer = writer
        return rooms

    def _close_writer(self) -> None:
        if self._writer is not None:
            opening.leave_clean(self._writer.connection)
            self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ---- In the reader's thread --------------------------------------------------

    async def _read(
        self, work: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def with_reader() -> T:
            if self._reader is None:
                if self._writer is None:
                    raise JournalError("the journal is not open")
                self._reader = Reader(
                    opening.connect(self._path), self._writer.newest, self._legible
                )
            return work(self._reader, *args, **kwargs)

        return await self._in(self._read_thread, with_reader)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.connection.close()
            self._reader = None
