"""A journal in memory that several nodes of one process share."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chatroom.core.news import News
from chatroom.core.notes import SERVER
from chatroom.core.record import MemberRecord
from chatroom.journal import (
    Append,
    JournalConflict,
    JournalError,
    JournalFenced,
    NewRoom,
    StoredRoom,
)
from chatroom.journal.memory import MemoryJournal
from chatroom.journal.sharing import Asked, Held, Node
from chatroom.server.calls import encode

ENTRIES = 50
"""That news have at most of one room."""


@dataclass
class Store:
    """What the nodes share."""

    logs: MemoryJournal = field(default_factory=lambda: MemoryJournal(encode.spoken))
    appended: dict[int, list[tuple[Append, int]]] = field(default_factory=lambda: defaultdict(list))
    """By room: every append, and the node that made it. Their number is the room's version."""
    rooms: dict[int, StoredRoom] = field(default_factory=dict)
    locks: dict[int, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    nodes: dict[int, Node] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)
    """Nodes whose lease has passed."""
    journals: list[SharedMemory] = field(default_factory=list)

    def version(self, key: int) -> int:
        return len(self.appended[key])


class SharedMemory:
    """The journal of one node: nothing in it is ever quick, so that turns overlap."""

    name = "in memory, shared"
    index_bytes = 0

    def __init__(self, store: Store) -> None:
        self.store = store
        self.node = 0
        self.cut = False
        """It cannot be reached."""
        self.deaf = False
        """Nothing that others tell is heard."""
        self.heard_of: Callable[[Collection[int]], None] = lambda _keys: None
        self.hearing: Callable[[str], None] = lambda _told: None
        self.conflicts = 0
        store.journals.append(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store.logs, name)

    def listens(self, address: str) -> None: ...

    async def open(self) -> list[StoredRoom]:
        if not self.node:
            await self.rejoin()
        return [self._stored(key) for key in self.store.rooms]

    async def rejoin(self) -> None:
        self.node = len(self.store.nodes) + 1
        self.store.nodes[self.node] = Node(self.node, f"node {self.node}", alive=True)

    async def close(self) -> None:
        self.store.nodes[self.node] = replace(self.store.nodes[self.node], alive=False)

    def _stored(self, key: int) -> StoredRoom:
        logs = self.store.logs
        stored = logs._stored(logs._logs[key])  # it is one journal in two classes
        inside = {record.author for record in stored.inside}
        where = self._where(key)
        return replace(
            stored,
            version=self.store.version(key),
            nodes={author: node for author, node in where.items() if author in inside},
        )

    def _where(self, key: int, since: int = 0) -> dict[int, int]:
        """At which node members were last written, by author."""
        return {
            record.author: append.nodes.get(record.author, node)
            for append, node in self.store.appended[key][since:]
            for record in append.members
        }

    async def create_room(self, room: NewRoom) -> StoredRoom:
        await asyncio.sleep(0)
        self._reach()
        if any(each.facts.room_id == room.room_id for each in self.store.rooms.values()):
            raise JournalConflict("there is such a room")
        stored = await self.store.logs.create_room(room)
        self.store.rooms[stored.facts.key] = stored
        return self._stored(stored.facts.key)

    async def room(self, key: int) -> StoredRoom | None:
        await asyncio.sleep(0)
        self._reach()
        return self._stored(key) if key in self.store.rooms else None

    async def append(self, appends: Sequence[Append]) -> None:
        await asyncio.sleep(0)
        async with contextlib.AsyncExitStack() as stack:
            for key in sorted(append.key for append in appends):
                await stack.enter_async_context(self.store.locks[key])
            await self._append(appends)

    async def _append(self, appends: Sequence[Append]) -> None:
        await asyncio.sleep(0)
        self._reach()
        if not self.store.nodes[self.node].alive:
            raise JournalFenced("this node was declared dead")
        differ = [
            append.key
            for append in appends
            if append.version not in (None, self.store.version(append.key))
        ]
        if differ:
            self.conflicts += 1
            raise JournalConflict("others were quicker", differ)
        await self.store.logs.append(appends)
        for append in appends:
            self.store.appended[append.key].append((append, self.node))
            if append.closes:
                del self.store.rooms[append.key]
        self._tell(lambda other: other.heard_of([append.key for append in appends]))
        await asyncio.sleep(0)

    async def versions(self) -> Mapping[int, int]:
        await asyncio.sleep(0)
        self._reach()
        return {key: self.store.version(key) for key in (SERVER, *self.store.rooms)}

    async def news(self, asked: Sequence[Asked]) -> Sequence[News]:
        await asyncio.sleep(0)
        self._reach()
        return [self._news(each) for each in asked if self.store.version(each.key) != each.version]

    def _news(self, asked: Asked) -> News:
        logs, key = self.store.logs, asked.key
        since = [append for append, _ in self.store.appended[key][asked.version :]]
        notes = {(note.kind, note.key): note for append in since for note in append.notes}
        if key == SERVER:
            return News.of_server(self.store.version(key), list(notes.values()))
        log = logs._logs[key]  # likewise
        stored = logs._stored(log)  # likewise
        entries = [] if asked.after is None else log.entries[log.index(asked.after + 1) :]
        inside = {record.author: record for record in stored.inside}
        written = {r.author: None for append in since for r in append.members}
        where = self._where(key, asked.version)
        members = [
            (inside[author], where[author])
            for author in sorted(inside, key=lambda author: inside[author].since)
            if author in written
        ]
        gone = {author for append in since for author in append.gone} | written.keys()
        return News(
            facts=log.facts,
            version=self.store.version(key),
            newest=stored.newest,
            last_sent=stored.last_sent,
            oldest=stored.oldest,
            size=stored.size,
            active=stored.active,
            entries=entries[-ENTRIES:],
            replaced=[entry for append in since for entry in append.replaced],
            members=members,
            gone=gone - inside.keys(),
            notes=list(notes.values()),
            closed=log.closed,
        )

    @contextlib.asynccontextmanager
    async def held(self, asked: Sequence[Asked]) -> AsyncIterator[Held]:
        await asyncio.sleep(0)
        async with contextlib.AsyncExitStack() as stack:
            for key in sorted(each.key for each in asked):
                await stack.enter_async_context(self.store.locks[key])
            yield _Held(self, await self.news(asked))

    async def nodes(self) -> Sequence[Node]:
        self._reach()
        return [
            replace(each, alive=each.number not in self.store.passed)
            for each in self.store.nodes.values()
            if each.alive
        ]

    async def declare_dead(self, number: int) -> bool:
        self._reach()
        node = self.store.nodes[number]
        if node.alive and number not in self.store.passed:
            return False
        self.store.nodes[number] = replace(node, alive=False)
        return True

    def tell(self, told: str) -> None:
        self._tell(lambda other: other.hearing(told))

    def _tell(self, tell: Callable[[SharedMemory], None]) -> None:
        loop = asyncio.get_running_loop()
        for each in self.store.journals:
            if each is not self and not each.deaf and not each.cut and not self.cut:
                loop.call_soon(tell, each)

    def hear(
        self, appended: Callable[[Collection[int]], None], told: Callable[[str], None]
    ) -> None:
        self.heard_of, self.hearing = appended, told

    def _reach(self) -> None:
        if self.cut:
            raise JournalError("the database cannot be reached")

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        self._reach()
        return await self.store.logs.session(digest)


class _Held:
    def __init__(self, journal: SharedMemory, news: Sequence[News]) -> None:
        self._journal = journal
        self.news = news

    async def append(self, appends: Sequence[Append]) -> None:
        await self._journal._append(appends)  # it is its other half
