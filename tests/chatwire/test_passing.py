"""Bytes pass unchanged, whatever they are and however they are cut."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.chatwire.passage import Chunk, Ended, Opened, Passage, Side
from chatroom.chatwire.tap import Tap

from .loops import LOOPS, run

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CHUNKS = st.lists(st.binary(max_size=200_000) | st.binary(max_size=9), max_size=8)
each_loop = pytest.mark.parametrize("loop", LOOPS)


class Scene:
    """A server that behaves as `serve`, and a tap before it; `seen` is what passed."""

    def __init__(self, serve: Talk) -> None:
        self._serve = serve
        self.seen: list[Passage] = []
        self._served: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._served = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._tap = Tap(self._server.sockets[0].getsockname()[:2], self.seen.append)
        await self._tap.__aenter__()
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._served is not None
        serving = asyncio.ensure_future(self._serve(reader, writer))
        await asyncio.wait([serving])
        writer.close()
        if error := serving.exception():
            self._served.set_exception(error)
        else:
            self._served.set_result(None)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._tap.bound)

    async def served(self) -> None:
        assert self._served is not None
        await self._served

    async def __aexit__(self, *_: object) -> None:
        await self._tap.__aexit__(None, None, None)
        self._server.close()

    def sent(self, side: Side) -> bytes:
        """What the observer saw of a side."""
        return b"".join(
            one.content for one in self.seen if isinstance(one, Chunk) and one.sender is side
        )

    def ends(self) -> list[tuple[Side, bool]]:
        return [(one.sender, one.reset) for one in self.seen if isinstance(one, Ended)]


async def send(writer: asyncio.StreamWriter, chunks: list[bytes]) -> None:
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


async def both_ways(up: list[bytes], down: list[bytes]) -> Scene:
    arrived = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        sending = asyncio.create_task(send(writer, down))
        arrived = await reader.read()
        await sending

    async with Scene(serve) as scene:
        reader, writer = await scene.connect()
        sending = asyncio.create_task(send(writer, up))
        assert b"".join(down) == await reader.read()
        await sending
        await scene.served()
        writer.close()
        assert b"".join(up) == arrived
    return scene


@each_loop
@settings(max_examples=25, deadline=None)
@given(up=CHUNKS, down=CHUNKS)
def test_both_directions_pass_and_end_unchanged(
    loop: str, up: list[bytes], down: list[bytes]
) -> None:
    """Each side gets exactly what the other sent, then its end; the observer saw the same."""
    scene = run(both_ways(up, down), loop)
    assert isinstance(scene.seen[0], Opened)
    assert b"".join(up) == scene.sent(Side.CLIENT)
    assert b"".join(down) == scene.sent(Side.SERVER)
    assert [(Side.CLIENT, False), (Side.SERVER, False)] == sorted(scene.ends())


async def answer_after_the_end(up: list[bytes], down: list[bytes]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"".join(up) == await reader.read()
        await send(writer, down)

    async with Scene(serve) as scene:
        reader, writer = await scene.connect()
        await send(writer, up)
        assert b"".join(down) == await reader.read()
        await scene.served()
        writer.close()


@each_loop
@settings(max_examples=15, deadline=None)
@given(up=CHUNKS, down=CHUNKS)
def test_one_direction_ends_alone(loop: str, up: list[bytes], down: list[bytes]) -> None:
    """After the client's half-close the server still answers."""
    run(answer_after_the_end(up, down), loop)


async def read_into(arrived: bytearray, reader: asyncio.StreamReader) -> None:
    while content := await reader.read(1000):
        arrived.extend(content)


async def reset_after(up: list[bytes]) -> tuple[bytes, Scene]:
    arrived = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go")
        with pytest.raises(ConnectionResetError):
            await read_into(arrived, reader)

    async with Scene(serve) as scene:
        reader, writer = await scene.connect()
        await reader.readexactly(2)
        writer.writelines(up)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await scene.served()
    return bytes(arrived), scene


@each_loop
@settings(max_examples=15, deadline=None)
@given(up=CHUNKS)
def test_a_reset_stays_a_reset(loop: str, up: list[bytes]) -> None:
    """What the server gets before it is a beginning of what was sent."""
    arrived, scene = run(reset_after(up), loop)
    assert b"".join(up).startswith(arrived)
    assert [(Side.CLIENT, True), (Side.SERVER, True)] == scene.ends()


async def flood(size: int) -> int:
    """How much goes into a tap while nobody reads at its other end."""
    reads = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await reads.wait()
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        while await reader.read(1 << 20):
            pass

    async with Scene(serve) as scene:
        _, writer = await scene.connect()
        writer.transport.set_write_buffer_limits(high=0)
        sent = 0
        block = bytes(1 << 16)
        try:
            while sent < size:
                writer.write(block)
                sent += len(block)
                async with asyncio.timeout(1):
                    await writer.drain()
        except TimeoutError:
            pass
        held = len(scene.sent(Side.CLIENT))
        reads.set()
        await writer.drain()
        writer.write_eof()
        await scene.served()
        assert sent == len(scene.sent(Side.CLIENT))
        writer.close()
    return held


def test_what_is_not_taken_is_not_read() -> None:
    """Back-pressure: a reader that stands still stops the sender, and loses nothing later."""
    held = run(flood(64 << 20))
    assert held < 32 << 20


async def refused() -> tuple[list[OSError], list[Passage]]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()
        seen: list[Passage] = []
        said: list[OSError] = []
        async with Tap(nobody, seen.append, complain=said.append) as tap:
            reader, writer = await asyncio.open_connection(*tap.bound)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
    return said, seen


def test_a_server_that_does_not_run_is_said() -> None:
    """The client is reset, the person told, the connection recorded."""
    said, seen = run(refused())
    assert [ConnectionRefusedError] == [type(error) for error in said]
    assert ["Opened", "Ended", "Ended"] == [type(one).__name__ for one in seen]
