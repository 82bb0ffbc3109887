"""Responses over HTTP/1.1: how they are framed, and when they are on the wire."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from pathlib import Path
from typing import Any

import pytest

from chatroom.server.port.asgi import Headers, Receive, Scope, Send
from chatroom.server.port.http1_exchange import ClientDisconnected
from tests.client.certificates import authority, signed
from tests.server.port.http1_server import Run, asks, gone, respond, serving, until


async def start(send: Send, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def body(send: Send, piece: bytes, *, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": more})


def test_a_response_has_its_fields_and_a_date(run: Run) -> None:
    """No Server; fields about the connection are ours alone."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, (b"X-A", b"b"), (b"content-length", b"2"), (b"Keep-Alive", b"max=9"),
                    (b"transfer-encoding", b"gzip"))  # fmt: skip
        await body(send, b"ok")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(asks("/"))
            answer = await peer.answer()
            date = answer.headers.pop("date")
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
            assert {"x-a": "b", "content-length": "2"} == answer.headers
            assert b"ok" == answer.body

    run(scene)


def test_a_streamed_response_is_flushed_piece_by_piece(run: Run) -> None:
    """Head first, then each piece as a chunk of its own, while the application still works."""
    going: asyncio.Queue[bytes] | None = None

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert going is not None
        await start(send, (b"content-type", b"application/grpc-web+proto"))
        while piece := await going.get():
            await body(send, piece, more=True)
        await body(send, b"", more=True)
        await body(send, b"last")

    async def scene() -> None:
        nonlocal going
        going = asyncio.Queue()
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(asks("/"))
            assert "chunked" == (await peer.head()).headers["transfer-encoding"]
            for piece in (b"one", b"two"):
                going.put_nowait(piece)
                assert piece == await peer.chunk()
            going.put_nowait(b"")
            assert [b"last", b""] == [await peer.chunk(), await peer.chunk()]
            await peer.send(asks("/"))  # the connection goes on
            going.put_nowait(b"")
            assert b"last" == (await peer.answer()).body

    run(scene)


@pytest.mark.parametrize(
    ("method", "status", "headers", "kept"),
    [
        ("HEAD", 200, [(b"content-length", b"5")], {"content-length": "5"}),
        ("HEAD", 200, [], {}),
        ("GET", 204, [(b"content-length", b"0")], {}),
        ("GET", 304, [(b"content-length", b"5")], {"content-length": "5"}),
    ],
)
def test_some_responses_have_no_body(
    run: Run, method: str, status: int, headers: Headers, kept: dict[str, str]
) -> None:
    """HEAD, 204 and 304, whatever the application writes (RFC 9112, 6.3); the next follows."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, *headers, status=status)
        await body(send, b"he", more=True)
        await body(send, b"llo")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            for _ in range(2):
                await peer.send(asks("/", method=method))
                answer = await peer.head()
                del answer.headers["date"]
                assert (status, kept) == (answer.status, answer.headers)
            peer.half_close()
            assert b"" == await peer.rest()

    run(scene)


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("keep", ["", "connection: keep-alive\r\n"])
def test_http10_is_answered_as_it_asks(run: Run, length: bool, keep: str) -> None:
    """No Host, no chunks; kept alive only if asked for and if the length is known."""
    scopes: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await start(send, *([(b"content-length", b"2")] if length else []))
        await body(send, b"o", more=True)
        await body(send, b"k")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(f"GET / HTTP/1.0\r\n{keep}\r\n".encode())
            answer = await peer.answer()
            kept = bool(length and keep)
            assert ("keep-alive" if kept else "close") == answer.headers["connection"]
            assert "transfer-encoding" not in answer.headers
            assert b"ok" == answer.body
            if kept:
                await peer.send(b"GET / HTTP/1.0\r\n\r\n")
                assert "close" == (await peer.answer()).headers["connection"]
            assert b"" == await peer.rest()
            assert "1.0" == scopes[0]["http_version"]

    run(scene)


def test_connection_close_ends_the_connection(run: Run) -> None:
    """Asked by the client, or by the application."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"connection", b"close")] if scope["path"] == "/close" else []
        await start(send, *headers, (b"content-length", b"0"))
        await body(send, b"")

    async def scene() -> None:
        async with serving(application) as server:
            for request in (asks("/", "connection: close"), asks("/close")):
                async with await server.peer() as peer:
                    await peer.send(request)
                    assert "close" == (await peer.answer()).headers["connection"]
                    assert b"" == await peer.rest()

    run(scene)


def test_an_answer_before_the_end_of_its_request_is_read_whole(run: Run) -> None:
    """The peer still sends; closing at once would reset the connection under the answer."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no" * 1000, 404)

    async def scene() -> None:
        async with serving(application) as server:
            for length, status in ((100_000, 404), (10_000_000, 413)):
                async with await server.peer() as peer:
                    await peer.send(asks("/", f"content-length: {length}", method="POST"))
                    for _ in range(length // 10_000):
                        await peer.send(b"x" * 10_000)
                    answer = await peer.answer()
                    assert (status, "close") == (answer.status, answer.headers["connection"])
                    assert b"" == await peer.rest()

    run(scene)


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("peer_goes", ["reset", "half_close"])
def test_a_peer_that_goes_is_noticed_without_a_write(
    run: Run, streams: bool, peer_goes: str
) -> None:
    """By RST at once; by FIN when its time is over, for it may have half-closed only."""
    told: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if streams:
            await start(send)
            await body(send, b"hello", more=True)
        await gone(receive)
        told.append("disconnect")
        with pytest.raises(ClientDisconnected):
            await (body(send, b"anybody?", more=True) if streams else start(send))
        told.append("raised")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(asks("/"))
            connection = await server.accepted.get()
            if streams:
                await peer.head()
                assert b"hello" == await peer.chunk()
            connection.check(0)
            getattr(peer, peer_goes)()
            if peer_goes == "half_close":
                await until(lambda: connection.half_closed)
                connection.check(1)
                connection.check(5.9)
                assert [] == told
                connection.check(6)
            await server.closed.get()
            await until(lambda: len(told) == 2)

    run(scene)
    assert ["disconnect", "raised"] == told


FAILURES = {
    "nothing": (lambda send: asyncio.sleep(0), 500),
    "body first": (lambda send: body(send, b"x"), 500),
    "no status": (lambda send: start(send, status=99), 500),
    "splitting": (lambda send: start(send, (b"x", b"a\r\nset-cookie: b")), 500),
    "bad name": (lambda send: start(send, (b"x:", b"a")), 500),
    "two lengths": (lambda send: start(send, *[(b"content-length", b"1")] * 2), 500),
    "no length": (lambda send: start(send, (b"content-length", b"-1")), 500),
}


@pytest.mark.parametrize("case", FAILURES)
def test_an_application_that_fails_before_it_answers_is_a_500(
    run: Run, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; the connection ends."""
    failing, status = FAILURES[case]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await failing(send)

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(asks("/") + asks("/next"))
            assert status == (await peer.answer()).status
            assert b"" == await peer.rest()

    run(scene)
    assert [logging.ERROR] == [record.levelno for record in caplog.records]


@pytest.mark.parametrize("length", [b"3", b"9"])
def test_a_part_is_never_taken_for_the_whole(
    run: Run, length: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A response that fails, or is not as long as it said, ends with a reset."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, (b"content-length", length))
        await body(send, b"abc", more=True)
        await asyncio.sleep(0)
        await body(send, b"defg")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(asks("/"))
            with pytest.raises(ConnectionResetError):
                await peer.rest()

    run(scene)
    assert 1 == len(caplog.records)


def test_a_slow_reader_holds_a_bounded_part_of_a_response(run: Run) -> None:
    """64 KiB at most wait in the transport, and its request's answer arrives whole."""
    size = 16 * 1024 * 1024
    held: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        await body(send, b"x" * (size // 2), more=True)
        for _ in range(size // 2 // 1024):
            await body(send, b"y" * 1024, more=True)
        await body(send, b"")

    async def scene() -> None:
        async with serving(application) as server, await server.peer(receive_buffer=4096) as peer:
            await peer.send(asks("/"))
            connection = await server.accepted.get()
            transport = server.transports[connection]
            await until(lambda: transport.get_write_buffer_size() > 0)
            reading = asyncio.create_task(peer.answer())
            while not reading.done():
                held.append(transport.get_write_buffer_size())
                await asyncio.sleep(0)
            assert size == len(reading.result().body)

    run(scene)
    assert 0 < max(held) <= 64 * 1024


def test_over_tls(run: Run, tmp_path: Path) -> None:
    """The scheme is https; requests, streams and the peer's going are as in clear text."""
    ca = authority(tmp_path, "ca")
    pair = signed(tmp_path, ca, "localhost")
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pair.certificate, pair.key)
    theirs = ssl.create_default_context(cafile=ca.certificate)
    told: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/stream":
            await start(send)
            await body(send, b"hello", more=True)
            await gone(receive)
            told.append("disconnect")
        elif scope["path"] == "/large":
            await respond(send, b"x" * 5_000_000)
        else:
            await respond(send, scope["scheme"].encode())

    async def scene() -> None:
        async with serving(application, tls=ours) as server:
            host, port = server.address
            reader, writer = await asyncio.open_connection(
                host, port, ssl=theirs, server_hostname="localhost", limit=8_000_000
            )
            writer.write(asks("/") + asks("/large") + b"BAD\r\n\r\n")
            connection = await server.accepted.get()
            whole = await reader.readuntil(b"HTTP/1.1 400 Bad Request\r\n")
            first, large, refused = re.split(rb"(?=HTTP/1\.1 )", whole)[1:]
            assert first.endswith(b"\r\n\r\nhttps")
            assert large.endswith(b"\r\n\r\n" + b"x" * 5_000_000)
            assert refused.startswith(b"HTTP/1.1 400 ")
            # TLS has no half-close to send: what the peer still sends is read for a while.
            await until(lambda: server.transports[connection].get_write_buffer_size() == 0)
            connection.check(0)
            connection.check(1.9)
            assert 0 == server.count
            connection.check(2)
            assert (await reader.read()).endswith(b"\n")
            await server.closed.get()
            writer.close()
            reader, writer = await asyncio.open_connection(
                host, port, ssl=theirs, server_hostname="localhost"
            )
            writer.write(asks("/stream"))
            await reader.readuntil(b"hello")
            connection = await server.accepted.get()
            writer.close()
            await until(lambda: connection.half_closed)  # by close_notify, as by FIN
            connection.check(0)
            connection.check(5)
            await until(lambda: told == ["disconnect"])

    run(scene)


def test_what_was_cancelled_ends_its_connection(run: Run) -> None:
    """A task that the port or the loop cancels leaves nobody waiting."""
    tasks: list[asyncio.Task[Any] | None] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await gone(receive)

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(asks("/"))
            await until(lambda: len(tasks) == 1)
            task = tasks[0]
            assert task is not None
            task.cancel()
            with pytest.raises(ConnectionResetError):
                await peer.rest()

    run(scene)
