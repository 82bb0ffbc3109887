"""Several nodes in the test's own event loop, over one journal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from chatroom.core.limits import Limits
from chatroom.server.calls import encode
from chatroom.server.rooms.hub import Hub
from tests.nodes.shared_memory import SharedMemory, Store

FOREVER = Limits(message_rate=0, grace=3600.0, rename_interval=0.0)


async def until(true: Callable[[], bool]) -> None:
    """Others have their turn until it is so."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def node(journal: SharedMemory, limits: Limits = FOREVER) -> AsyncIterator[Hub]:
    """One of them; it is there until the end of the block."""
    hub = Hub(journal, encode.entries, limits, read=encode.event)
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
async def nodes(count: int, limits: Limits = FOREVER) -> AsyncIterator[list[Hub]]:
    """So many, with a room called lobby."""
    store = Store()
    async with contextlib.AsyncExitStack() as stack:
        hubs = [
            await stack.enter_async_context(node(SharedMemory(store), limits)) for _ in range(count)
        ]
        await hubs[0].rooms.create(room_id="lobby")
        await until(lambda: all(hub.rooms.known("lobby") for hub in hubs))
        yield hubs
