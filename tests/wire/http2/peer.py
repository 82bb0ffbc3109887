"""A client by hand, on the other side of a server's connection: bytes in, frames out."""

from __future__ import annotations

from dataclasses import dataclass

from hpack import Encoder

from chatroom.wire.http2 import frames
from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import ConnectionEnded, Event, RequestReceived, StreamReset
from chatroom.wire.http2.frames import HEADER_BYTES, PREFACE, ErrorCode, Kind, unpack_header
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.streams import Stream

REQUEST = (
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "chat.example"),
    (":path", "/chat"),
)
RESPONSE = ((b":status", b"200"), (b"content-type", b"application/grpc"))


@dataclass(frozen=True)
class Frame:
    """One frame of the server."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes

    @property
    def number(self) -> int:
        """The four bytes of a WINDOW_UPDATE or a RST_STREAM."""
        return int.from_bytes(self.payload, "big")


def cut(data: bytes) -> list[Frame]:
    """All frames of these bytes, which end where a frame ends."""
    out = []
    while data:
        high, low, kind, flags, stream_id = unpack_header(data)
        end = HEADER_BYTES + (high << 8 | low)
        assert len(data) >= end
        out.append(Frame(kind, flags, stream_id, data[HEADER_BYTES:end]))
        data = data[end:]
    return out


class Peer:
    """The client; `now` is the time of both, in seconds."""

    def __init__(
        self,
        limits: Http2Limits | None = None,
        *,
        shared: SharedFrames | None = None,
        spread: float = 0.0,
    ) -> None:
        self.limits = limits or Http2Limits()
        self.now = 1000.0
        self.touched = 0
        self.connection = Connection(
            self.limits, shared or SharedFrames(), self._touch, self.now, spread=spread
        )
        self.encoder = Encoder()

    def _touch(self) -> None:
        self.touched += 1

    def send(self, *parts: bytes) -> list[Event]:
        """Send bytes; what they mean to the server."""
        return self.connection.receive_data(b"".join(parts), self.now)

    def read(self) -> list[Frame]:
        """What the server writes in this turn."""
        self.connection.advance(self.now)
        return cut(self.connection.data_to_send())

    def read_all(self) -> list[Frame]:
        """What the server writes in as many turns as it needs."""
        out: list[Frame] = []
        while more := self.read():
            out += more
        return out

    def check(self, *, unsent: bool = False) -> list[Event]:
        """Let the server look at its clock."""
        return self.connection.check(self.now, unsent=unsent)

    def open(self, *settings: tuple[int, int], settled: bool = True) -> Peer:
        """Say the preface and SETTINGS, acknowledge the server's unless told not to."""
        assert [] == self.send(PREFACE, frames.settings(*settings))
        if settled:
            assert [] == self.send(frames.SETTINGS_ACK)
        self.read()
        return self

    def block(
        self, *extra: tuple[str, str], fields: tuple[tuple[str, str], ...] = REQUEST
    ) -> bytes:
        """A request's header block, by hpack's encoder: its table goes on from block to block."""
        return self.encoder.encode([*fields, *extra])

    def request(self, stream_id: int, *extra: tuple[str, str], end: bool = False) -> Stream:
        """Send a request that the server takes; its stream."""
        events = self.send(frames.headers(stream_id, self.block(*extra), end=end))
        assert [RequestReceived] == [type(event) for event in events]
        assert isinstance(events[0], RequestReceived)
        return events[0].stream

    def ended(self, events: list[Event], code: ErrorCode) -> str:
        """Assert that these events end the connection, and that GOAWAY says so; the reason."""
        last = events[-1]
        assert isinstance(last, ConnectionEnded)
        assert (code, False) == (last.code, last.by_peer)
        goaway = cut(self.connection.data_to_send())[-1]
        assert Kind.GOAWAY == goaway.kind
        assert (code, last.reason.encode()) == (
            int.from_bytes(goaway.payload[4:8], "big"),
            goaway.payload[8:],
        )
        assert [] == self.send(frames.ping(b"too late"))
        return last.reason

    def was_reset(self, events: list[Event], stream_id: int, code: ErrorCode) -> str:
        """Assert that these events end one stream, and that RST_STREAM says so; the reason."""
        last = events[-1]
        assert isinstance(last, StreamReset)
        assert (stream_id, code, False) == (last.stream.stream_id, last.code, last.by_peer)
        assert (stream_id, code) in self.resets()
        return last.reason

    def resets(self) -> list[tuple[int, int]]:
        """The streams that the server resets in what it writes now, and why."""
        return [(f.stream_id, f.number) for f in self.read() if f.kind == Kind.RST_STREAM]


def updates(written: list[Frame]) -> list[tuple[int, int]]:
    """The windows that are given back: (stream id, increment)."""
    return [(f.stream_id, f.number) for f in written if f.kind == Kind.WINDOW_UPDATE]


class Caller:
    """A call that notes when it may write, and then sends what it has."""

    def __init__(self, stream: Stream, *payloads: bytes) -> None:
        self.stream = stream
        self.payloads = list(payloads)
        self.asked = 0
        stream.call = self

    def hear(self, data: bytes, *, end: bool) -> None: ...

    def writable(self) -> None:
        self.asked += 1
        if self.payloads and self.stream.offer(self.payloads[0]):
            del self.payloads[0]

    def gone(self) -> None: ...

    def check(self, now: float) -> None: ...

    def leaving(self) -> None: ...

    def leave(self) -> None: ...
