"""A server of HTTP/1.1 on a loop of choice, and peers that speak to it in raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from chatroom.server.port.asgi import Application, Receive, Scope, Send
from chatroom.server.port.http1 import Http1Connection, http1_protocol
from chatroom.server.port.http1_limits import Http1Limits
from chatroom.server.port.http1_requests import NOTHING_ENDLESS, Endless
from chatroom.server.port.notices import Notices
from chatroom.server.port.tls import TlsProtocol

Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]

SECONDS = 20
"""No test takes a second; this one is for a machine that is busy."""


def loops() -> list[Any]:
    """Both loops that the server runs on; asyncio's alone where uvloop is not installed."""
    choices = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    with contextlib.suppress(ImportError):
        import uvloop

        choices.append(pytest.param(uvloop.new_event_loop, id="uvloop"))
    return choices


def run_on(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    """What runs a test on such a loop; it fails when anything was left to the loop's hook."""

    def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        troubles: list[dict[str, Any]] = []

        async def whole() -> None:
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: troubles.append(context)
            )
            await asyncio.wait_for(test(), SECONDS)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(whole())
        assert [] == troubles

    return run


class Sniffer(asyncio.Protocol):
    """Looks at the first bytes of a connection, and hands it over: as the port does."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        transport: Any = self.transport
        protocol = self.server.factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self.server.transports[protocol] = transport
        protocol.data_received(data)
        self.server.accepted.put_nowait(protocol)


class Server:
    """What a test knows of the server's side."""

    factory: Callable[[], Http1Connection]
    address: tuple[str, int]

    def __init__(self) -> None:
        self.accepted: asyncio.Queue[Http1Connection] = asyncio.Queue()
        """Connections whose first bytes have been taken."""
        self.closed: asyncio.Queue[Http1Connection] = asyncio.Queue()
        self.count = 0
        """Of those that are closed."""
        self.transports: dict[Http1Connection, asyncio.Transport] = {}

    def over(self, connection: Http1Connection) -> None:
        self.count += 1
        self.closed.put_nowait(connection)

    async def peer(self, *, receive_buffer: int = 0) -> Peer:
        raw = socket.socket()
        raw.setblocking(False)
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(raw, self.address)
        return Peer(raw)

    async def talk(self, request: bytes) -> list[Answer]:
        """Everything that a peer is answered who sends this and half-closes."""
        async with await self.peer() as peer:
            await peer.send(request)
            peer.half_close()
            return await peer.answers()


@dataclass
class Answer:
    """A response, read by its framing."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    """The chunks of a chunked body."""


class Peer:
    """A raw socket."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self._read = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.raw.close()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.raw, data)

    def half_close(self) -> None:
        self.raw.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Go with RST, without a word."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    async def _more(self) -> bool:
        piece = await asyncio.get_running_loop().sock_recv(self.raw, 65536)
        self._read += piece
        return bool(piece)

    async def exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            assert await self._more(), f"the connection ended after {self._read!r}"
        taken, self._read = self._read[:count], self._read[count:]
        return taken

    async def until(self, end: bytes) -> bytes:
        while end not in self._read:
            assert await self._more(), f"the connection ended after {self._read!r}"
        taken, _, self._read = self._read.partition(end)
        return taken + end

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while await self._more():
            pass
        taken, self._read = self._read, b""
        return taken

    async def head(self) -> Answer:
        first, *lines = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        version, status, _ = first.split(" ", 2)
        assert "HTTP/1.1" == version
        fields = [line.split(": ", 1) for line in lines]
        headers: dict[str, str] = dict(fields)
        assert len(headers) == len(fields), "a field stands twice"
        return Answer(int(status), headers)

    async def chunk(self) -> bytes:
        """The next chunk; b"" is the last, with the end of the body."""
        size = int(await self.until(b"\r\n"), 16)
        data = await self.exactly(size)
        assert b"\r\n" == await self.exactly(2)
        return data

    async def answer(self) -> Answer:
        """The next response to a request that may have a body."""
        answer = await self.head()
        if answer.headers.get("transfer-encoding") == "chunked":
            while chunk := await self.chunk():
                answer.pieces.append(chunk)
            answer.body = b"".join(answer.pieces)
        elif "content-length" in answer.headers:
            answer.body = await self.exactly(int(answer.headers["content-length"]))
        elif answer.status not in (204, 304):
            answer.body = await self.rest()
        return answer

    async def answers(self) -> list[Answer]:
        """Responses up to the end of the connection."""
        found = []
        while self._read or await self._more():
            found.append(await self.answer())
        return found


@contextlib.asynccontextmanager
async def serving(
    application: Application,
    limits: Http1Limits | None = None,
    *,
    endless: Endless = NOTHING_ENDLESS,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Server]:
    """A server of the application on a port of 127.0.0.1."""
    server = Server()
    notices = Notices(asyncio.get_running_loop().time)
    server.factory = http1_protocol(
        application,
        limits=limits,
        tls=tls is not None,
        endless=endless,
        on_closed=server.over,
    )

    def accepted() -> asyncio.Protocol:
        if tls is None:
            return Sniffer(server)
        return TlsProtocol(tls, lambda *_: Sniffer(server), lambda _: None, notices=notices)

    listening = await asyncio.get_running_loop().create_server(accepted, "127.0.0.1", 0)
    server.address = listening.sockets[0].getsockname()
    try:
        yield server
    finally:
        listening.close()
        for connection in server.transports:
            connection.abort()
        await until(lambda: server.count == len(server.transports))


def asks(path: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", "host: chat.example", *fields]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    body = b""
    while True:
        event = await receive()
        assert "http.request" == event["type"], "the peer is gone"
        body += event["body"]
        if not event["more_body"]:
            return body


async def respond(send: Send, body: bytes, status: int = 200) -> None:
    """A whole response."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with method, path and body."""
    body = await read_body(receive)
    await respond(send, f"{scope['method']} {scope['path']} ".encode() + body)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until this holds."""
    while not condition():
        await asyncio.sleep(0)


async def gone(receive: Receive) -> None:
    """Returns when the application is told that the peer is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
