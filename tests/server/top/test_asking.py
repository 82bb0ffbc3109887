"""Who is asked, and what is said of whoever does not answer as a server's operators' listener."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator

import pytest

from chatroom.server.top import asking
from chatroom.server.top.asking import NoFigures, Stranger, Unreachable, get
from chatroom.server.top.moment import look
from chatroom.wire.addresses import Address
from tests.carriers import run
from tests.server.ops.deaf import stalled
from tests.server.ops.looking import watched


@contextlib.asynccontextmanager
async def listening(answer: bytes, *, stay: bool = False) -> AsyncIterator[Address]:
    """Somebody who says the same to everybody, and then hangs up unless it stays."""
    served: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if stay:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Address(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()
        for writer in served:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "it does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe", "its answer is no text"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "it answers 404"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "it answers what no chatserver does"),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", "it answers what no chatserver does"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"server": "nats"}', "it is another server's"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"server": "chatroom"}', "it answers what no chatserver does"),
    ],
)
def test_a_stranger_is_told_apart(answer: bytes, why: str) -> None:
    """One sentence: where, why, and what is to be given in its place."""

    async def scene() -> None:
        async with listening(answer) as address:
            with pytest.raises(Stranger, match=re.escape(why)) as told:
                await look(address, "messages")
            assert str(address) in str(told.value)
            assert "--ops-bind" in str(told.value)

    run(scene())


def test_nobody_is_there() -> None:
    async def scene() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = Address(*unused.getsockname())
            with pytest.raises(Unreachable, match=f"nothing listens on {address}: .*--ops-bind"):
                await get(address, "/varz")

    run(scene())


def test_whoever_hangs_up() -> None:
    async def scene() -> None:
        async with listening(b"") as address:
            with pytest.raises(Unreachable, match="hangs up without an answer"):
                await get(address, "/varz")

    run(scene())


def test_half_an_answer_is_none() -> None:
    """Of a server that is killed while it tells."""

    async def scene() -> None:
        async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as address:
            with pytest.raises(Unreachable, match="breaks off its answer"):
                await look(address, "messages")

    run(scene())


def test_a_name_that_nobody_has() -> None:
    async def scene() -> None:
        for name in ("no-such-host.invalid", "a" * 300, "a..b"):
            with pytest.raises(Unreachable, match=r"cannot be reached: .+"):
                await get(Address(name, 9090), "/varz")

    run(scene())


def test_whoever_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if some bytes come now and then."""
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", 0.2)

    async def scene() -> None:
        async with listening(b"HTTP/1.1 200 OK\r\n", stay=True) as address:
            with pytest.raises(Unreachable, match=r"has not answered for 0\.2 s"):
                await get(address, "/varz")

    run(scene())


def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_BYTES", 1 << 20)

    async def scene() -> None:
        async with listening(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1 << 21)) as address:
            with pytest.raises(Stranger, match="above 1 MiB"):
                await get(address, "/varz")

    run(scene())


def test_a_server_that_refuses_is_quoted() -> None:
    """By a name that it does not know; what it says does nothing to the terminal."""

    async def scene() -> None:
        async with watched() as ops:
            async with listening(
                b"HTTP/1.1 403 Forbidden\r\n\r\n\x1b[2Jsee --allow-host\n"
            ) as address:
                with pytest.raises(NoFigures, match=r"refuses: \[2Jsee --allow-host$"):
                    await get(address, "/varz")
            assert (
                "chatroom"
                == json.loads(await get(Address("localhost", ops.port), "/varz"))["server"]
            )

    run(scene())


def test_what_a_server_says_is_read() -> None:
    """Its rooms, of private ones only a number; and who is behind, the farthest first."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            private = await server.create("", private=True)
            await server.join(private.room_id, "Eve")
            async with stalled(ops, 2):
                ann = await server.join("lobby", "Ann")
                for _ in range(10):
                    await server.say(ann, "x" * 1000)
                address = Address("127.0.0.1", ops.port)
                while True:
                    seen = await look(address, "members")
                    if len(seen.readers) == 2 and seen.rooms[0].behind == 2:
                        break
                assert ["lobby", f"private #{seen.rooms[1].key}"] == [r.label for r in seen.rooms]
                assert private.room_id not in str(seen)
                assert [3, 1] == [r.members for r in seen.rooms]
                assert {"Slow 0", "Slow 1"} == {r.name for r in seen.readers}
                assert {"lobby"} == {r.room for r in seen.readers}
                assert seen.readers[0].behind >= seen.readers[1].behind > 0
                assert 4 == seen.of("chatroom_members")
                assert 1 == seen.of("chatroom_rooms", kind="private")
                assert not seen.has("chatroom_disk_free_bytes")

    run(scene())
