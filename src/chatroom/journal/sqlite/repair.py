"""A damaged file made sound again: what can be read goes to a new one, and the old is kept."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chatroom.journal.ownership import hand_over
from chatroom.journal.port import JournalError, JournalUnusable
from chatroom.locks import locked

from . import opening, recovery, redo, schema
from .check import check
from .damage import Damage, is_damage
from .pages import PAGE_BYTES, rows_in_pages
from .rows_of_before import Legible, believed
from .salvage import Salvage, Salvaged
from .statements import transaction

_MOST_MISSING = 16
"""Times as long as it is a file may have been, if it says so."""
_LOGS = ("-wal",)
_BESIDE_IT = (*_LOGS, *redo.SUFFIXES)
_OF_SQLITE = ("-wal", "-shm", "-journal")


class RepairFailed(JournalError):
    """Nothing was changed; the sentence says why and what to do."""


@dataclass(slots=True, frozen=True)
class Repaired:
    """What a repair has done."""

    wrong: list[str]
    """What a check had found; empty: nothing, and nothing was changed."""
    kept: Path | None = None
    """Where the damaged file is now."""
    salvaged: Salvaged | None = None


def repair(path: Path, legible: Legible = believed) -> Repaired:
    """Put a sound file in the place of a damaged one, of which no server makes use.

    It works on a copy: until the new file takes its place in one step, the old one is as
    it was, and after that it is kept under another name. Needs as much space again, twice.
    Raises JournalUnusable if it is no journal or is in use, RepairFailed.
    """
    opening.check_there(path)
    lock = None
    try:
        lock = locked(path.with_name(path.name + ".lock"))
        opening.check_companion(path)
        wrong = _wrong(path, legible)
        if not wrong:
            return Repaired([])
        workshop = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        workshop.mkdir(mode=0o700)
        try:
            copy, new = workshop / "damaged.db", workshop / "sound.db"
            _copy(path, copy)
            salvaged = _salvage(path, copy, new, legible)
            kept = _exchange(path, new)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        if isinstance(error, BlockingIOError):
            raise JournalUnusable(opening.why_unusable(path, error)) from error
        raise RepairFailed(f"cannot repair {path}: {error.strerror or error}") from error
    finally:
        if lock is not None:
            os.close(lock)
    return Repaired(wrong, kept, salvaged)


def _wrong(path: Path, legible: Legible) -> list[str]:
    """What a check finds, if it is damage; raises JournalUnusable for anything else."""
    try:
        return check(path, legible, in_use=False).wrong
    except JournalUnusable as error:
        cause = error.__cause__
        if isinstance(cause, sqlite3.Error) and (
            is_damage(cause) or cause.sqlite_errorcode == sqlite3.SQLITE_ERROR
        ):
            return [str(cause)]
        raise


def _copy(path: Path, copy: Path) -> None:
    """Copy the file and its log, with a header that lets SQLite read the rest."""
    shutil.copyfile(path, copy)
    has_log = False
    for suffix in _LOGS:
        if (log := path.with_name(path.name + suffix)).exists():
            shutil.copyfile(log, copy.with_name(copy.name + suffix))
            has_log = bool(log.stat().st_size)
    with copy.open("r+b") as file:
        header = file.read(100)
        if len(header) == 100:
            file.seek(0)
            file.write(_mended(header, copy.stat().st_size, has_log=has_log))
            file.truncate(_pages(header, copy.stat().st_size) * PAGE_BYTES)


def _mended(header: bytes, size: int, *, has_log: bool) -> bytes:
    """A header as our files have it, whatever became of it (SQLite's file format, 1.3).

    SQLite reads nothing of a file that ends too early: what is missing becomes pages that
    cannot be read.
    """
    log = 2 if has_log else 1
    mended = bytearray(header)
    mended[:24] = struct.pack(">16sH6B", b"SQLite format 3\0", PAGE_BYTES, log, log, 0, 64, 32, 32)
    mended[28:32] = _pages(header, size).to_bytes(4, "big")
    mended[44:48] = (4).to_bytes(4, "big")  # the form of the schema
    mended[56:60] = (1).to_bytes(4, "big")  # UTF-8
    mended[92:96] = mended[24:28]  # the number of pages is valid
    return bytes(mended)


def _pages(header: bytes, size: int) -> int:
    """How many pages a file should have: what it says, unless that cannot be."""
    here = -(-size // PAGE_BYTES)
    told = int.from_bytes(header[28:32], "big")
    return told if here < told <= _MOST_MISSING * here + 1_000 else here


def _salvage(path: Path, copy: Path, new: Path, legible: Legible) -> Salvaged:
    try:
        version = _mend_schema(copy)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise RepairFailed(
            f"nothing of {path} can be read ({error}); put a backup in its place"
        ) from error
    with closing(opening.connect(copy)) as old, closing(opening.connect(new)) as connection:
        try:
            state = _state(old) if version > 1 else "unknown"
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
            schema.upgrade(connection, 0)
            with transaction(connection):
                salvage = Salvage(old, connection, version, legible, lambda: rows_in_pages(copy))
                salvaged = salvage.run()
                if salvaged.pages and not salvaged.rooms:
                    raise RepairFailed("no room in it can be read; put a backup in its place")
                # Whoever has seen more than is left must not take new messages for those.
                connection.execute(
                    "UPDATE run SET state = ?", ("unknown" if salvaged.pages else state,)
                )
            _salvage_redo_log(path, old, connection, salvaged)
        except sqlite3.Error as error:
            raise RepairFailed(
                f"nothing of {path} can be read ({error}); put a backup in its place"
            ) from error
    left = check(new, legible).wrong
    if left:
        raise RepairFailed(f"what could be read is not sound either ({left[0]})")
    with new.open("rb") as file:
        os.fsync(file.fileno())
    return salvaged


def _salvage_redo_log(
    path: Path,
    old: sqlite3.Connection,
    new: sqlite3.Connection,
    salvaged: Salvaged,
) -> None:
    """Keep what the redo log has, if the file can still tell which one is its own."""
    try:
        found = recovery.waiting(old, recovery.read_files(path))
    except (sqlite3.DatabaseError, Damage):
        salvaged.changed.append("what was said in the last seconds may be missing")
        return
    stored, lost = recovery.salvage(new, found)
    salvaged.entries += stored
    names = dict(new.execute("SELECT key, room_id FROM room"))
    for key, sequences in lost.items():
        salvaged.lost.setdefault(names[key], []).extend(sequences)


def _mend_schema(copy: Path) -> int:
    """Have SQLite know the tables of a file, whatever became of their definitions.

    They are those of the newest version with such tables, and there are no indexes: what an
    earlier one has not stored is read as its default. Returns the version that it is of.
    """
    with closing(opening.connect(copy)) as old:
        old.execute("PRAGMA writable_schema = ON")  # else a wrong one prevents everything
        with contextlib.suppress(sqlite3.DatabaseError):
            # Pages are looked through in the file alone.
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        version = _version(old, copy)
        with closing(schema.fresh(max(version, schema.BLOCKS_SINCE - 1))) as fresh:
            right = dict(fresh.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
        old.execute("BEGIN")
        for rowid, name in old.execute("SELECT rowid, name FROM sqlite_schema").fetchall():
            if name in right:
                old.execute(
                    "UPDATE sqlite_schema SET type = 'table', tbl_name = name, sql = ? "
                    "WHERE rowid = ?",
                    (right[name], rowid),
                )
            else:
                old.execute("DELETE FROM sqlite_schema WHERE rowid = ?", (rowid,))
        old.execute("COMMIT")
    return version


def _version(old: sqlite3.Connection, path: Path) -> int:
    """The version of the schema, or what it must be by the columns of its tables."""
    version = schema.SCHEMA_VERSION
    try:
        version = opening.known_version(old, path)
    except (sqlite3.DatabaseError, JournalUnusable):
        with contextlib.suppress(sqlite3.DatabaseError, UnicodeDecodeError):
            if columns := schema.columns(old)["entry"]:
                version = 1 + ("nonce" in columns) + ("checksum" in columns)
    if not version:
        raise RepairFailed("the file is empty; put a backup in its place")
    return version


def _state(old: sqlite3.Connection) -> str:
    """How the file was left."""
    try:
        row = old.execute("SELECT state FROM run").fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        row = None
    return row[0] if row and isinstance(row[0], str) and row[0].isprintable() else "unknown"


def _exchange(path: Path, new: Path) -> Path:
    """Give the new file the name of the old one, which gets another, with its log.

    If this is broken off, there is the one file or the other, never none. The log of the
    old one beside the new one is noticed by `check_companion`.
    """
    kept = _free_name(path)
    for suffix in ("", *_BESIDE_IT):
        old = path.with_name(path.name + suffix)
        if old.exists():
            _second_name(old, kept.with_name(kept.name + suffix))
    hand_over(new, path)  # the server opens it, as whoever it runs as
    new.replace(path)
    for suffix in (*_OF_SQLITE, *redo.SUFFIXES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return kept


def _free_name(path: Path) -> Path:
    number = 1
    while os.path.lexists(kept := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    return kept


def _second_name(old: Path, name: Path) -> None:
    try:
        os.link(old, name)
    except OSError:  # a file system without links
        shutil.copyfile(old, name)
