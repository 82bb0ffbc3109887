"""The port over SQLite: what is stored where, and which thread does it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry
from chatroom.core.notes import Note
from chatroom.core.query import Query
from chatroom.core.record import MemberRecord
from chatroom.journal.port import (
    Append,
    Found,
    JournalError,
    JournalUnusable,
    NewRoom,
    Spoken,
    StoredRoom,
    SyncMode,
    Trimmed,
    unread,
)
from chatroom.journal.uncancelled import uncancelled
from chatroom.locks import locked

from . import intake, notes, opening, recovery, rollback, upkeep, withdrawing
from .checkpoints import PAGES, Checkpoints
from .damage import WHAT_TO_DO, Damage
from .directories import make_durable
from .intake import Intake
from .nonces import Nonces
from .quick_check import quick_check
from .reader import Reader
from .redo import RedoLog
from .rows_of_before import Legible, believed
from .searches import Searches
from .threads import Threads
from .writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

STORE_SECONDS = 2.0
"""For which something is in the redo log alone, where little is said."""


class SQLiteJournal(Threads):
    """Logs in a SQLite database."""

    def __init__(
        self,
        path: Path,
        *,
        sync: SyncMode = "full",
        legible: Legible = believed,
        spoken: Spoken = unread,
    ) -> None:
        """`path` is the file; its directory is made if need be, for this user alone.

        `legible` judges entries of files of the first versions, which have no checksum. `spoken`
        reads what searches look at.
        """
        self.name = f"SQLite {path} (synchronous={sync.upper()})"
        super().__init__(path)
        self._legible = legible
        self._searches = Searches(self._read, self._write, spoken)
        self._sync: SyncMode = sync
        self._checkpoints = Checkpoints(path, sync)
        self._redo: RedoLog | None = None
        self._scrubber = withdrawing.Scrubber(path)
        self._nonces = Nonces()
        self._intake = Intake()
        self._appending = asyncio.Lock()
        self._recording = asyncio.Lock()
        """Held while a thread writes the redo log, and where it is turned."""
        self._storing: asyncio.Task[None] | None = None
        """Brings what is in the redo log into the tables."""
        self._later: asyncio.TimerHandle | None = None
        self._failed: JournalError | None = None
        """Why the tables could not get it."""
        self._lock: int | None = None

    # ---- The port -------------------------------------------------------------

    async def open(self) -> list[StoredRoom]:
        """See `Journal.open`."""
        rooms = await self._in(self._write_thread, self._open)
        for room in rooms:
            self._intake.opened(room.facts.key, room.newest)
        last_sent = max([room.last_sent for room in rooms], default=0)
        self._nonces = Nonces(await self._write(Writer.authors_of_nonces), last_sent)
        await self._checkpoints.open()
        self._searches.stored(room.facts.key for room in rooms)
        return rooms

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """See `Journal.create_room`."""
        async with self._appending:
            return await uncancelled(
                self._in_the_tables(
                    lambda writer, number: writer.create_room(room, redone=number),
                    lambda created: self._intake.opened(created.facts.key, 0),
                )
            )

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Journal.append`. Without a sync to wait for it is one write, here and now."""
        nonced = [entry for append in appends for entry in append.entries if entry.nonce]
        async with self._appending:
            if self._failed is not None or self._intake.full:
                await self.settle()
            redo = self._usable()
            self._intake.check(appends)
            asks = bool(nonced) and self._nonces.may_be_used(nonced)
            asks |= any(append.replaced for append in appends)  # which are in the tables by then
            self._nonces.used(nonced)  # before they are: whatever becomes of this, one may be
            if asks:
                await uncancelled(
                    self._in_the_tables(
                        lambda writer, number: writer.append(appends, redone=number),
                        lambda _: self._intake.stored(appends),
                    )
                )
            else:
                await self._record(redo, appends)
        if self._intake.due:
            self._begin_to_store()
        elif self._later is None and self._intake.waits:
            self._later = asyncio.get_running_loop().call_later(STORE_SECONDS, self._begin_to_store)

    async def server_notes(self) -> Sequence[Note]:
        """See `Journal.server_notes`."""
        return await self._write(lambda writer: writer.of_server)

    async def withdrawn(self) -> bool:
        """See `Journal.withdrawn`."""
        return await self._write(lambda writer: withdrawing.withdrawn(writer.connection))

    async def scrub(self) -> bool:
        """See `Journal.scrub`."""
        async with self._appending:
            await self.settle()
            async with self._recording:
                try:
                    self._usable().scrub()
                except OSError as error:
                    raise JournalError(error.strerror or str(error)) from error
        return await self._write(
            lambda writer: self._scrubber.scrub(writer.connection, writer.withdrawn)
        )

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """See `Journal.record`."""
        await self._write(lambda writer: notes.record(writer.connection, records))

    async def records(
        self, *, after: int, count: int, since: int = 0, room_id: str = ""
    ) -> list[AuditRecord]:
        """See `Journal.records`."""
        return await self._read(
            lambda reader: notes.records(reader.connection, after, count, since, room_id)
        )

    async def forget_records(self, before: int) -> None:
        """See `Journal.forget_records`."""
        while await self._write(lambda w: notes.forget_records_step(w.connection, before)):
            pass

    async def probe(self) -> None:
        """See `Journal.probe`."""
        async with self._appending:
            await self.settle()
            await self._record(self._usable(), ())
            await self._write(Writer.probe)

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        here = self._intake.entries_of(key)  # before the tables are read: there it may be by then
        page = await self._read(Reader.read, key, after, entries, size)
        return intake.upwards(page, here, after, entries, size)

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        here = self._intake.entries_of(key)
        found, before, entries, size = intake.downwards(here, before, entries, size)
        if not found or (entries and size > 0):
            found += (await self._read(Reader.read_before, key, before, entries, size))[::-1]
        return found[::-1]

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        here = self._intake.entries_of(key)
        found, count, before = intake.said(here, before, count)
        below = await self._read(Reader.said_before, key, before, count)
        return below if below < before else found

    async def search(self, key: int, query: Query, *, before: int, count: int) -> Found:
        """See `Journal.search`."""
        return await self._searches.search(key, query, self._intake.entries_of(key), before, count)

    async def index(self) -> None:
        """Index what can be, now; a running server does it by and by."""
        await self.settle()
        await self._searches.index(await self._write(Writer.open_rooms))

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """See `Journal.session`."""
        here = self._intake.moment()
        found = intake.with_session(here, digest) or await self._read(Reader.session, digest)
        if found is None or not self._intake.is_open(found[0]):
            return None
        record = intake.as_it_was_last(here, found)
        return None if record is None or record.session != digest else (found[0], record)

    async def trim(self, key: int, *, entries: int, size: int) -> Trimmed:
        """See `Journal.trim`."""
        await self.settle()
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
        await self.settle()
        self._nonces.sweep(now)
        while await self._write(upkeep.forget_sessions_step, now):
            pass
        nonces = upkeep.NonceSweep(now)
        while await self._write(nonces.step):
            pass
        await self._give_back()

    async def purge(self, key: int) -> None:
        """See `Journal.purge`."""
        await self.settle()
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
        await self._searches.close()
        loop = asyncio.get_running_loop()
        async with self._appending:  # what was begun is over
            if self._storing is not None:
                await asyncio.wait([self._storing])
        if self._later is not None:
            self._later.cancel()
        await loop.run_in_executor(self._read_thread, self._close_reader)
        await self._checkpoints.close()
        await loop.run_in_executor(self._write_thread, self._close_writer)
        self._read_thread.shutdown()
        self._write_thread.shutdown()
        self._redo_thread.shutdown()

    # ---- From the redo log into the tables ----------------------------------------

    def _usable(self) -> RedoLog:
        if self._closed:
            raise JournalError("the journal is closed")
        if self._redo is None:
            raise JournalError("the journal is not open")
        return self._redo

    async def _record(self, redo: RedoLog, appends: Sequence[Append]) -> None:
        """Store appends in the redo log; raises JournalError."""
        if not redo.waits:
            redo.write(appends)
            self._intake.add(appends, redo.number)
            return
        async with self._recording:
            try:
                await uncancelled(self._in(self._redo_thread, partial(redo.write, appends)))
            finally:
                if redo.number > self._intake.last:
                    self._intake.add(appends, redo.number)

    async def _in_the_tables(
        self, work: Callable[[Writer, int], T], note: Callable[[T], None]
    ) -> T:
        """Store something in the tables alone, once they have all that the redo log has.

        It gets a number of the log's own: what the log has later is not done without it, should
        a loss of power have cost the tables more than the log. The caller holds `_appending`.
        """
        await self.settle()
        async with self._recording:
            redo = self._usable()
            number = redo.number + 1
            done = await self._write(work, number)
            redo.number = number
            self._intake.passed(number)
            note(done)
        return done

    async def settle(self) -> None:
        """Have all that is in the redo log by now in the tables too; raises JournalError."""
        last = self._intake.last
        while self._intake.stored_last < last:
            storing = self._begin_to_store()
            await asyncio.wait([storing])  # which a cancellation of the caller does not end
            storing.result()
            if self._failed is not None:
                raise self._failed

    def _begin_to_store(self) -> asyncio.Task[None]:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._storing is None:
            self._storing = asyncio.create_task(self._store(), name="redo")
        return self._storing

    async def _store(self) -> None:
        try:
            async with self._recording:
                redo = self._usable()
                appends, last, new = self._intake.take()
                if new:
                    redo.turn()
            await self._write(Writer.append, appends, redone=last, logged=True)
        except JournalError as error:
            self._failed = error
        else:
            self._failed = None
            self._intake.taken()
            self._searches.stored(append.key for append in appends)
            writer = self._writer
            if writer is not None and writer.pages >= PAGES and self._checkpoints.begin():
                writer.pages = 0
        finally:
            self._storing = None

    # ---- In the writer's thread --------------------------------------------------

    def _open(self) -> list[StoredRoom]:
        connection = None
        try:
            make_durable(self._path.parent)
            self._lock = locked(self._path.with_name(self._path.name + ".lock"))
            opening.check_not_emptied(self._path, self._lock)
            rollback.keep(self._path)
            connection = opening.connect(self._path)
            quick_check(connection, self._path)
            opening.prepare(connection, self._path, self._legible)
            recovery.recover(connection, recovery.read_files(self._path))
            run = opening.begin(connection, self._sync)
            writer = Writer(connection)
            rooms = writer.rooms()
            opening.mark(self._lock)
            self._redo = RedoLog(self._path, run, self._sync)
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
            with contextlib.suppress(sqlite3.Error):  # a full disk; the redo log has it
                while self._intake.waits:
                    appends, last, _ = self._intake.take()
                    self._writer.append(appends, redone=last, logged=True)
                    self._intake.taken()
            left = opening.leave_clean(self._writer.connection, clean=not self._intake.waits)
            self._writer = None
            self._scrubber.close()
            if self._redo is not None:
                (self._redo.remove if left else self._redo.close)()
                self._redo = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
