"""Back to an earlier version: before it is upgraded a file is kept as it is, and put back if asked.

What is kept is a directory beside the file, `chatroom.db.schema-5` for version 5 of the schema,
with the file and what belongs to it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from chatroom.journal.port import JournalError, JournalUnusable
from chatroom.locks import locked

from . import recovery, redo, schema
from .check import Checked, check
from .directories import sync_directory
from .opening import (
    check_companion,
    check_not_moved,
    check_there,
    connect,
    connect_to_read,
    known_version,
    why_unusable,
)
from .rows_of_before import Legible, believed

log = logging.getLogger(__name__)

_KEPT = ".schema-"
_PARTS = ("", "-wal", *redo.SUFFIXES)
"""Ends of the names of all that a file consists of."""
_SPARE_BYTES = 64 * 1024 * 1024
"""That are left on the disk when it has been copied."""


class RollbackFailed(JournalError):
    """Nothing was changed; the sentence says why and what to do."""


@dataclass(slots=True)
class Rollback:
    """What there is to go back to, and what that would cost."""

    path: Path
    kept: Path
    """The directory with the earlier file."""
    before: Checked
    """What is in that one."""
    now: Checked
    lost: dict[str, int] = field(default_factory=dict)
    """Messages by room that were stored since; those of a room that was made since, too."""
    gone: list[str] = field(default_factory=list)
    """Rooms that were made since."""
    back: list[str] = field(default_factory=list)
    """Rooms that were deleted since, and are there again."""


def keep(path: Path) -> Path | None:
    """Keep a file that is about to be upgraded as it is; where it is then. None: it is not old.

    An empty directory of that name says that somebody has a copy elsewhere, and is enough. The
    caller holds the lock. Raises JournalUnusable, OSError, sqlite3.Error.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    check_companion(path)
    check_not_moved(path)
    with closing(connect(path)) as connection:  # its end brings in what the -wal has
        version = known_version(connection, path)
    if not 0 < version < schema.SCHEMA_VERSION:
        return None
    kept = path.with_name(f"{path.name}{_KEPT}{version}")
    if kept.is_dir() and not any(kept.iterdir()):
        log.warning("%s is empty: %s is upgraded without a copy", kept, path)
        return kept
    size = sum(part.stat().st_size for part in _parts(path))
    free = shutil.disk_usage(path.parent).free
    if free < size + _SPARE_BYTES:
        raise JournalUnusable(
            f"{path} has schema version {version}, and is copied before it is upgraded to "
            f"{schema.SCHEMA_VERSION}; that takes {_mib(size)} MiB, and {_mib(free)} are free. "
            f"Free some space, or make an empty directory {kept} if you have a backup elsewhere"
        )
    partial = kept.with_name(f"{kept.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    for part in _parts(path):
        _copy(part, partial / part.name)
    sync_directory(partial)
    shutil.rmtree(kept, ignore_errors=True)  # of an upgrade that did not come to its end
    partial.rename(kept)
    sync_directory(path.parent)
    log.warning(
        "%s is upgraded from schema version %d to %d; as it was it is in %s: chatserver rollback "
        "puts it back", path, version, schema.SCHEMA_VERSION, kept,
    )  # fmt: skip
    return kept


def plan(path: Path, legible: Legible = believed) -> Rollback:
    """What going back would mean; changes nothing. Raises RollbackFailed, JournalUnusable."""
    check_there(path)
    directories = {
        int(found[1]): each
        for each in path.parent.glob(f"{path.name}{_KEPT}*")
        if (found := re.fullmatch(r".*\.schema-(\d+)", each.name))
    }
    if not directories:
        raise RollbackFailed(
            f"{path} was not upgraded by a chatserver that has kept it: use a backup"
        )
    version, kept = max(directories.items())
    earlier = kept / path.name
    if not earlier.is_file():
        raise RollbackFailed(f"{kept} is empty: put the backup in place that was made instead")
    now = check(path, legible, in_use=False)
    if version >= now.version:
        raise RollbackFailed(
            f"{path} has schema version {now.version}, and {kept} is no earlier one"
        )
    before = check(earlier, legible, in_use=False)
    if before.wrong:
        raise RollbackFailed(f"{earlier} is damaged: {before.wrong[0]}")
    rollback = Rollback(path, kept, before, now)
    then = _newest(earlier, before)
    for room in now.rooms:
        if room.room_id not in then:
            rollback.gone.append(room.room_id)
        since = room.newest - then.get(room.room_id, 0)
        if since > 0:
            rollback.lost[room.room_id] = since
    still = {room.room_id for room in now.rooms}
    rollback.back = [room_id for room_id in then if room_id not in still]
    return rollback


def _newest(path: Path, checked: Checked) -> dict[str, int]:
    """The newest sequence of each open room of a file of any version."""
    if checked.version >= schema.BLOCKS_SINCE:
        return {room.room_id: room.newest for room in checked.rooms}
    files = recovery.read_files(path)
    with closing(connect_to_read(path)) as connection:
        found = {
            key: (room_id, newest)
            for key, room_id, newest in connection.execute(
                "SELECT key, room_id, coalesce(max(sequence), 0) FROM room LEFT JOIN entry "
                "ON room = key WHERE NOT closed GROUP BY key"
            )
        }
        if checked.version >= schema.REDO_LOG_SINCE:
            for record in recovery.waiting(connection, files).records:
                for append in record.appends:
                    if append.entries and append.key in found:
                        found[append.key] = found[append.key][0], append.entries[-1].sequence
    return dict(found.values())


def roll_back(rollback: Rollback) -> Path:
    """Put the earlier file in place; where the present one is then. Raises RollbackFailed.

    Rooms get new epochs at the next start: sequences that were given since are given again.
    """
    path, kept = rollback.path, rollback.kept
    try:
        with _held(path):
            with closing(connect(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if rollback.before.version > 1:
                with closing(connect(kept / path.name)) as connection:
                    connection.execute("UPDATE run SET state = 'copied'")
            aside = _unused(path.with_name(f"{path.name}.rolled-back"))
            aside.mkdir(mode=0o700)
            for part in _parts(path):  # by another name first: nothing is ever in no place
                _link(part, aside / part.name)
            sync_directory(aside)
            for part in _parts(path)[1:]:
                part.unlink()
            for part in _parts(kept / path.name)[1:]:
                part.replace(path.with_name(part.name))
            (kept / path.name).replace(path)
            sync_directory(path.parent)
            shutil.rmtree(kept)
    except BlockingIOError:
        raise RollbackFailed(f"{path} is in use: stop the server first") from None
    except (OSError, sqlite3.Error) as error:
        raise RollbackFailed(why_unusable(path, error)) from error
    return aside


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    lock = locked(path.with_name(path.name + ".lock"))
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _parts(path: Path) -> list[Path]:
    """The files that belong together; the first is the database."""
    named = [path.with_name(path.name + suffix) for suffix in _PARTS]
    return [part for part in named if part.exists()]


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        _copy(source, target)


def _unused(wanted: Path) -> Path:
    """A name that nothing has yet."""
    number = 2
    found = wanted
    while found.exists():
        found = wanted.with_name(f"{wanted.name}-{number}")
        number += 1
    return found


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:,.0f}"
