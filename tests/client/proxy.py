"""A TCP proxy in the same event loop, whose connections can be cut, held up or go dead."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from chatroom.wire.addresses import Address

CHUNK = 64 * 1024


class Proxy:
    """Passes bytes between whoever connects and a target until told otherwise."""

    def __init__(self, target: str) -> None:
        self._target = Address.parse(target)
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._dead: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fewer = asyncio.Event()
        self._asks, self._answers = asyncio.Event(), asyncio.Event()
        self.release()
        self.accepted = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.release()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._pairs)

    async def fewer_than(self, count: int) -> None:
        """Return once there are fewer connections."""
        while self.open >= count:
            self._fewer.clear()
            await self._fewer.wait()

    def retarget(self, target: str) -> None:
        """Lead new connections somewhere else."""
        self._target = Address.parse(target)

    def cut(self) -> None:
        """Reset every connection, on both sides; what is under way is lost."""
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    def hold(self) -> None:
        """Pass nothing on, not even an end: as on a line that is broken for a while."""
        self._asks.clear()
        self._answers.clear()

    def hold_answers(self) -> None:
        """Pass on what clients say alone: the target does it, and nobody comes to know."""
        self._answers.clear()

    def release(self) -> None:
        """Pass on what was held up, and what comes."""
        self._asks.set()
        self._answers.set()

    def swallow(self) -> None:
        """From now on lose what the present connections bring, without a word to either side."""
        for pair in self._pairs:
            self._dead.update(pair)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            target = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, target[1])
        self._pairs.add(pair)
        tasks = [
            asyncio.create_task(self._pass(reader, target[1], self._asks)),
            asyncio.create_task(self._pass(target[0], writer, self._answers)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in pair:
            one.transport.abort()
        await asyncio.wait(tasks)
        self._pairs.discard(pair)
        self._fewer.set()
        self._dead.difference_update(pair)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event
    ) -> None:
        try:
            while data := await _read(reader, flows):
                if writer not in self._dead:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass


async def _read(reader: asyncio.StreamReader, flows: asyncio.Event) -> bytes:
    """What comes, or that it ends, once that may be passed on."""
    try:
        return await reader.read(CHUNK)
    finally:
        await flows.wait()
