"""A tap whose frames a program looks at: what it can do to connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from chatroom.chatwire.decode.records import Ended, Kind
from chatroom.chatwire.passage import Side
from chatroom.chatwire.recorded import RecordedTap


@asynccontextmanager
async def saying(text: bytes) -> AsyncIterator[str]:
    """A server that says this to everyone and then waits for their end."""

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        with suppress(ConnectionResetError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(welcome, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def connect(tap: RecordedTap) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = tap.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


def test_turning_to_another_server() -> None:
    """Who connects from then on reaches it; who is connected already is left alone."""

    async def turned() -> None:
        async with saying(b"one") as one, saying(b"two") as two, RecordedTap(one) as tap:
            first, first_out = await connect(tap)
            assert b"one" == await first.readexactly(3)
            tap.turn_to(two)
            second, second_out = await connect(tap)
            assert b"two" == await second.readexactly(3)
            first_out.write(b"still here")
            await tap.until(lambda frame: frame.connection == 1 and frame.sender is Side.CLIENT)
            for writer in (first_out, second_out):
                writer.close()
                await writer.wait_closed()

    asyncio.run(turned())


def test_cutting_connections() -> None:
    """Both sides are reset, which is told; the next client is served as if nothing were."""

    async def cut() -> None:
        async with saying(b"hello") as server, RecordedTap(server) as tap:
            reader, writer = await connect(tap)
            await reader.readexactly(5)
            tap.cut()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            ends = [frame.detail for frame in tap.frames if frame.kind is Kind.ENDED]
            assert [Ended(reset=True, undecoded=0)] * 2 == [
                Ended(reset=end.reset, undecoded=0) for end in ends if isinstance(end, Ended)
            ]
            again, writer = await connect(tap)
            assert b"hello" == await again.readexactly(5)
            writer.close()
            await writer.wait_closed()

    asyncio.run(cut())
