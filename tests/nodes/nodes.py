"""Several nodes in the test's own event loop, over one journal."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

import asyncpg

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import JournalError
from chatroom.journal.postgres import Patience, PostgresJournal
from chatroom.server.calls import encode
from chatroom.server.rooms.hub import Hub
from tests.journal import postgres_databases
from tests.nodes.shared_memory import SharedMemory, Store

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)

Scene = Callable[..., Awaitable[None]]
Play = Callable[[Scene], None]

AWAY = frozenset({"JOURNAL_UNAVAILABLE"})
"""What a node refuses with that has just lost its place, or the database: another one may not."""

FOREVER = Limits(message_rate=0, grace=3600.0, rename_interval=0.0)


class Shared(Protocol):
    """What nodes share, and what can go wrong with it."""

    async def begin(self) -> None: ...
    def journal(self) -> Any: ...
    async def lease_passes(self, journal: Any) -> None: ...
    def cut(self, journal: Any) -> None: ...
    def mend(self, journal: Any) -> None: ...
    def deafen(self, journal: Any) -> None: ...


class Memory:
    """In memory."""

    def __init__(self) -> None:
        self._store = Store()

    async def begin(self) -> None: ...

    def journal(self) -> SharedMemory:
        return SharedMemory(self._store)

    async def lease_passes(self, journal: SharedMemory) -> None:
        self._store.passed.add(journal.node)

    def cut(self, journal: SharedMemory) -> None:
        journal.cut = True

    def mend(self, journal: SharedMemory) -> None:
        journal.cut = False

    def deafen(self, journal: SharedMemory) -> None:
        journal.deaf = True


class CutJournal(PostgresJournal):
    """Over PostgreSQL, until it is cut."""

    cut = False
    deaf = False

    def __init__(self, renew: float) -> None:
        self.open_connections: list[Any] = []
        super().__init__(
            postgres_databases.own(),
            spoken=encode.spoken,
            patience=Patience(doubt=0.5, renew=renew),
        )

    async def _connect(self) -> Any:
        if self.cut:
            raise JournalError("the database cannot be reached")
        connection = await super()._connect()
        self.open_connections.append(connection)
        return connection

    def hear(self, appended: Callable[..., None], told: Callable[[str], None]) -> None:
        super().hear(lambda keys: None if self.deaf else appended(keys), told)


class Postgres:
    """A PostgreSQL."""

    def __init__(self, renew: float = 3600.0) -> None:
        """`renew`: after so many seconds a lease is renewed. By default never, as tests see it."""
        self._renew = renew

    async def begin(self) -> None:
        await postgres_databases.empty()

    def journal(self) -> CutJournal:
        return CutJournal(self._renew)

    async def lease_passes(self, journal: CutJournal) -> None:
        connection = await asyncpg.connect(postgres_databases.own())
        await connection.execute(
            "UPDATE chatroom.node SET expires = clock_timestamp() WHERE id = $1", journal.node
        )
        await connection.close()

    def cut(self, journal: CutJournal) -> None:
        journal.cut = True
        for connection in journal.open_connections:
            connection.terminate()

    def mend(self, journal: CutJournal) -> None:
        journal.cut = False

    def deafen(self, journal: CutJournal) -> None:
        journal.deaf = True


KINDS: dict[str, Callable[[], Shared]] = {"memory": Memory, "postgres": Postgres}


async def until(true: Callable[[], bool]) -> None:
    """Others have their turn until it is so."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def node(journal: Any, limits: Limits, ahead: int = 0) -> AsyncIterator[Hub]:
    """One of them, whose clock is `ahead` (ns); it is there until the end of the block."""
    hub = Hub(
        journal, encode.entries, limits, read=encode.event, clock=lambda: time.time_ns() + ahead
    )
    await hub.open()
    running = asyncio.create_task(hub.run())
    assert hub.nodes is not None
    await hub.nodes.look()
    try:
        yield hub
    finally:
        await hub.drain()
        await hub.stop()
        await running
        await hub.close()


@contextlib.asynccontextmanager
async def nodes(
    shared: Shared, count: int, limits: Limits = FOREVER, ahead: Sequence[int] = ()
) -> AsyncIterator[list[Hub]]:
    """So many, with a room called lobby."""
    await shared.begin()
    async with contextlib.AsyncExitStack() as stack:
        hubs = [
            await stack.enter_async_context(node(shared.journal(), limits, by))
            for by in ahead or [0] * count
        ]
        await hubs[0].rooms.create(room_id="lobby")
        await until(lambda: all(hub.rooms.known("lobby") for hub in hubs))
        yield hubs
