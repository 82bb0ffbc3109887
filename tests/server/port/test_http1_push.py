"""Pieces of a response over HTTP/1.1 that are written at once, by no task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatroom.server.port.asgi import PUSH, Receive, Scope, Send
from chatroom.server.port.exchange_asgi import AsgiExchange
from chatroom.server.port.http1_limits import Http1Limits
from tests.server.port.http1_server import Run, asks, serving, until

Push = Callable[[bytes], bool]
PIECE = Http1Limits().write_bytes


class Source:
    """An application that carries one call, which is pushed from outside."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.exchange: AsgiExchange
        self.push: Push
        self.writables = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.push = scope["extensions"][PUSH]
        self.exchange = AsgiExchange(scope, receive, send)
        self.exchange.carry(self)
        self.begun.set()
        await self.exchange.run()

    def hear(self, data: bytes, *, end: bool) -> None: ...

    def writable(self) -> None:
        self.writables += 1

    def gone(self) -> None:
        self.exchange.release()

    def leaving(self) -> None: ...

    def check(self, now: float) -> None: ...


def test_what_can_go_is_written_at_once_in_its_place(run: Run) -> None:
    """Behind the head and what was sent, before what ends the response."""

    async def scene() -> None:
        source = Source()
        async with serving(source) as server, await server.peer() as peer:
            await peer.send(asks("/"))
            await source.begun.wait()
            exchange = source.exchange
            assert not source.push(b"before the head")
            exchange.begin([])
            exchange.send(b"one")  # the head is on its way: this cannot go at once
            assert not exchange.idle
            await until(lambda: exchange.idle)
            assert exchange.offer(b"two")
            assert exchange.idle
            exchange.send(b"three")
            exchange.end(None, b"four")
            exchange.release()
            answer = await peer.answer()
            assert [b"one", b"two", b"three", b"four"] == answer.pieces
            assert not source.push(b"behind the end")

    run(scene)


def test_the_first_piece_may_go_with_the_head(run: Run) -> None:
    """The head waits for the end of the turn; a piece that is pushed comes behind it."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert scope["extensions"][PUSH](b"one")
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    async def scene() -> None:
        async with serving(application) as server:
            (answer,) = await server.talk(asks("/"))
            assert [b"one", b"two"] == answer.pieces

    run(scene)


def test_nothing_is_pushed_to_who_takes_nothing(run: Run) -> None:
    """What waits stays bounded, the call is told when there is room, and nothing is lost."""

    async def scene() -> None:
        source = Source()
        async with serving(source) as server, await server.peer(receive_buffer=4096) as peer:
            await peer.send(asks("/"))
            connection = await server.accepted.get()
            await source.begun.wait()
            exchange = source.exchange
            exchange.begin([])
            await until(lambda: exchange.idle)
            assert not source.push(bytes(PIECE + 1)), "it is cut when it is sent"
            sent = 0
            while exchange.offer(b"x" * PIECE):
                sent += PIECE
                assert sent < 64 * 1024 * 1024, "it takes everything"
            assert not source.push(b"x")
            assert server.transports[connection].get_write_buffer_size() <= 2 * PIECE
            before = source.writables
            reading = asyncio.create_task(peer.answer())
            await until(lambda: source.writables > before)
            assert exchange.offer(b"last")
            exchange.end(None)
            exchange.release()
            assert b"x" * sent + b"last" == (await reading).body

    run(scene)


def test_nothing_is_pushed_to_who_is_gone(run: Run) -> None:
    """The call learns of it; a push says no."""

    async def scene() -> None:
        source = Source()
        async with serving(source) as server:
            async with await server.peer() as peer:
                await peer.send(asks("/"))
                await source.begun.wait()
                source.exchange.begin([])
                await until(lambda: source.exchange.idle)
                peer.reset()
            await server.closed.get()
            assert not source.push(b"one")

    run(scene)
