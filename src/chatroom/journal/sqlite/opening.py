"""Opening the file: who may, whether it can be used, and what the last run has left."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from pathlib import Path

from chatroom.journal.port import JournalUnusable, SyncMode

from . import schema, segments
from .converting import convert
from .damage import WHAT_TO_DO
from .records import RUNS
from .rows_of_before import Legible
from .statements import transaction

BUSY_SECONDS = 5.0
CHECKPOINT_PAGES = 8_000
"""Of 4 KiB in the write-ahead log: then the writer copies what `checkpoints` has not."""
WAL_BYTES = 64 * 1024 * 1024
"""Twice what a checkpoint leaves; a log that a long read made longer shrinks to it."""
MOVED = ".moved"
"""The end of the name of a file that says where the rooms are now."""
_NOT_EMPTY = b"+"
_HEADER_BYTES = 100
EPOCHS_HOLD = ("clean", "full")
"""How a file may have been left so that nothing that anybody saw can be missing."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection without transactions of its own; a new file is its owner's alone."""
    if not read_only:
        _make_or_check(path)
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=128,
    )
    connection.text_factory = _decoded
    return connection


def check_there(path: Path) -> None:
    """Raise JournalUnusable if there is no such file, or nobody lets us look."""
    try:
        path.stat()
    except FileNotFoundError:
        raise JournalUnusable(
            f"there is no {path}; name the server's directory by --data"
        ) from None
    except OSError as error:
        raise JournalUnusable(cannot_read(path, error.strerror)) from error


def cannot_read(path: Path, why: object) -> str:
    """A sentence for whoever only looks at files of the server's."""
    return f"cannot read {path} ({why}); do this as the user who runs the server"


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that only reads a file that is there; raises JournalUnusable."""
    try:
        return connect(path, read_only=True)
    except sqlite3.Error as error:
        raise JournalUnusable(why_unreadable(path, error)) from error


def _decoded(octets: bytes) -> str:
    """A text as SQLite has it. It need not be UTF-8, if it is damaged; that raises nothing."""
    return octets.decode(errors="surrogateescape")


def _make_or_check(path: Path) -> None:
    """A file that is there is not opened: closing it would end SQLite's locks (fcntl, 2)."""
    if not path.is_file():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    elif not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def is_in_use(path: Path) -> bool:
    """Whether another process holds the lock file, as far as that can be told; makes none."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def mark(lock: int | None) -> None:
    """Note in the lock file that the file beside it is not empty any more."""
    if lock is not None:
        os.pwrite(lock, _NOT_EMPTY, 0)


def check_not_emptied(path: Path, lock: int | None) -> None:
    """Raise JournalUnusable if the file was a journal and has nothing in it now.

    SQLite would begin a new one. (A file that is not there at all is begun anew: who wants
    that moves it away.)
    """
    if lock is None or os.pread(lock, 1, 0) != _NOT_EMPTY:
        return
    if path.exists() and path.stat().st_size < _HEADER_BYTES:
        raise JournalUnusable(
            f"{path} is empty, and was not; put a backup in its place, "
            "or move it away to start anew"
        )


def check_companion(path: Path) -> None:
    """Raise JournalUnusable if the write-ahead log beside the file is another file's.

    A backup has none, and says so in its header (byte 18 is 1: SQLite's file format,
    1.3.3); SQLite would all the same apply the log of the file that was there before.
    """
    log = path.with_name(path.name + "-wal")
    with path.open("rb") as file:
        header = file.read(19)
    if header[18:] == b"\x01" and log.exists() and log.stat().st_size:
        raise JournalUnusable(
            f"{log} is not of this {path.name} but of the one that was there before; move it away"
        )


def check_not_moved(path: Path) -> None:
    """Raise JournalUnusable if all that the file has was copied to where it is used now."""
    note = path.with_name(path.name + MOVED)
    if note.exists():
        raise JournalUnusable(
            f"{path} was moved to {note.read_text().strip()}; name that by --journal, or delete "
            f"{note} to go on with what is here"
        )


def prepare(connection: sqlite3.Connection, path: Path, legible: Legible) -> None:
    """Make the file usable; what is written is synced until `begin`.

    `legible` judges entries that have no checksum, where it is upgraded.
    Raises JournalUnusable, before anything is written if it is not ours to write to.
    """
    check_not_moved(path)
    version = known_version(connection, path)
    execute = connection.execute
    if version == 0:
        execute("PRAGMA auto_vacuum = INCREMENTAL")  # once there are tables it takes a VACUUM
    (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalUnusable(
            f"{path} cannot use write-ahead logging ({mode}); "
            "put it on a local disk by another --data directory"
        )
    execute("PRAGMA synchronous = FULL")
    execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    schema.upgrade(connection, version, lambda: convert(connection, legible))
    if execute("PRAGMA auto_vacuum").fetchone() != (2,):
        execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Once: it writes the whole file anew. Where the disk has no room for that, space
        # is used again but not given back, until a start that has it.
        with contextlib.suppress(sqlite3.OperationalError):
            execute("VACUUM")


def begin(connection: sqlite3.Connection, sync: SyncMode) -> int:
    """Say in the file that it is in use, and by which run: that number."""
    execute = connection.execute
    run = 1 + secrets.randbelow(RUNS - 1)
    with transaction(connection):
        (left,) = execute("SELECT state FROM run").fetchone()
        if left not in EPOCHS_HOLD:
            renew_epochs(connection)
        # Synced before anything that the sync mode may lose.
        execute("UPDATE run SET state = ?, redo = ?, redone = 0", (sync, run))
        for table in ("block", "nonce"):
            execute(f"DELETE FROM {table} WHERE room IN (SELECT key FROM room WHERE closed)")
        segments.forget(connection, "room IN (SELECT key FROM room WHERE closed)")
        execute("DELETE FROM room WHERE closed")
    execute(f"PRAGMA synchronous = {sync.upper()}")
    return run


def known_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the schema, if it is one we know; raises JournalUnusable."""
    try:
        version = schema.version_of(connection)
    except schema.NotOurs:
        raise JournalUnusable(
            f"{path} is a database of something else; choose another --data directory"
        ) from None
    if version > schema.SCHEMA_VERSION:
        raise JournalUnusable(
            f"{path} has schema version {version}; this chatserver knows "
            f"{schema.SCHEMA_VERSION}: use a newer chatserver"
        )
    return version


def renew_epochs(connection: sqlite3.Connection) -> None:
    """Tell whoever knows a sequence of before that it may mean something else now."""
    for (key,) in connection.execute("SELECT key FROM room WHERE NOT closed").fetchall():
        connection.execute("UPDATE room SET epoch = ? WHERE key = ?", (secrets.token_hex(8), key))


def leave_clean(connection: sqlite3.Connection, *, clean: bool = True) -> bool:
    """Say in the file that nothing is missing, once that is certain, and close it.

    Returns whether it says so; not if it is not `clean`.
    """
    try:
        if not clean:
            return False
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("UPDATE run SET state = 'clean', redo = 0")
    except sqlite3.Error:
        return False  # a full disk; then it was not left clean
    else:
        return True
    finally:
        connection.close()


def why_unusable(path: Path, error: OSError | sqlite3.Error) -> str:
    """A sentence for whoever starts the server: what is wrong, and what to do."""
    if isinstance(error, BlockingIOError):
        return (
            f"{path} is in use by another chatserver; stop that one first, "
            "or choose another --data directory"
        )
    if isinstance(error, OSError):
        return (
            f"cannot open {path}: {error.strerror or error} ({error.filename}); "
            "make the directory and the file writable for this user, or choose another "
            "--data directory"
        )
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # without what extends it
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"{path} is locked by another program (an open sqlite3 shell?); "
                "close that one first"
            )
        case sqlite3.SQLITE_NOTADB:
            return (
                f"{path} is not a database; move it away to start anew, put a backup in its "
                "place, or choose another --data directory"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:  # the latter: the schema is
            return f"{path} is damaged ({error}); {WHAT_TO_DO}"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return (
                f"cannot write to {path} ({error}); make it and its directory writable "
                "for this user, or choose another --data directory"
            )
        case sqlite3.SQLITE_FULL:
            return f"cannot write to {path}: the disk is full; free some space"
        case _:
            return f"cannot use {path}: {error}"


def why_unreadable(path: Path, error: sqlite3.Error) -> str:
    """The same for whoever only reads it."""
    if error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM,
    ):  # fmt: skip
        return cannot_read(path, error)
    return why_unusable(path, error)
