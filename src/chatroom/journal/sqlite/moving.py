"""A file as what is copied to another journal, or as what another one is copied into.

It is for a command in a process of its own: reading and writing here blocks the event loop.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Self

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry
from chatroom.core.notes import Note
from chatroom.core.record import MemberRecord
from chatroom.journal.copying import CopyFailed
from chatroom.journal.port import JournalUnusable, StoredRoom
from chatroom.locks import locked

from . import blocks, notes
from .blocks import FROM, block_of
from .directories import sync_directory
from .journal import SQLiteJournal
from .opening import MOVED, connect, why_unusable
from .rows_of_before import Legible, believed
from .writer import MEMBER_COLUMNS, member_record

_PAGE = 1_000
_MEMBERS = (
    f"SELECT room, {MEMBER_COLUMNS} FROM member WHERE room IN "
    "(SELECT key FROM room WHERE NOT closed) ORDER BY author"
)
_NONCES = "SELECT sequence, author, nonce FROM nonce WHERE room = ?"
_ROOM = (
    "INSERT INTO room (key, room_id, epoch, created, title, private, capacity, history, creator, "
    "closed_to_newcomers, oldest, size, nonces_from) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_MEMBER = f"INSERT INTO member (room, {MEMBER_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_RECORD = f"INSERT INTO audit (number, {notes.RECORDED}) VALUES (?,?,?,?,?,?,?,?,?,?)"


class SQLiteSource:
    """A file that no server uses, and none can until this is closed."""

    def __init__(
        self, path: Path, rooms: Sequence[StoredRoom], of_server: Sequence[Note], lock: int | None
    ) -> None:
        self._path = path
        self._rooms = rooms
        self._of_server = of_server
        self._lock = lock
        self._connection = connect(path, read_only=True)

    @classmethod
    async def open(cls, path: Path, legible: Legible = believed) -> Self:
        """Have all of it in the tables of our version; raises JournalUnusable."""
        if not path.exists():  # noqa: ASYNC240 # a command has nothing else to do meanwhile
            raise JournalUnusable(f"there is no {path}; name the server's directory")
        journal = SQLiteJournal(path, legible=legible)
        try:
            rooms = await journal.open()
            of_server = await journal.server_notes()
        finally:
            await journal.close()
        try:
            lock = locked(path.with_name(path.name + ".lock"))
        except OSError as error:
            raise JournalUnusable(why_unusable(path, error)) from error
        return cls(path, rooms, of_server, lock)

    async def rooms(self) -> Sequence[StoredRoom]:
        """See `Source.rooms`."""
        return self._rooms

    async def server_notes(self) -> Sequence[Note]:
        """See `Source.server_notes`."""
        return self._of_server

    async def members(self) -> Sequence[tuple[int, MemberRecord]]:
        """See `Source.members`."""
        found: list[tuple[int, MemberRecord]] = []
        for room, *columns in self._connection.execute(_MEMBERS):
            record = member_record(*columns)
            if record is None:
                raise self._damaged("a member")
            found.append((room, record))
        return found

    async def entries(self, room: StoredRoom) -> AsyncIterator[list[Entry]]:
        """See `Source.entries`."""
        key = room.facts.key
        counts = set(self._connection.execute(_NONCES, (key,)))
        page: list[Entry] = []
        expected = room.oldest
        for row in self._connection.execute(FROM, (key, 0, -1)):
            block = block_of(row)
            if block is None:
                raise self._damaged(f"room {room.facts.room_id}")
            for entry, sound in block.look():
                if (entry.sequence, entry.author, entry.nonce) not in counts:
                    entry.nonce = ""
                if entry.sequence < room.oldest and not entry.nonce:
                    continue  # trimmed
                if not sound or entry.sequence > expected:
                    raise self._damaged(f"room {room.facts.room_id}")
                expected += entry.sequence >= room.oldest
                page.append(entry)
            if len(page) >= _PAGE:
                yield page
                page = []
        if page:
            yield page
        if expected != room.newest + 1:
            raise self._damaged(f"room {room.facts.room_id}")

    def _damaged(self, what: str) -> CopyFailed:
        return CopyFailed(
            f"{self._path} is damaged ({what}); run `chatserver repair` first, which keeps what "
            "is sound"
        )

    async def records(self) -> AsyncIterator[list[AuditRecord]]:
        """See `Source.records`."""
        after = 0
        while page := notes.records(self._connection, after, _PAGE, 0, ""):
            yield page
            after = page[-1].number

    async def moved(self, where: str) -> None:
        """See `Source.moved`: the note is a file beside it."""
        self._path.with_name(self._path.name + MOVED).write_text(f"{where}\n")
        sync_directory(self._path.parent)

    async def close(self) -> None:
        """See `Source.close`."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)


class SQLiteTarget:
    """A file that has its name when it is complete."""

    def __init__(self, path: Path, partial: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._partial = partial
        self._connection = connection

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Make it, and its directory if need be; raises JournalUnusable, and CopyFailed."""
        if path.exists():  # noqa: ASYNC240 # likewise
            raise CopyFailed(f"there is a {path} already; name another directory")
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        journal = SQLiteJournal(partial)
        await journal.open()
        await journal.close()
        connection = connect(partial)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        return cls(path, partial, connection)

    async def room(self, room: StoredRoom) -> None:
        """See `Target.room`. That a sweep looks at everything once is no harm."""
        f = room.facts
        self._connection.execute(
            _ROOM,
            (
                f.key, f.room_id, f.epoch, f.created, f.title, f.private, f.capacity, f.history,
                f.creator, f.closed_to_newcomers, room.oldest, room.size, 1,
            ),
        )  # fmt: skip

    async def entries(self, room: StoredRoom, entries: Sequence[Entry]) -> None:
        """See `Target.entries`."""
        key = room.facts.key
        nonced = any(entry.nonce for entry in entries)
        for run in _runs(entries):
            blocks.STORE.execute(self._connection, blocks.rows(key, run, nonced=nonced))
        blocks.STORE_NONCES.execute(self._connection, blocks.nonces(key, entries))

    async def notes(self, key: int, notes_: Sequence[Note]) -> None:
        """See `Target.notes`."""
        notes.store(self._connection, key, notes_)

    async def members(self, members: Iterable[tuple[int, MemberRecord]]) -> None:
        """See `Target.members`."""
        self._connection.executemany(
            _MEMBER,
            [
                (
                    room, m.author, m.name, m.since, m.logged, m.session, m.ended, m.removed,
                    m.subject, m.invitation, "\n".join(m.former),
                )
                for room, m in members
            ],
        )  # fmt: skip

    async def records(self, records: Sequence[AuditRecord]) -> None:
        """See `Target.records`."""
        names = ["number", *notes.RECORDED.split(", ")]
        rows = [tuple(getattr(each, name) for name in names) for each in records]
        self._connection.executemany(_RECORD, rows)

    async def commit(self) -> None:
        """See `Target.commit`."""
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._partial.rename(self._path)
        sync_directory(self._path.parent)

    async def close(self) -> None:
        """See `Target.close`."""
        self._connection.close()
        for suffix in ("", "-wal", "-shm", ".lock"):
            with contextlib.suppress(FileNotFoundError):
                self._partial.with_name(self._partial.name + suffix).unlink()


def _runs(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries that follow each other; of what was trimmed some are missing."""
    found: list[list[Entry]] = []
    for entry in entries:
        if found and entry.sequence == found[-1][-1].sequence + 1:
            found[-1].append(entry)
        else:
            found.append([entry])
    return found
