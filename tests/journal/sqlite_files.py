"""Files of the SQLite journal as tests need them: filled, killed, of version 1."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from chatroom.core.entry import Entry
from chatroom.journal import Append, StoredRoom, SyncMode
from chatroom.journal.sqlite import SQLiteJournal, redo
from chatroom.wire.envelopes import envelope
from tests.journal.journals import a_room, entries, nonced, record

VERSION_1 = """
CREATE TABLE schema (version INTEGER NOT NULL) STRICT;
CREATE TABLE room (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  room_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  created INTEGER NOT NULL,
  title TEXT NOT NULL,
  private INTEGER NOT NULL,
  capacity INTEGER NOT NULL,
  history INTEGER NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX open_room ON room (room_id) WHERE NOT closed;
CREATE TABLE entry (
  room INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  author INTEGER NOT NULL,
  envelope BLOB NOT NULL,
  PRIMARY KEY (room, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO schema VALUES (1);
"""
"""As the first version of this server has made it."""


def write_version_1(path: Path, rooms: dict[str, Sequence[Entry]]) -> None:
    """A file of version 1 with open rooms of these ids and entries."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1)
        for key, (room_id, told) in enumerate(rooms.items(), 1):
            connection.execute(
                "INSERT INTO room VALUES (?, ?, 'e1', 17, 'Über uns', 1, 7, 99, 0)", (key, room_id)
            )
            connection.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
                [(key, e.sequence, e.sent, int(e.kind), e.author, e.envelope) for e in told],
            )
        connection.commit()


async def opened(path: Path, sync: SyncMode = "off") -> tuple[SQLiteJournal, list[StoredRoom]]:
    journal = SQLiteJournal(path, sync=sync)
    return journal, await journal.open()


def rooms_of(path: Path) -> list[StoredRoom]:
    """What a server that is started now finds; it ends in order."""

    async def scene() -> list[StoredRoom]:
        journal, rooms = await opened(path)
        await journal.close()
        return rooms

    return asyncio.run(scene())


def enveloped(told: Sequence[Entry]) -> list[Entry]:
    """The same with envelopes that are as long as they say."""
    return [replace(entry, envelope=envelope(entry.envelope)) for entry in told]


async def fill(journal: SQLiteJournal) -> None:
    """Two rooms: with entries, trimmed nonces, members; and a closed one."""
    one = (await journal.create_room(a_room("one"))).facts.key
    await journal.create_room(a_room("two"))
    closed = (await journal.create_room(a_room("closed"))).facts.key
    await journal.append(
        [
            Append(
                one,
                enveloped(entries(1, 300)),
                members=[record(1, session=b"1"), record(2, ended=5)],
            ),
            Append(closed, closes=True),
        ]
    )
    one_byte = [replace(nonced(n, f"n{n}"), envelope=b"x") for n in range(301, 311)]
    for begin, end in ((0, 7), (7, 8), (8, 10)):  # in blocks of their own
        await journal.append([Append(one, enveloped(one_byte[begin:end]))])
        await journal.settle()
    await journal.trim(one, entries=4, size=1 << 30)


def killed(source: Path, target: Path) -> Path:
    """The file as a server that uses `source` would leave it if it were killed now."""
    for suffix in ("", "-wal", *redo.SUFFIXES):
        shutil.copyfile(
            source.with_name(source.name + suffix), target.with_name(target.name + suffix)
        )
    return target
