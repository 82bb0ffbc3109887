"""A connection that has become old: its streams are told, and only later ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from chatroom.server.port.http2 import Http2Protocol
from chatroom.server.port.notices import Notices
from chatroom.server.port.turns import Turns
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import HEADER_BYTES, Kind, unpack_header
from chatroom.wire.http2.headers import Headers, encode
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.streams import Stream

AGE, GRACE = 100.0, 10.0
REQUEST = encode([(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/")])


class Transport(asyncio.Transport):
    """Takes everything at once, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


@dataclass
class Told:
    """A call that remembers what it is told."""

    stream: Stream
    told: list[str] = field(default_factory=list)
    heard: int = 0

    def hear(self, data: bytes, *, end: bool) -> None:
        self.heard += len(data)

    def writable(self) -> None: ...
    def gone(self) -> None:
        self.told.append("gone")

    def check(self, now: float) -> None: ...
    def leaving(self) -> None:
        self.told.append("leaving")

    def leave(self) -> None:
        self.told.append("leave")


def goaways(written: bytes) -> list[int]:
    """The last stream ids that GOAWAY has named."""
    found = []
    at = 0
    while at < len(written):
        high, low, kind, _, _ = unpack_header(written, at)
        at += HEADER_BYTES
        if kind == Kind.GOAWAY:
            found.append(int.from_bytes(written[at : at + 4], "big"))
        at += high << 8 | low
    return found


@pytest.mark.parametrize("max_age", [AGE, 0.0])
def test_an_old_connection_tells_its_streams_before_it_ends_them(max_age: float) -> None:
    """GOAWAY and the news at its age, the end after the grace; without an age, never."""
    calls: list[Told] = []

    def begin(_connection: Http2Protocol, stream: Stream, _headers: Headers, _end: bool) -> None:
        stream.call = Told(stream)
        calls.append(stream.call)

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        born = loop.time()
        protocol = Http2Protocol(
            Http2Limits(ping_silence=1e9),
            begin,
            Turns(loop),
            SharedFrames(),
            lambda _: None,
            notices=Notices(loop.time),
            since=born,
            spread=0.0,
            max_age=max_age,
            age_grace=GRACE,
        )
        transport = Transport()
        protocol.connection_made(transport)
        protocol.data_received(
            frames.PREFACE
            + frames.settings()
            + frames.SETTINGS_ACK
            + frames.headers(1, REQUEST, end=True)
        )

        async def at(seconds: float) -> list[str]:
            protocol.check(born + seconds)
            await asyncio.sleep(0)
            return calls[0].told

        assert [] == await at(AGE - 1)
        told = await at(AGE + 1)
        if not max_age:
            assert [] == await at(AGE + GRACE + 2)
            assert [] == goaways(transport.written)
            return
        assert ["leaving"] == told
        assert [frames.LARGEST_STREAM_ID] == goaways(transport.written)
        assert ["leaving"] == await at(AGE + GRACE)
        assert [frames.LARGEST_STREAM_ID, 1] == goaways(transport.written)
        assert ["leaving", "leave"] == await at(AGE + GRACE + 2)
        calls[0].stream.headers(encode([(b":status", b"200")]), end=True)
        protocol.release(calls[0].stream)
        await asyncio.sleep(0)
        assert transport.closed

    asyncio.run(scene())
