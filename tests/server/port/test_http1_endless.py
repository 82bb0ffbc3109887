"""A response that lasts as long as its reader: it ends with the peer's side of the connection.

Why, and who closes how: docs/decisions/0014-http1.md.
"""

from __future__ import annotations

import asyncio

import pytest

from chatroom.server.port.asgi import Receive, Scope, Send
from chatroom.server.port.http1_requests import Endless
from tests.server.port.http1_server import Run, asks, gone, respond, serving, until

ENDLESS = Endless(responses=frozenset(("/stream",)))
NEXT = asks("/next")


class Streams:
    """An application that begins a response and goes on until nobody is left."""

    def __init__(self, *, begins: bool = True) -> None:
        self.begins = begins
        self.begun: list[str] = []
        self.ended: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.begun.append(path)
        if path != "/stream":
            await respond(send, path.encode())
            return
        if self.begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        await gone(receive)
        self.ended.append(path)


@pytest.mark.parametrize("how", ["half_close", "reset"])
@pytest.mark.parametrize("behind", [b"", NEXT, b"\0" * 100_000], ids=["", "next", "rubbish"])
def test_the_peers_end_is_told_at_once(run: Run, how: str, behind: bytes) -> None:
    """By FIN as by RST, without a write or a tick, and whatever was sent behind the request."""
    streams = Streams()

    async def scene() -> None:
        async with serving(streams, endless=ENDLESS) as server, await server.peer() as peer:
            await peer.send(asks("/stream") + behind)
            head = await peer.head()
            assert "close" == head.headers["connection"]
            assert b"hello" == await peer.chunk()
            getattr(peer, how)()
            await server.closed.get()
            await until(lambda: streams.ended == ["/stream"])

    run(scene)
    assert ["/stream"] == streams.begun


def test_before_the_response_has_begun_too(run: Run) -> None:
    """A stream that is still being opened is given up, and nothing is answered."""
    streams = Streams(begins=False)

    async def scene() -> None:
        async with serving(streams, endless=ENDLESS) as server, await server.peer() as peer:
            await peer.send(asks("/stream"))
            await until(lambda: streams.begun == ["/stream"])
            peer.half_close()
            assert b"" == await peer.rest()
            await until(lambda: streams.ended == ["/stream"])

    run(scene)


def test_what_was_asked_before_it_is_answered(run: Run) -> None:
    """Pipelined: only the stream goes with its peer."""
    streams = Streams()
    hold = asyncio.Event

    async def scene() -> None:
        going = hold()

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/first":
                await going.wait()
            await streams(scope, receive, send)

        async with serving(application, endless=ENDLESS) as server, await server.peer() as peer:
            await peer.send(asks("/first") + asks("/stream"))
            connection = await server.accepted.get()
            await until(lambda: len(connection.exchanges) == 2)
            peer.half_close()
            await until(lambda: connection.half_closed)
            going.set()
            assert [b"/first"] == [answer.body for answer in await peer.answers()]

    run(scene)
    assert ["/first"] == streams.begun


def test_a_stream_over_http_1_0_ends_with_its_connection(run: Run) -> None:
    """No chunks and no length: bytes as they come, then the end (RFC 9112, 6.3 and A.2)."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def scene() -> None:
        async with serving(application, endless=ENDLESS) as server:
            for fields in (b"", b"Connection: keep-alive\r\n"):
                async with await server.peer() as peer:
                    await peer.send(b"GET /stream HTTP/1.0\r\n" + fields + b"\r\n")
                    answer = await peer.answer()
                    assert (200, b"onetwo") == (answer.status, answer.body)
                    assert "close" == answer.headers["connection"]
                    assert not {"transfer-encoding", "content-length"} & answer.headers.keys()

    run(scene)
