"""The redo log: two files beside the database, to which an append is one write.

What is written there is stored: it survives a killed process, and a loss of power once it is
synced. The tables follow, many appends in one transaction (`intake`), which says in
`run.redone` how far they have come; a start does again what is missing (`recovery`). The two
files take turns: while the tables catch up with one the other is written. Why there is one:
docs/decisions/0021-redo-log.md.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from chatroom.journal.port import Append, JournalError, SyncMode

from .directories import sync_directory
from .records import encode

SUFFIXES = ("-redo0", "-redo1")
"""Of the database's name."""
_KEPT_BYTES = 4 * 1024 * 1024
"""A file that has become longer is cut when it is begun anew: else writing it again is cheaper,
since a sync then has no new length to keep."""


def paths(database: Path) -> tuple[Path, ...]:
    """Where the log of a database is; not all of it need be there."""
    return tuple(database.with_name(database.name + suffix) for suffix in SUFFIXES)


class RedoLog:
    """The log as one run of the server writes it."""

    def __init__(self, database: Path, run: int, sync: SyncMode) -> None:
        """`run` marks its records; those of other runs are overwritten. Raises OSError."""
        self.run = run
        self.number = 0
        """That of the latest record."""
        self.waits = sync == "full"
        """Whether a record is synced."""
        self._at = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_BINARY", 0)
        self._paths = paths(database)
        self._files: list[int] = []
        try:
            for path in self._paths:
                self._files.append(os.open(path, flags, 0o600))
                self._cut(self._files[-1])
        except BaseException:
            self.close()
            raise
        sync_directory(database.parent)

    def write(self, appends: Sequence[Append]) -> None:
        """Add a record, and sync it where that is waited for.

        Raises JournalError: then a start does not find it, and the next one takes its place.
        """
        data = encode(self.run, self.number + 1, appends)
        file = self._files[0]
        try:
            written = _write_at(file, data, self._at)
            while written < len(data):  # a disk that is nearly full takes a part
                written += _write_at(file, data[written:], self._at + written)
            if self.waits:
                _sync(file)
        except OSError as error:
            self._forget(file)
            raise JournalError(error.strerror or str(error)) from error
        self._at += len(data)
        self.number += 1

    def _forget(self, file: int) -> None:
        """See to it that a restart does not find what has just failed."""
        with contextlib.suppress(OSError):
            os.ftruncate(file, self._at)
        with contextlib.suppress(OSError):
            if os.fstat(file).st_size > self._at:
                _write_at(file, bytes(8), self._at)

    def turn(self) -> None:
        """Write the other file from now on, from its beginning; this one is left as it is."""
        self._files.reverse()
        self._at = 0
        with contextlib.suppress(OSError):
            self._cut(self._files[0])

    def scrub(self) -> None:
        """Leave nothing in the files; the tables have everything. Raises OSError."""
        for file in self._files:
            os.ftruncate(file, 0)
            _sync(file)
        self._at = 0

    def _cut(self, file: int) -> None:
        if os.fstat(file).st_size > _KEPT_BYTES:
            os.ftruncate(file, 0)

    def close(self) -> None:
        """Let go of the files."""
        while self._files:
            os.close(self._files.pop())

    def remove(self) -> None:
        """Close and delete them: the tables have everything."""
        self.close()
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _write_at(file: int, data: bytes, at: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, at)
    os.lseek(file, at, os.SEEK_SET)  # Windows
    return os.write(file, data)


_sync = getattr(os, "fdatasync", os.fsync)
"""Not all systems have one for the data alone."""
