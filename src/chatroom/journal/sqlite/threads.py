"""The threads of a journal, and what each of them alone may use.

SQLite calls may wait for a disk, and a connection is used by one thread at a time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from chatroom.journal.port import JournalError

from . import opening
from .failed_commits import take_its_place
from .reader import Reader
from .writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """One that writes, one that reads, one that waits for the redo log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_thread = ThreadPoolExecutor(1, "journal-writer")
        self._read_thread = ThreadPoolExecutor(1, "journal-reader")
        self._redo_thread = ThreadPoolExecutor(1, "journal-redo")
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._closed = False

    @property
    def index_bytes(self) -> int:
        """See `Journal.index_bytes`."""
        return 0 if self._writer is None else self._writer.index_bytes

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """Run `work` in the thread, its SQLite errors as JournalError."""
        if self._closed:
            raise JournalError("the journal is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except sqlite3.Error as error:
            raise JournalError(str(error)) from error

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

    async def _read(
        self, work: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def with_reader() -> T:
            if self._reader is None:
                if self._writer is None:
                    raise JournalError("the journal is not open")
                self._reader = Reader(opening.connect(self._path), self._writer.newest)
            return work(self._reader, *args, **kwargs)

        return await self._in(self._read_thread, with_reader)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.connection.close()
            self._reader = None
