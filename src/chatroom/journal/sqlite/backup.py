"""A consistent copy of the file, made by another process while the server runs."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chatroom.journal.port import JournalError, JournalUnusable

from . import schema
from .converting import convert
from .damage import Damage
from .opening import check_there, connect, connect_to_read, known_version, why_unreadable
from .recovery import catch_up, read_files, waiting
from .rows_of_before import believed

_COUNT = (
    "SELECT count(*) FROM entry JOIN room ON room = key WHERE NOT closed",
    (
        "SELECT coalesce(sum(first + count - max(first, oldest)), 0) FROM block "
        "JOIN room ON room = key WHERE NOT closed AND first + count > oldest"
    ),
)
"""How many entries are kept: where they are rows, and where they are in blocks."""


class BackupFailed(JournalError):
    """No copy was made; the sentence says why and what to do."""


@dataclass(slots=True, frozen=True)
class Copied:
    """What a backup holds."""

    rooms: int
    entries: int
    size: int
    """Bytes of the file."""


def backup(source: Path, target: Path) -> Copied:
    """Copy the journal `source` as it is at one moment to the new file `target`.

    What was stored before it began is in it.

    The copy is one file with mode 0600, synced before it has its name; opening it gives
    rooms new epochs. It is of the same schema version, or of ours if something was in the redo
    log alone. Nothing waits for it but the reuse of the write-ahead log, which
    grows meanwhile. Raises BackupFailed, and JournalUnusable if `source` is no journal.
    """
    check_there(source)
    if os.path.lexists(target):
        raise BackupFailed(f"{target} exists; choose another name, or move it away first")
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        rooms, entries = _copy(source, partial)
        _sync(partial)
        size = partial.stat().st_size
        _name(partial, target)
        _sync(target.parent)
    except OSError as error:
        raise BackupFailed(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)
    return Copied(rooms, entries, size)


def _copy(source: Path, partial: Path) -> tuple[int, int]:
    """Copy, and count open rooms and their entries in the copy."""
    with closing(connect_to_read(source)) as live, closing(connect(partial)) as copy:
        try:
            version = known_version(live, source)
        except sqlite3.Error as error:
            raise JournalUnusable(why_unreadable(source, error)) from error
        try:
            copy.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
            # First: what the tables get meanwhile is in the copy, and not in the files any more.
            files = read_files(source)
            live.backup(copy)  # in one step: else each commit of the server starts it anew
            copy.execute("PRAGMA journal_mode = DELETE")
            if version >= schema.REDO_LOG_SINCE:
                if waiting(copy, files).records:
                    # Who stores them knows our version alone.
                    schema.upgrade(copy, version, lambda: convert(copy, believed))
                    version = schema.SCHEMA_VERSION
                    catch_up(copy, files)
                copy.execute("UPDATE run SET redo = 0")
            if version > 1:
                copy.execute("UPDATE run SET state = 'copied'")
            (rooms,) = copy.execute("SELECT count(*) FROM room WHERE NOT closed").fetchone()
            (entries,) = copy.execute(_COUNT[version >= schema.BLOCKS_SINCE]).fetchone()
        except (sqlite3.Error, Damage) as error:
            raise BackupFailed(f"cannot copy {source}: {error}") from error
    return rooms, entries


def _name(partial: Path, target: Path) -> None:
    """Give the finished file its name; raises BackupFailed if somebody else has meanwhile."""
    try:
        os.link(partial, target)  # unlike a renaming it replaces nothing
    except FileExistsError:
        raise BackupFailed(f"{target} was made by somebody else meanwhile") from None
    except OSError:  # a file system without links
        partial.rename(target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
