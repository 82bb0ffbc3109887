"""Every journal as tests use it: opened, used by a scene, opened again, closed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from chatroom.core.entry import Entry, Kind
from chatroom.core.record import MemberRecord
from chatroom.journal import Journal, NewRoom, StoredRoom
from chatroom.journal.memory import MemoryJournal
from chatroom.journal.postgres import PostgresJournal
from chatroom.journal.sqlite import SQLiteJournal
from tests.journal import postgres_databases

BIG = 1 << 30
NOW = 1_795_391_925_080_210_459
"""ns since 1970: more than 2 to the power of 60, as now."""
SECOND = 1_000_000_000
AUTHOR = (1 << 62) - 1

KINDS = ("memory", "sqlite-full", "sqlite-off", "postgres")


def spoken(envelope: bytes) -> tuple[str, str]:
    """Who says what, where an envelope is "Bob: hello"; behind a line's end is filling."""
    name, _, text = envelope.decode(errors="replace").partition("\n")[0].partition(": ")
    return name, text


Scene = Callable[[Journal], Awaitable[None]]
ShelfScene = Callable[["Shelf"], Awaitable[None]]


class Shelf:
    """A place for one journal that is opened again and again."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._kind = kind
        self._path = directory / "chatroom.db"
        self._memory = MemoryJournal(spoken)
        self._database = postgres_databases.own() if kind == "postgres" else ""
        self.journal: Journal = self._memory
        self.rooms: list[StoredRoom] = []
        """As the latest open has listed them."""

    async def open(self) -> None:
        """Open the journal; `rooms` is what it has."""
        if self._kind == "postgres":
            self.journal = PostgresJournal(self._database, spoken=spoken)
        elif self._kind != "memory":
            self.journal = SQLiteJournal(
                self._path,
                sync="full" if self._kind == "sqlite-full" else "off",
                spoken=spoken,
            )
        self.rooms = await self.journal.open()

    async def reopen(self) -> list[StoredRoom]:
        """Close the journal and open it again."""
        await self.journal.close()
        await self.open()
        return self.rooms

    async def settle(self) -> None:
        """Have what is stored in its last place: of SQLite, in the tables."""
        if isinstance(self.journal, SQLiteJournal):
            await self.journal.settle()

    async def index(self) -> None:
        """Have searches as quick as they can be."""
        if isinstance(self.journal, SQLiteJournal | PostgresJournal):
            await self.journal.index()

    async def kill(self) -> list[StoredRoom]:
        """Open what a journal whose process is killed now would leave."""
        if isinstance(self.journal, SQLiteJournal):
            left = self._path.with_name("killed")
            left.mkdir()
            for file in self._path.parent.glob(f"{self._path.name}*"):
                if not file.name.endswith(("-shm", ".lock")):
                    shutil.copy(file, left)
            await self.journal.close()
            for file in left.iterdir():
                file.replace(self._path.with_name(file.name))
            left.rmdir()
            await self.open()
            return self.rooms
        if isinstance(self.journal, PostgresJournal):
            killed = self.journal
            await postgres_databases.cut(self._database)
            await self.open()
            await killed.close()
            return self.rooms
        return await self.reopen()


def play_shelf(kind: str, directory: Path, scene: ShelfScene) -> None:
    """Run a scene on a shelf with an open journal, and close that."""

    async def running() -> None:
        shelf = Shelf(kind, directory)
        if kind == "postgres":
            await postgres_databases.empty()
        await shelf.open()
        try:
            await scene(shelf)
        finally:
            await shelf.journal.close()

    asyncio.run(running())


def a_room(room_id: str = "126859") -> NewRoom:
    return NewRoom(
        room_id=room_id,
        epoch="e1",
        created=NOW,
        title="Über uns",
        private=True,
        capacity=7,
        history=99,
        creator="ann@example.org",
    )


async def new_room(journal: Journal, room_id: str = "126859") -> int:
    """The key of a new room."""
    return (await journal.create_room(a_room(room_id))).facts.key


def entries(first: int, count: int, *, size: int = 20, kind: Kind = Kind.SAID) -> list[Entry]:
    """Entries that follow each other, with envelopes of `size` bytes."""
    return [
        Entry(number, NOW + number, kind, AUTHOR, b"%*d" % (size, number))
        for number in range(first, first + count)
    ]


def says(
    sequence: int, text: str, *, name: str = "Bob", size: int = 0, kind: Kind = Kind.SAID
) -> Entry:
    """An entry that `spoken` reads, with an envelope of at least `size` bytes."""
    envelope = f"{name}: {text}\n".encode().ljust(size, b".")
    return Entry(sequence, NOW + sequence, kind, AUTHOR, envelope)


def nonced(sequence: int, nonce: str, *, author: int = AUTHOR, sent: int = NOW) -> Entry:
    """An entry whose author has chosen a nonce."""
    return Entry(sequence, sent, Kind.SAID, author, b"%5d" % sequence, nonce)


def without_nonces(stored: Sequence[Entry]) -> list[Entry]:
    """As they are read."""
    return [replace(entry, nonce="") for entry in stored]


def record(
    author: int, *, name: str = "Alice", since: int = NOW, session: bytes | None = None,
    ended: int = 0, logged: bool = True, removed: bool = False,
    invitation: str = "", former: tuple[str, ...] = (),
) -> MemberRecord:  # fmt: skip
    return MemberRecord(
        author=author, name=name, since=since, logged=logged, session=session, ended=ended,
        removed=removed, subject="" if invitation else f"{name}@example.org",
        invitation=invitation, former=former,
    )  # fmt: skip


async def everything(journal: Journal, key: int) -> list[Entry]:
    """All that is kept of a room."""
    return await journal.read(key, after=0, entries=BIG, size=BIG)
