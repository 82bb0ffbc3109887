"""A client by hand, on the other side of a server's connection: bytes in, frames out."""

from __future__ import annotations

from collections.abc import Iterable

from chatroom.wire.http2 import frames
from chatroom.wire.http2.client import Client
from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import ConnectionEnded, Event, RequestReceived, StreamReset
from chatroom.wire.http2.frames import ErrorCode, Kind
from chatroom.wire.http2.headers import encode
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.reader import Frame
from chatroom.wire.http2.streams import Stream

REQUEST = (
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "chat.example"),
    (":path", "/chat"),
)
RESPONSE = ((b":status", b"200"), (b"content-type", b"application/grpc"))
OK = encode(RESPONSE)


class Peer:
    """The client; `now` is the time of both, in seconds.

    It answers nothing and gives no window back, unless a test does so.
    """

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
        self.client = Client(answers=False, gives_back=False)
        self.client.data_to_send()  # the preface: it is for `open`, or for the test, to say

    def _touch(self) -> None:
        self.touched += 1

    def send(self, *parts: bytes) -> list[Event]:
        """Send bytes; what they mean to the server."""
        return self.connection.receive_data(b"".join(parts), self.now)

    def tell(self) -> list[Event]:
        """Send what `client` has queued; what it means to the server."""
        return self.send(self.client.data_to_send())

    def read(self) -> list[Frame]:
        """What the server writes in this turn."""
        self.connection.advance(self.now)
        return self.client.receive_data(self.connection.data_to_send())

    def read_all(self) -> list[Frame]:
        """What the server writes in as many turns as it needs."""
        out: list[Frame] = []
        while more := self.read():
            out += more
        return out

    def written(self) -> bytes:
        """The bytes that the server writes in this turn; `client` does not see them."""
        self.connection.advance(self.now)
        return self.connection.data_to_send()

    def check(self, seconds: float = 0.0, *, unsent: bool = False) -> list[Event]:
        """Let time go by, and the server look at its clock."""
        self.now += seconds
        return self.connection.check(self.now, unsent=unsent)

    def open(self, *settings: tuple[int, int], settled: bool = True) -> Peer:
        """Say the preface and SETTINGS, acknowledge the server's unless told not to."""
        self.client = Client(*settings, answers=False, gives_back=False)
        if settled:
            self.client.acknowledge_settings()
        assert [] == self.tell()
        self.read()
        return self

    def block(
        self, *extra: tuple[str, str], fields: tuple[tuple[str, str], ...] = REQUEST
    ) -> bytes:
        """A request's header block, by hpack's encoder: its table goes on from block to block."""
        return self.client.block(encoded(*fields, *extra), huffman=True)

    def request(
        self, stream_id: int | None = None, *extra: tuple[str, str], end: bool = False
    ) -> Stream:
        """Send a request that the server takes, by default on the next stream; its stream."""
        self.client.request(encoded(*REQUEST, *extra), stream_id=stream_id, end=end)
        events = self.tell()
        assert [RequestReceived] == [type(event) for event in events]
        assert isinstance(events[0], RequestReceived)
        return events[0].stream

    def ended(self, events: list[Event], code: ErrorCode) -> str:
        """Assert that these events end the connection, and that GOAWAY says so; the reason."""
        last = events[-1]
        assert isinstance(last, ConnectionEnded)
        assert (code, False) == (last.code, last.by_peer)
        goaway = self.client.receive_data(self.connection.data_to_send())[-1]
        assert Kind.GOAWAY == goaway.kind
        assert (code, last.reason.encode()) == (goaway.code, goaway.debug)
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
        return resets(self.read())

    def alive(self) -> bool:
        """Whether the connection answers a PING."""
        self.client.ping(b"lives it")
        self.tell()
        return any(frame.ack and frame.payload == b"lives it" for frame in self.read_all())


def encoded(*fields: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    """Header fields as bytes."""
    return [(name.encode(), value.encode()) for name, value in fields]


def resets(written: Iterable[Frame]) -> list[tuple[int, int]]:
    """The streams that were reset, and why: (stream id, code)."""
    return [(frame.stream_id, frame.code) for frame in written if frame.kind == Kind.RST_STREAM]


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
