"""Checkpoints: the write-ahead log is copied into the file beside the writer, not by it.

A checkpoint waits for the disk twice. Made by the writer, at 4,000 pages, one held up every
append for 70 to 120 ms; beside it, little by little, an append waits for 6 ms where messages
come steadily, and for half as long as before in a flood (docs/decisions/0003).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatroom.journal.port import SyncMode

from . import opening

PAGES = 2_000
"""Written to the log, about: then they are copied into the file."""


class Checkpoints:
    """A connection and a thread that do nothing else.

    A log begins anew only once all of it is copied and nobody reads or writes meanwhile, which
    in a flood does not happen by itself: then the writer copies the rest, at
    `opening.CHECKPOINT_PAGES`. So it does with all of it where nothing is copied here.
    """

    def __init__(self, path: Path, sync: SyncMode) -> None:
        self._path = path
        self._sync = sync
        self._thread = ThreadPoolExecutor(1, "journal-checkpoints")
        self._connection: sqlite3.Connection | None = None
        self._running: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Be ready; the file is there. Where that fails the writer does it all."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    def _open(self) -> None:
        with contextlib.suppress(OSError, sqlite3.Error):
            connection = opening.connect(self._path)
            connection.execute(f"PRAGMA synchronous = {self._sync.upper()}")
            self._connection = connection

    def begin(self) -> bool:
        """Copy what is in the log by now; False: not now, or never."""
        if self._connection is None or (self._running is not None and not self._running.done()):
            return False
        self._running = asyncio.get_running_loop().run_in_executor(self._thread, self._copy)
        return True

    def _copy(self) -> None:
        assert self._connection is not None
        with contextlib.suppress(sqlite3.Error):  # the writer meets the same disk, and tells
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    async def close(self) -> None:
        """Finish what was begun."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
