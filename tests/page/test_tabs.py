"""Many tabs of one origin, in clear text: which streams they have, counted at the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from tests.server.services import Running, running

from .playing import play

ROOMS = [f"r{number}" for number in range(1, 13)]


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """A server in a thread of its own: its address, and what tells the rooms of its streams."""
    ready: Future[tuple[Running, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        over = asyncio.Event()
        async with running() as server:
            for room in ROOMS:
                await server.create(room)
            ready.set_result((server, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    server, loop, over = ready.result(30)

    async def streams() -> list[str]:
        return sorted(place.room.room_id for place in server.service.hub._streams)

    try:
        yield (
            f"127.0.0.1:{server.port}",
            lambda: asyncio.run_coroutine_threadsafe(streams(), loop).result(10),
        )
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)


@pytest.mark.slow
def test_tabs_of_a_room_share_a_stream() -> None:
    """Twelve have one. Another name has its own, and so has another token."""
    with serving() as (address, streams):
        play("tabs", address, {"streams": streams})


@pytest.mark.slow
def test_four_rooms_are_live() -> None:
    """Tabs of eight more read along, and say so; the next has a stream when one is closed."""
    with serving() as (address, streams):
        play("rooms", address, {"streams": streams})
