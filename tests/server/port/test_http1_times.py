"""How long an HTTP/1.1 connection waits, by a clock of the test's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chatroom.server.port.asgi import Receive, Scope, Send
from chatroom.server.port.http1 import Http1Connection
from chatroom.server.port.http1_exchange import ClientDisconnected
from chatroom.server.port.http1_limits import Http1Limits
from chatroom.server.port.http1_requests import Endless
from tests.server.port.http1_server import (
    Peer,
    Run,
    Server,
    asks,
    echo,
    gone,
    read_body,
    respond,
    serving,
    until,
)

LIMITS = Http1Limits()


async def first_bytes(server: Server, peer: Peer, data: bytes) -> Http1Connection:
    """The server's side of a connection that has these."""
    await peer.send(data)
    return await server.accepted.get()


def test_the_defaults_are_the_ones_that_are_promised() -> None:
    """Seconds and bytes, as in docs/decisions/0014-http1.md."""
    assert (10, 10, 60, 10) == (
        LIMITS.head_seconds, LIMITS.body_idle_seconds,
        LIMITS.keep_alive_seconds, LIMITS.write_seconds,
    )  # fmt: skip
    assert (32 * 1024, 64, 128 * 1024) == (
        LIMITS.head_bytes, LIMITS.head_fields, LIMITS.body_bytes
    )  # fmt: skip
    assert 64 * 1024 == 2 * LIMITS.write_bytes


def test_a_head_may_take_ten_seconds_however_its_bytes_come(run: Run) -> None:
    """A byte a second does not buy more time; 408."""

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, b"G")
            for second, byte in enumerate(asks("/slow")[1:11]):
                connection.check(second)
                await peer.send(bytes((byte,)))
            connection.check(9.9)
            assert 0 == server.count
            connection.check(10)
            answer = await peer.answer()
            assert (408, "close") == (answer.status, answer.headers["connection"])

    run(scene)


def test_lines_before_a_request_are_no_request(run: Run) -> None:
    """Empty lines (RFC 9112, 2.2) neither begin a head nor keep a connection."""

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, b"\r\n")
            connection.check(0)
            await peer.send(b"\r\n" * 10)
            connection.check(9.9)
            assert 0 == server.count
            connection.check(10)
            await server.closed.get()

    run(scene)


def test_a_later_head_has_ten_seconds_from_its_first_byte(run: Run) -> None:
    """The time before it, which was idle, does not count."""

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, asks("/a"))
            assert 200 == (await peer.answer()).status
            connection.check(0)
            connection.check(50)
            # Its answer shows that the head behind it has begun.
            await peer.send(asks("/b") + b"GET /c")
            assert 200 == (await peer.answer()).status
            connection.check(55)
            connection.check(64.9)
            assert 0 == server.count
            connection.check(65)
            assert 408 == (await peer.answer()).status

    run(scene)


def test_an_idle_connection_is_closed_after_a_minute(run: Run) -> None:
    """Without a word; and each request begins the minute anew."""

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, asks("/a"))
            await peer.answer()
            connection.check(0)
            connection.check(59)
            await peer.send(asks("/b"))
            await peer.answer()
            connection.check(60)
            connection.check(119.9)
            assert 0 == server.count
            connection.check(120)
            assert b"" == await peer.rest()
            await server.closed.get()

    run(scene)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_may_come_slowly_but_must_come(run: Run, chunked: bool) -> None:
    """A byte in ten seconds is enough; none for ten is 408, and the application learns so.

    Bytes that are no content do not count.
    """
    came: list[bytes] = []
    ended: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while (event := await receive())["type"] == "http.request":
            came.append(event["body"])
        ended.append(event["type"])
        with pytest.raises(ClientDisconnected):
            await respond(send, b"late")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            framing = "transfer-encoding: chunked" if chunked else "content-length: 9"
            piece = b"1\r\nx\r\n" if chunked else b"x"
            connection = await first_bytes(server, peer, asks("/", framing, method="POST"))
            for count in range(1, 6):
                await peer.send(piece)
                await until(lambda count=count: count == len(b"".join(came)))  # type: ignore[misc]
                connection.check(count * 9.9)
            if chunked:
                await peer.send(b"1;extension")
            connection.check(59.4)
            assert [] == ended
            connection.check(59.5)
            assert 408 == (await peer.answer()).status
            await until(lambda: ended == ["http.disconnect"])

    run(scene)


def test_all_of_a_body_has_a_minute(run: Run) -> None:
    """However its bytes come; a body behind it has its own."""
    came: list[bytes] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        while (event := await receive())["type"] == "http.request":
            came.append(event["body"])
            if not event.get("more_body"):
                await respond(send, b"")
                return

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            begin = asks("/", "content-length: 9", method="POST")
            connection = await first_bytes(server, peer, begin)

            async def dribble(since: int) -> None:
                for second in range(since, since + 56, 7):
                    came.clear()
                    await peer.send(b"x")
                    await until(lambda: bool(came))
                    connection.check(second)

            await dribble(0)
            await peer.send(b"x")
            assert 200 == (await peer.answer()).status
            await peer.send(begin)
            await dribble(8)
            assert 0 == server.count
            connection.check(8 + 59.9)
            assert 0 == server.count
            connection.check(8 + 60)
            assert 408 == (await peer.answer()).status

    run(scene)


def test_an_application_may_take_its_time(run: Run) -> None:
    """Neither a request that waits for its answer nor a stream of requests is hurried."""
    done: list[asyncio.Event] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await (read_body(receive) if scope["path"] == "/chat" else done[0].wait())
        await respond(send, b"")

    async def scene() -> None:
        done.append(asyncio.Event())
        async with (
            serving(application, endless=Endless(requests=frozenset({"/chat"}))) as server,
            await server.peer() as peer,
            await server.peer() as chat,
        ):
            waiting = await first_bytes(server, peer, asks("/"))
            request = asks("/chat", "content-length: 1", method="POST")
            streaming = await first_bytes(server, chat, request)
            for connection in (waiting, streaming):
                connection.check(0)
                connection.check(3600)
            done[0].set()
            await chat.send(b"x")
            assert [200, 200] == [(await each.answer()).status for each in (peer, chat)]

    run(scene)


def test_a_reader_that_takes_nothing_for_ten_seconds_is_let_go(run: Run) -> None:
    """What it takes in between gives it time; its application is told."""
    told: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 4096, "more_body": True})
        except ClientDisconnected:
            told.append("gone")
            raise

    async def scene() -> None:
        async with serving(application) as server, await server.peer(receive_buffer=4096) as peer:
            connection = await first_bytes(server, peer, asks("/"))
            transport = server.transports[connection]

            async def stalled() -> int:
                """How much waits, once the kernel takes no more."""
                while True:
                    before = transport.get_write_buffer_size()
                    for _ in range(50):
                        await asyncio.sleep(0)
                    if 0 < before == transport.get_write_buffer_size():
                        return before

            held = await stalled()
            assert held <= 64 * 1024
            connection.check(0)
            connection.check(9.9)
            while transport.get_write_buffer_size() in (0, held):
                await peer.exactly(64 * 1024)
            await stalled()
            connection.check(10)
            connection.check(19.9)
            assert [] == told
            connection.check(20)
            await server.closed.get()
            await until(lambda: told == ["gone"])

    run(scene)


def test_a_peer_that_reads_no_refusal_is_let_go(run: Run) -> None:
    """Two seconds for it to end its side; what it sends meanwhile is dropped."""

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, b"BAD\r\n\r\n")
            connection.check(0)
            for second in (0.5, 1.0, 1.9):
                await peer.send(b"x" * 1000)
                connection.check(second)
            assert 0 == server.count
            connection.check(2)
            await server.closed.get()

    run(scene)


def test_times_are_settings(run: Run) -> None:
    """A tenth of each, as tests of the whole server run."""

    async def scene() -> None:
        limits = replace(LIMITS, head_seconds=1)
        async with serving(echo, limits) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, b"GET")
            connection.check(0)
            connection.check(1)
            assert 408 == (await peer.answer()).status

    run(scene)


def test_a_drain_ends_idle_connections_and_finishes_what_is_in_progress(run: Run) -> None:
    """The response in progress says that it is the last; one that said otherwise ends too."""
    done: list[asyncio.Event] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/begun":
            await send({"type": "http.response.start", "status": 200})
        if scope["path"] != "/":
            await done[0].wait()
        if scope["path"] != "/begun":
            await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})

    async def scene() -> None:
        done.append(asyncio.Event())
        async with (
            serving(application) as server,
            await server.peer() as idle,
            await server.peer() as busy,
            await server.peer() as begun,
            await server.peer() as coming,
        ):
            connections = [
                await first_bytes(server, idle, asks("/")),
                await first_bytes(server, busy, asks("/busy") + asks("/behind")),
                await first_bytes(server, begun, asks("/begun")),
                await first_bytes(server, coming, b"GET /coming"),
            ]
            await idle.answer()
            head = await begun.head()
            for connection in connections:
                connection.drain()
            assert b"" == await idle.rest()
            await coming.send(asks("/coming")[len("GET /coming") :])
            done[0].set()
            for peer in (busy, coming):
                answer = await peer.answer()
                assert (b"ok", "close") == (answer.body, answer.headers["connection"])
                assert b"" == await peer.rest()
            assert "connection" not in head.headers
            assert [b"ok", b""] == [await begun.chunk(), await begun.chunk()]
            assert b"" == await begun.rest()

    run(scene)


def test_abort_ends_at_once(run: Run) -> None:
    """The application is told, the peer sees a reset, the port is told once."""
    told: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await gone(receive)
        told.append("gone")

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            connection = await first_bytes(server, peer, asks("/"))
            connection.abort()
            with pytest.raises(ConnectionResetError):
                await peer.rest()
            await until(lambda: told == ["gone"])
            connection.abort()
            connection.drain()
            connection.check(0)
            assert 1 == server.count

    run(scene)
