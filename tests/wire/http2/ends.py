"""Two ends without a socket: our server's side, and a client that does what it is told."""

from __future__ import annotations

from collections.abc import Iterable

from chatroom.wire.http2.client import Client, Frame
from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import ConnectionEnded, DataReceived, Event, RequestReceived
from chatroom.wire.http2.frames import Kind
from chatroom.wire.http2.headers import Headers, encode
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.streams import Stream

REQUEST: Headers = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/rpc.ChatService/Chat"),
    (b":authority", b"localhost"),
    (b"te", b"trailers"),
]
OK = encode(((b":status", b"200"),))
TRAILERS = encode(((b"grpc-status", b"0"),))


class Call:
    """What a stream was told."""

    def __init__(self) -> None:
        self.writable_calls = 0

    def hear(self, data: bytes, *, end: bool) -> None: ...

    def writable(self) -> None:
        self.writable_calls += 1

    def gone(self) -> None: ...

    def check(self, now: float) -> None: ...


class Ends:
    """A server's connection at the time `now`, and its client."""

    def __init__(
        self,
        limits: Http2Limits | None = None,
        *settings: tuple[int, int],
        answers: bool = True,
        gives_back: bool = True,
        begun: bool = True,
    ) -> None:
        """`begun`: preface and SETTINGS have been exchanged."""
        self.now = 100.0
        self.flushes = 0
        self.limits = limits or Http2Limits()
        self.server = Connection(self.limits, SharedFrames(), self._flush_asked, self.now)
        self.client = Client(*settings, answers=answers, gives_back=gives_back)
        self.events: list[Event] = []
        self.frames: list[Frame] = []
        if begun:
            self.exchange()
            self.frames.clear()

    def _flush_asked(self) -> None:
        self.flushes += 1

    def say(self, octets: bytes) -> list[Event]:
        """Hand the server bytes; what they mean."""
        events = self.server.receive_data(octets, self.now)
        self.events += events
        return events

    def tell(self) -> list[Event]:
        """Hand the server what the client has queued."""
        return self.say(self.client.data_to_send())

    def flush(self) -> bytes:
        """All that the server can write now."""
        out = b""
        while True:
            self.server.advance(self.now)
            piece = self.server.data_to_send()
            if not piece:
                return out
            out += piece

    def hear(self) -> list[Frame]:
        """Hand the client what the server writes; the frames."""
        came = self.client.receive_data(self.flush())
        self.frames += came
        return came

    def exchange(self) -> list[Frame]:
        """Go on until neither has anything to say; what the client has got meanwhile."""
        begin = len(self.frames)
        while True:
            octets = self.client.data_to_send()
            if octets:
                self.say(octets)
            if not self.hear() and not octets:
                return self.frames[begin:]

    def check(self, seconds: float = 0.0, *, unsent: bool = False) -> list[Event]:
        """Let time go by, and have the server look at its clock."""
        self.now += seconds
        events = self.server.check(self.now, unsent=unsent)
        self.events += events
        return events

    def open(
        self,
        *more: tuple[bytes, bytes],
        end: bool = False,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> Stream:
        """A request that the server has got: its stream, with a `Call`."""
        self.client.request([*(headers or REQUEST), *more], end=end)
        event = self.tell()[-1]
        assert isinstance(event, RequestReceived), event
        event.stream.call = Call()
        return event.stream

    def end(self) -> ConnectionEnded:
        """With what the connection has ended; it must have."""
        found = [event for event in self.events if isinstance(event, ConnectionEnded)]
        assert len(found) == 1, self.events
        return found[0]

    def alive(self) -> bool:
        """Whether the connection answers a PING."""
        self.client.ping(b"lives it")
        came = self.exchange()
        return any(frame.kind == Kind.PING and frame.payload == b"lives it" for frame in came)


def kinds(frames: Iterable[Frame]) -> list[tuple[str, int]]:
    """The frames' names and streams."""
    return [(Kind(frame.kind).name, frame.stream_id) for frame in frames]


def resets(frames: Iterable[Frame]) -> list[tuple[int, int]]:
    """The streams that were reset, and their codes."""
    return [(frame.stream_id, frame.code) for frame in frames if frame.kind == Kind.RST_STREAM]


def body(events: Iterable[Event]) -> bytes:
    """The DATA among events."""
    return b"".join(event.data for event in events if isinstance(event, DataReceived))
