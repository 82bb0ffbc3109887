"""When a connection writes: at once where one stream alone has something to say, else by turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatroom.server.port.http2 import Http2Protocol
from chatroom.server.port.notices import Notices
from chatroom.server.port.turns import Turns
from chatroom.wire.http2 import frames
from chatroom.wire.http2.headers import Headers
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.streams import Stream
from tests.server.port.test_age import REQUEST, Told, Transport


class Connected:
    """A connection with an open stream, that has said its beginning."""

    def __init__(self, transport: Transport | None = None) -> None:
        self.calls: list[Told] = []
        self.streams: list[Stream] = []
        loop = asyncio.get_running_loop()
        self.protocol = Http2Protocol(
            Http2Limits(),
            self._begin,
            Turns(loop),
            SharedFrames(),
            lambda _: None,
            notices=Notices(loop.time),
            since=loop.time(),
            spread=0.0,
        )
        self.transport = transport or Transport()
        self.protocol.connection_made(self.transport)
        self.protocol.data_received(frames.PREFACE + frames.settings() + frames.SETTINGS_ACK)

    def _begin(self, _: Http2Protocol, stream: Stream, _headers: Headers, _end: bool) -> None:
        stream.call = told = Told(stream)
        self.calls.append(told)
        self.streams.append(stream)

    async def request(self) -> Stream:
        """Another stream, and a turn of the loop in which its connection writes."""
        self.protocol.data_received(frames.headers(2 * len(self.streams) + 1, REQUEST))
        stream = self.streams[-1]
        stream.headers(b"\x88")
        await asyncio.sleep(0)
        stream.offer(b"its first")
        await asyncio.sleep(0)
        return stream

    def written_by(self, act: Callable[[], object]) -> bytes:
        """What is written before the turn is over."""
        before = len(self.transport.written)
        act()
        return self.transport.written[before:]


def test_a_stream_alone_on_its_connection_writes_at_once() -> None:
    """Nothing is gained by waiting for the end of the turn."""

    async def scene() -> None:
        connection = Connected()
        stream = await connection.request()
        assert frames.data(1, b"news") == connection.written_by(lambda: stream.offer(b"news"))

    asyncio.run(scene())


def test_two_streams_are_written_together_at_the_end_of_the_turn() -> None:
    """One write for a connection and a turn; and at once again when one of them has ended."""

    async def scene() -> None:
        connection = Connected()
        one, other = await connection.request(), await connection.request()

        def both() -> None:
            one.offer(b"news")
            other.offer(b"news")

        assert b"" == connection.written_by(both)
        before = len(connection.transport.written)
        await asyncio.sleep(0)
        together = frames.data(1, b"news") + frames.data(3, b"news")
        assert together == connection.transport.written[before:]
        connection.protocol.data_received(frames.rst_stream(3, 8))
        one.offer(b"more")
        await asyncio.sleep(0)
        assert frames.data(1, b"last") == connection.written_by(lambda: one.offer(b"last"))

    asyncio.run(scene())


def test_nothing_is_written_to_a_transport_that_is_paused() -> None:
    """Whoever wrote at once waits as everybody does."""

    async def scene() -> None:
        connection = Connected()
        stream = await connection.request()
        connection.protocol.pause_writing()
        assert b"" == connection.written_by(lambda: stream.offer(b"news"))
        connection.protocol.resume_writing()
        await asyncio.sleep(0)
        assert stream.offer(b"news")

    asyncio.run(scene())


def test_nothing_is_written_to_a_transport_that_was_aborted() -> None:
    """The stream is told of its end only when the loop comes to it."""

    async def scene() -> None:
        connection = Connected()
        stream = await connection.request()
        connection.protocol.abort()
        assert b"" == connection.written_by(lambda: stream.offer(b"news"))

    asyncio.run(scene())


def test_nothing_overtakes_the_goaway_of_a_drain() -> None:
    """It waits for the end of the turn, and so does what comes behind it."""

    async def scene() -> None:
        connection = Connected()
        stream = await connection.request()

        def drained() -> None:
            connection.protocol.drain()
            stream.offer(b"news")

        assert b"" == connection.written_by(drained)
        before = len(connection.transport.written)
        await asyncio.sleep(0)
        written = connection.transport.written[before:]
        assert written.endswith(frames.data(1, b"news"))
        assert 7 == written[3]  # GOAWAY

    asyncio.run(scene())
