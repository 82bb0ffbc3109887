"""Whether a file is sound, beside a running server: SQLite's checks, then our own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from chatroom.core.entry import all_stored_bytes
from chatroom.core.notes import SERVER
from chatroom.journal.port import JournalUnusable

from . import notes, recovery, schema
from .counting import MOST_FINDINGS, Count, Counted
from .damage import Damage
from .ends import check_facts
from .merging import Merged
from .opening import (
    cannot_read,
    check_there,
    connect_to_read,
    is_in_use,
    known_version,
    why_unreadable,
)
from .quick_check import wrong_header
from .rows_of_before import Legible, Rows, believed, columns_of, every_row
from .schema import BLOCKS_SINCE, MODERATION_SINCE


@dataclass(slots=True, frozen=True)
class CheckedRoom:
    """An open room as it was found."""

    room_id: str
    entries: int
    oldest: int
    newest: int
    size: int
    """`Entry.stored_bytes` of its entries."""
    inside: int
    """Members."""
    lost: int = 0
    """Entries in whose place a repair has left a mark."""


@dataclass(slots=True)
class Checked:
    """What a check has found."""

    version: int
    """Of the schema. Of an earlier one than ours SQLite's checks are made, and entries read."""
    rooms: list[CheckedRoom] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What is wrong, one thing each; empty: nothing."""


def check(path: Path, legible: Legible = believed, *, in_use: bool | None = None) -> Checked:
    """Read the whole file, as it is at one moment; changes nothing.

    `legible` judges entries of the first versions, which have no checksum. The redo log is
    looked at too if no server writes it (`in_use`; None: see whether one does). Raises
    JournalUnusable if it cannot be read or is no journal.
    """
    check_there(path)
    try:
        header = wrong_header(path)  # before SQLite has locks on it, which reading it would end
        if in_use is None:
            in_use = is_in_use(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise JournalUnusable(cannot_read(path, error.strerror)) from error
    files = recovery.read_files(path)  # before the tables: they may have it by then
    with closing(connect_to_read(path)) as connection:
        try:
            connection.execute("BEGIN")
            found = Checked(known_version(connection, path))
        except sqlite3.Error as error:
            raise JournalUnusable(why_unreadable(path, error)) from error
        if not found.version and not header:
            raise JournalUnusable(
                f"{path} is empty; put a backup in its place, or let a server begin anew"
            )
        if header:
            found.wrong.append(header)
        found.wrong += _readable(_integrity(connection))
        found.wrong += _readable(schema.misnamed(connection, found.version))
        if found.version >= MODERATION_SINCE:
            found.wrong += _readable(_notes(connection))
        if found.version >= BLOCKS_SINCE:
            count = Count(connection)
            found.wrong += _readable(count.findings())
            try:
                found.rooms += _rooms(connection, count)
            except sqlite3.Error as error:
                found.wrong.append(f"rooms cannot be read: {error}")
            else:
                found.wrong += _readable(_wrong(connection, found.rooms, count))
            found.wrong += _readable(_redo_log(connection, files, found, in_use=in_use))
        else:
            found.wrong += _readable(_rows(connection, found.version, legible))
    found.wrong = list(dict.fromkeys(found.wrong))  # one page can be in the way of two checks
    return found


def _redo_log(
    connection: sqlite3.Connection, files: recovery.Files, found: Checked, *, in_use: bool
) -> Iterator[str]:
    """What is wrong with it; what it has is added to the rooms as they are in the tables."""
    try:
        waiting = recovery.waiting(connection, files)
    except Damage:
        return  # it is told elsewhere
    if waiting.hole and not in_use:  # a server may have written one file since the other was read
        yield "the redo log is damaged: something that was stored last cannot be read"
    if waiting.records:
        merged = Merged()
        for record in waiting.records:
            merged.add(record.appends)
        if not _follows(merged, connection, found.rooms):
            yield "the redo log does not follow what is stored"
            return
        found.rooms = list(_with(merged, connection, found.rooms))


def _follows(merged: Merged, connection: sqlite3.Connection, rooms: list[CheckedRoom]) -> bool:
    """Whether in each room the log goes on where the tables end: else no server starts."""
    names = dict(connection.execute("SELECT key, room_id FROM room WHERE NOT closed"))
    newest = {room.room_id: room.newest for room in rooms}
    return all(
        key in names
        and (not added.entries or added.entries[0].sequence == newest.get(names[key], 0) + 1)
        for key, added in merged.rooms.items()
        if key != SERVER
    )


def _with(
    merged: Merged, connection: sqlite3.Connection, rooms: list[CheckedRoom]
) -> Iterator[CheckedRoom]:
    """Rooms of the tables with what was stored since."""
    keys = dict(connection.execute("SELECT room_id, key FROM room WHERE NOT closed"))
    for room in rooms:
        key = keys[room.room_id]
        added = merged.rooms.get(key)
        if added is None:
            yield room
        elif not added.closes:
            sql = "SELECT author FROM member WHERE room = ? AND ended = 0"
            inside = {author for (author,) in connection.execute(sql, (key,))}
            for author, member in added.members.items():
                (inside.discard if member is None or member.ended else inside.add)(author)
            yield replace(
                room,
                entries=room.entries + len(added.entries),
                newest=room.newest + len(added.entries),
                size=room.size + all_stored_bytes(added.entries),
                inside=len(inside),
            )


def _readable(findings: Iterator[str]) -> Iterator[str]:
    """The findings as far as there are any: what is damaged cannot always be read."""
    try:
        yield from findings
    except sqlite3.Error as error:
        yield f"not all of it can be read: {error}"


def _rows(connection: sqlite3.Connection, version: int, legible: Legible) -> Iterator[str]:
    """Of a file of before blocks: each entry by its checksum, or by what it says."""
    known = Rows(connection, version, legible)
    names = dict(connection.execute("SELECT key, room_id FROM room WHERE NOT closed"))
    damaged = 0
    for table in columns_of(version):
        for row in every_row(connection, table, version):
            if known.sound(row) is not None:
                continue
            damaged += 1
            if damaged <= MOST_FINDINGS:
                what = "message" if table == "entry" else "the copy of message"
                yield f"room {names.get(row[0], 'unknown')}: {what} {row[1]} is damaged"
    if damaged > MOST_FINDINGS:
        yield f"{damaged - MOST_FINDINGS} messages more are damaged"


def _notes(connection: sqlite3.Connection) -> Iterator[str]:
    """Bans, invitations and the like, each by its checksum."""
    names = dict(connection.execute("SELECT key, room_id FROM room WHERE NOT closed"))
    for row in notes.rows(connection):
        if notes.sound(row) is None:
            where = f"room {names[row[0]]}" if row[0] in names else "the server"
            yield f"{where}: a ban, mute, invitation or reserved name ({row[2]}) is damaged"


def _integrity(connection: sqlite3.Connection) -> Iterator[str]:
    for (line,) in connection.execute(f"PRAGMA integrity_check({MOST_FINDINGS})"):
        if line != "ok":
            yield f"SQLite says: {' '.join(line.split())}"


def _rooms(connection: sqlite3.Connection, count: Count) -> list[CheckedRoom]:
    rooms = connection.execute(
        "SELECT key, room_id, (SELECT count(*) FROM member WHERE room = key AND ended = 0) "
        "FROM room WHERE NOT closed ORDER BY room_id"
    )
    return [
        CheckedRoom(room_id, has.entries, has.oldest, has.newest, has.size, inside, has.lost)
        for key, room_id, inside in rooms
        for has in [count.rooms.get(key, Counted())]
    ]


def _wrong(connection: sqlite3.Connection, rooms: list[CheckedRoom], found: Count) -> Iterator[str]:
    execute = connection.execute
    counted: dict[str, tuple[object, object]] = {}
    for room_id, epoch, title, oldest, size, *numbers in execute(
        "SELECT room_id, epoch, title, oldest, size, created, capacity, history "
        "FROM room WHERE NOT closed"
    ):
        counted[room_id] = oldest, size
        try:
            check_facts(room_id, epoch, title, oldest, size, *numbers)
        except Damage as damage:
            yield f"{damage} is damaged"
    for room in rooms:
        if room.newest - room.oldest + 1 != room.entries:
            yield (
                f"room {room.room_id}: from {room.oldest} to {room.newest} "
                f"there are {room.entries} messages: some are missing"
            )
        oldest, size = counted.get(room.room_id, (0, 0))
        if (oldest, size) != (room.oldest, room.size):
            yield (
                f"room {room.room_id}: counted as {size} bytes from {oldest}, "
                f"but has {room.size} bytes from {room.oldest}"
            )
    (nonces,) = execute("SELECT count(*) FROM nonce").fetchone()
    if nonces > found.nonces:
        yield f"{nonces - found.nonces} nonces of messages that do not have them"
    for sql, what in _NONE_OF_THESE:
        (count,) = execute(sql).fetchone()
        if count:
            yield f"{count} {what}"


_NONE_OF_THESE = (
    (
        "SELECT count(*) FROM member WHERE room NOT IN (SELECT key FROM room WHERE NOT closed)",
        "members of rooms that are not there",
    ),
    (
        "SELECT count(*) FROM nonce JOIN room ON room = key WHERE sequence < nonces_from",
        "messages whose nonce would never be forgotten",
    ),
    (
        "SELECT count(*) != 1 FROM run",
        "rows too many or too few that say how the file was left",
    ),
)
"""Queries that must find 0, and what they have found otherwise."""
