"""A port behind a proxy that says by the PROXY protocol for whom it connects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator

import pytest

from chatroom.server.port.asgi import Receive, Scope, Send
from chatroom.server.port.bridge import BodyBounds, asgi_calls
from chatroom.server.port.certificates import Certificates
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port, PortLimits
from chatroom.server.port.rota import Rota
from chatroom.server.port.sockets import listen
from chatroom.server.settings import Tls
from chatroom.wire.addresses import Address
from chatroom.wire.http2.client import Client
from chatroom.wire.http2.frames import Kind
from tests.client.certificates import Pair
from tests.server.port.http1_server import Run, respond
from tests.server.port.tls_peers import client_context

LINE = b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n"
BINARY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\1\xdc\x04\1\xbb"
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
WHO = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the peer's address."""
    await respond(send, "{}:{}".format(*scope["client"]).encode())


@contextlib.asynccontextmanager
async def port(
    *, proxied: bool = True, tls: Pair | None = None, limits: PortLimits | None = None
) -> AsyncIterator[tuple[str, int]]:
    """A port that answers everything with the peer's address."""
    [listener] = listen(Address("127.0.0.1", 0))
    opened = Port(
        (listener,),
        asgi_calls(who, lambda _: BodyBounds(), Rota()),
        who,
        limits or PortLimits(proxied=proxied),
        notices=Notices(asyncio.get_running_loop().time),
        certificates=tls and Certificates(Tls(certificate=tls.certificate, key=tls.key)),
    )
    opened.open()
    try:
        yield listener.getsockname()
    finally:
        opened.drain()
        await opened.close(1)


async def told(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Everything that is answered to these bytes, each piece sent by itself."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("header", [LINE, BINARY], ids=["v1", "v2"])
def test_the_peer_is_whom_the_header_names(run: Run, header: bytes) -> None:
    """However it is cut: with the request in one piece, alone, byte by byte."""

    async def scene() -> None:
        async with port() as address:
            for pieces in (
                (header + WHO,),
                (header, WHO),
                tuple(bytes((byte,)) for byte in header + WHO),
            ):
                assert (await told(address, *pieces)).endswith(b"\r\n203.0.113.7:56324")

    run(scene)


def test_over_http_2_too(run: Run) -> None:
    """Behind the header comes whatever protocol the connection speaks."""

    async def scene() -> None:
        async with port() as address:
            reader, writer = await asyncio.open_connection(*address)
            client = Client()
            stream = client.request(
                [
                    (b":method", b"GET"),
                    (b":scheme", b"http"),
                    (b":path", b"/"),
                    (b":authority", b"localhost"),
                ],
                end=True,
            )
            writer.write(BINARY + client.data_to_send())
            body = b""
            ended = False
            while not ended:
                for frame in client.receive_data(await reader.read(65536)):
                    if frame.stream_id == stream:
                        ended = frame.end
                        body += frame.payload if frame.kind == Kind.DATA else b""
                writer.write(client.data_to_send())
            assert b"203.0.113.7:56324" == body
            writer.close()

    run(scene)


def test_the_header_comes_before_tls(run: Run, ca: Pair, localhost: Pair) -> None:
    """A proxy that does not end TLS sends it in front of the handshake."""

    async def scene() -> None:
        async with port(tls=localhost) as address:
            context = client_context(ca.certificate)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            reader, writer = await asyncio.open_connection(*address)
            writer.write(BINARY)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(65536))
            tls.write(WHO)
            writer.write(outgoing.read())
            answer = b""
            while not answer.endswith(b"203.0.113.7:56324"):
                incoming.write(await reader.read(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    answer += tls.read(65536)
            writer.close()

    run(scene)


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"], ids=["v2", "v1"])
def test_a_proxy_that_speaks_for_itself_is_its_own_peer(run: Run, header: bytes) -> None:
    """As its health checks do."""

    async def scene() -> None:
        async with port() as address:
            assert b"127.0.0.1:" in await told(address, header + WHO)

    run(scene)


@pytest.mark.parametrize(
    "data", [WHO, b"PROXY TCP4 203.0.113.7 x 1 2\r\n" + WHO], ids=["none", "malformed"]
)
def test_without_a_good_header_the_connection_ends(
    run: Run, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is served, and the log has one line, however many come."""

    async def scene() -> None:
        async with port() as address:
            for _ in range(3):
                assert b"" == await told(address, data)

    with caplog.at_level(logging.WARNING):
        run(scene)
    assert 1 == len(caplog.messages)
    assert "--proxy-protocol asks for a header" in caplog.messages[0]


@pytest.mark.parametrize("first", [LINE, BINARY, LOCAL], ids=["v1", "v2", "local"])
@pytest.mark.parametrize("second", [LINE, BINARY], ids=["v1", "v2"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_second_header_ends_the_connection(
    run: Run,
    first: bytes,
    second: bytes,
    tls: bool,
    localhost: Pair,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However it is cut nothing is served, and the log says what is wrong and not what is right."""

    async def scene() -> None:
        async with port(tls=localhost if tls else None) as address:
            for pieces in (
                (first + second + WHO,),
                (first, second + WHO),
                tuple(bytes((byte,)) for byte in first + second + WHO),
            ):
                assert b"" == await told(address, *pieces)

    with caplog.at_level(logging.WARNING):
        run(scene)
    assert 1 == len(caplog.messages)
    line = caplog.messages[0]
    assert line.startswith("127.0.0.1:")
    assert "came behind another" in line
    assert "--proxy-protocol" not in line


@pytest.mark.parametrize("method", [b"PROPFIND", b"POST", b"\r\n\r\nGET"])
def test_a_request_that_begins_as_a_header_does_is_a_request(run: Run, method: bytes) -> None:
    """Its first letters are waited for, and then it is served."""

    async def scene() -> None:
        async with port() as address:
            request = method + WHO.removeprefix(b"GET")
            for pieces in ((LINE, request), tuple(bytes((byte,)) for byte in LINE + request)):
                assert (await told(address, *pieces)).endswith(b"\r\n203.0.113.7:56324")

    run(scene)


def test_a_header_has_the_time_of_a_preface(run: Run) -> None:
    """Who sends none, or a part, is not kept."""

    async def scene() -> None:
        usual = PortLimits()
        limits = PortLimits(
            proxied=True,
            tick=0.01,
            http2=type(usual.http2)(preface_seconds=0.05),
        )
        async with port(limits=limits) as address:
            assert b"" == await told(address, LINE[:20])

    run(scene)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(("header", "version"), [(LINE, 1), (BINARY, 2)], ids=["v1", "v2"])
def test_a_header_that_was_not_asked_for_is_one_line_in_the_log(
    run: Run,
    header: bytes,
    version: int,
    tls: bool,
    localhost: Pair,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It says who sent what, and which flag to set; the request behind it is not served."""

    async def scene() -> None:
        async with port(proxied=False, tls=localhost if tls else None) as address:
            for _ in range(3):
                assert b"200 OK" not in await told(address, header + WHO)

    with caplog.at_level(logging.WARNING):
        run(scene)
    assert 1 == len(caplog.messages)
    line = caplog.messages[0]
    assert line.startswith("127.0.0.1:")
    assert f"version {version}" in line
    assert "--proxy-protocol" in line
