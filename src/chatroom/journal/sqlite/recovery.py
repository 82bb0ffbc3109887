"""What a start, a repair and a backup do with a redo log: the tables get what they lack."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chatroom.core.entry import Entry
from chatroom.journal.port import JournalConflict, JournalUnusable

from . import redo
from .blocks import damaged
from .damage import Damage
from .merging import Merged
from .opening import EPOCHS_HOLD, cannot_read
from .records import Found, Record, records
from .writer import Writer

_MOST_MISSING = 100_000
"""Entries in a row that a record behind a damaged one may leave out."""


@dataclass(slots=True, frozen=True)
class Waiting:
    """What a redo log has for a database."""

    records: Sequence[Record]
    """In order of their numbers, which follow each other from the first that is missing on."""
    beyond: Sequence[Record]
    """Behind a hole: without what is missing they cannot be done as they were."""
    hole: bool
    """Whether something was stored that cannot be read."""


Files = tuple[bytes, ...]


def read_files(database: Path) -> Files:
    """The files of the redo log as they are; raises JournalUnusable."""
    found: list[bytes] = []
    for path in redo.paths(database):
        try:
            found.append(path.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise JournalUnusable(cannot_read(path, error.strerror)) from error
    return tuple(found)


def waiting(connection: sqlite3.Connection, files: Files) -> Waiting:
    """What of the files the tables lack. Raises Damage, and sqlite3.Error."""
    row = connection.execute("SELECT redo, redone, state FROM run").fetchone()
    if row is None or not (isinstance(row[0], int) and isinstance(row[1], int)):
        raise Damage("how it was left")
    run, redone, state = row
    if not run:
        return Waiting((), (), hole=False)
    found: list[Found] = [records(data, run) for data in files]
    numbered = {record.number: record for each in found for record in each.records}
    behind = {record.number: record for each in found for record in each.beyond}
    number = redone + 1
    reached: list[Record] = []
    while (record := numbered.get(number)) is not None:
        reached.append(record)
        number += 1
    rest = behind | numbered
    beyond = [rest[later] for later in sorted(rest) if later > number]
    # What is not synced is found in any order after a loss of power: then the rest is no more
    # than what such a loss costs.
    return Waiting(reached, beyond, bool(beyond) and state in EPOCHS_HOLD)


def recover(connection: sqlite3.Connection, files: Files) -> None:
    """Store what the tables lack. Raises Damage, and sqlite3.Error."""
    found = waiting(connection, files)
    if found.hole:
        raise Damage("its redo log has a message that cannot be read")
    _redo(connection, found.records)


def catch_up(connection: sqlite3.Connection, files: Files) -> None:
    """As `recover`, of files that a server writes: as far as they go."""
    _redo(connection, waiting(connection, files).records)


def _redo(connection: sqlite3.Connection, missing: Sequence[Record]) -> None:
    if not missing:
        return
    writer = Writer(connection)
    writer.rooms()
    merged = Merged()
    for record in missing:
        merged.add(record.appends)
    try:
        writer.append(merged.appends(), redone=missing[-1].number, logged=True)
    except JournalConflict as error:
        raise Damage("its redo log does not follow what is stored") from error


def salvage(connection: sqlite3.Connection, found: Waiting) -> tuple[int, dict[int, list[int]]]:
    """Store all that can be, with marks for what is missing.

    How many entries were stored, and the sequences of the marks, by the key of their room.
    """
    writer = Writer(connection)
    writer.rooms()
    stored = 0
    lost: dict[int, list[int]] = {}
    for record in (*found.records, *found.beyond):
        for append in record.appends:
            newest = writer.newest_open(append.key)
            if newest is None:
                continue
            entries = [entry for entry in append.entries if entry.sequence > newest]
            missing = range(newest + 1, entries[0].sequence if entries else 0)
            if len(missing) > _MOST_MISSING:
                continue
            marks: list[Entry] = [damaged(sequence) for sequence in missing]
            writer.append([replace(append, entries=marks + entries)], logged=True)
            stored += len(entries)
            if missing:
                lost.setdefault(append.key, []).extend(missing)
    return stored, lost
