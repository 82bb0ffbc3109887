"""The two sides of a connection, ours and h2's, and what each has sent and has."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import h2.connection
import h2.events
import hypothesis.strategies as st
from h2.config import H2Configuration
from h2.stream import StreamState
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import DataReceived, RequestReceived, StreamReset, TrailersReceived
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.streams import State, Stream

STALL = 1e6
LIMITS = Http2Limits(
    stall_seconds=STALL, preface_seconds=1e9, settings_seconds=1e9, header_seconds=1e9,
    frame_seconds=1e9, ping_silence=1.0, ping_answer=1e9,
)  # fmt: skip
"""Time may pass, so that small windows are used and PINGs are sent, but nobody is given up."""
SQUEEZE = STALL / 10.0
MOST_SQUEEZES = 9

travels = st.sampled_from((1, 8, 9, 10, 24, 100, 1 << 20)) | st.integers(1, 40_000)

NOISE = random.Random(9113).randbytes(1 << 20)
REQUEST = [
    (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"room"), (b":path", b"/talk"),
]  # fmt: skip
RESPONSE = [(b":status", b"200"), (b"content-type", b"application/grpc")]
TRAILERS = [(b"grpc-status", b"0"), (b"grpc-message", b"over")]
UP_TRAILERS = [(b"x-checksum", b"1234")]


class Exchange:
    """A request and its response: what was sent by each side, and what the other one has."""

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id
        self.stream: Stream | None = None
        self.cut = False
        """A side has reset it: the rest of what was sent may be lost."""
        # Upwards
        self.sent_up = bytearray()
        self.came_up = bytearray()
        self.unread_up = 0
        self.ends_up: list[object] = []
        self.early = False
        """The response has ended before the request: the rest of that may be lost."""
        # Downwards
        self.begun = False
        self.queue: deque[bytes] = deque()
        """What is offered as the stream takes it."""
        self.sent_down = bytearray()
        self.came_down = bytearray()
        self.unread_down = 0
        self.ended = False
        self.ends_down: list[object] = []
        self.headers_down: list[object] = []


class Pumped:
    """A call that hands out its queue as the stream takes it, as a reader of a room is fed."""

    def __init__(self, machine: Sides, exchange: Exchange) -> None:
        self.machine = machine
        self.exchange = exchange

    def writable(self) -> None:
        exchange, stream = self.exchange, self.exchange.stream
        assert stream is not None
        while exchange.queue and stream.sendable:
            if not stream.offer(exchange.queue[0]):
                if not stream.idle:
                    return
                if not stream.room:
                    stream.wait(self.machine.now)
                    return
                stream.send(exchange.queue[0], self.machine.now)
            exchange.sent_down += exchange.queue.popleft()


class Sides(RuleBasedStateMachine):
    """A connection with its two sides: what each may do now, and what passes between them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.squeezes = 0
        self.client = h2.connection.H2Connection(H2Configuration(header_encoding=None))
        self.marked = False
        self.server = Connection(LIMITS, SharedFrames(), self.mark, self.now)
        self.up = bytearray()
        self.down = bytearray()
        self.exchanges: dict[int, Exchange] = {}
        self.settled = False
        self.settings_sent = 1
        self.unanswered: deque[bytes] = deque()
        self.position = 0

    def mark(self) -> None:
        self.marked = True

    def noise(self, size: int) -> bytes:
        """Bytes that are unlike all others."""
        self.position = (self.position + 1) * 7919 % (len(NOISE) - (1 << 17))
        return NOISE[self.position : self.position + size]

    # ---- Which exchanges can do what -----------------------------------------------

    def state(self, exchange: Exchange) -> StreamState:
        stream = self.client.streams.get(exchange.stream_id)
        return StreamState.CLOSED if stream is None else stream.state_machine.state

    def can_send(self) -> list[Exchange]:
        states = (StreamState.OPEN, StreamState.HALF_CLOSED_REMOTE)
        return [one for one in self.exchanges.values() if self.state(one) in states]

    def can_cancel(self) -> list[Exchange]:
        return [one for one in self.exchanges.values() if self.state(one) is not StreamState.CLOSED]

    def unread(self) -> list[Exchange]:
        return [one for one in self.exchanges.values() if one.unread_down]

    def unheard(self) -> list[Exchange]:
        return [one for one in self.exchanges.values() if one.unread_up]

    def served(self) -> list[Exchange]:
        """Those whose response is to begin, or may go on."""
        return [
            one for one in self.exchanges.values() if one.stream is not None and one.stream.sendable
        ]

    def speaking(self) -> list[Exchange]:
        return [one for one in self.served() if one.begun]

    # ---- What passes between them ----------------------------------------------------

    def client_wrote(self) -> None:
        self.up += self.client.data_to_send()

    def server_did(self) -> None:
        """Free the places of calls whose streams are over."""
        for exchange in self.exchanges.values():
            if exchange.stream is not None and exchange.stream.state is State.CLOSED:
                self.server.release(exchange.stream)
                if "came" not in exchange.ends_up:
                    exchange.early = True

    @precondition(lambda self: self.marked)
    @rule()
    def flushes(self) -> None:
        """What whoever owns the connection does once a turn, if it was told to."""
        self.marked = False
        for _ in range(1000):
            self.server.advance(self.now)
            piece = self.server.data_to_send()
            if not piece:
                break
            self.down += piece
        else:
            raise AssertionError("it always has more to send")
        self.server_did()

    @precondition(lambda self: self.squeezes < MOST_SQUEEZES)
    @rule(squeeze=st.booleans())
    def time_passes(self, squeeze: bool) -> None:
        self.squeezes += squeeze
        self.now += SQUEEZE if squeeze else 1.0
        assert [] == self.server.check(self.now, unsent=bool(self.down))

    @precondition(lambda self: self.up)
    @rule(size=travels)
    def travels_up(self, size: int) -> None:
        piece = bytes(self.up[:size])
        del self.up[:size]
        for event in self.server.receive_data(piece, self.now):
            match event:
                case RequestReceived(stream, headers, end):
                    exchange = self.exchanges[stream.stream_id]
                    assert REQUEST == headers[: len(REQUEST)]
                    assert exchange.stream is None
                    exchange.stream = stream
                    stream.call = Pumped(self, exchange)
                    if end:
                        exchange.ends_up.append("came")
                case DataReceived(stream, data, end):
                    exchange = self.exchanges[stream.stream_id]
                    exchange.came_up += data
                    exchange.unread_up += len(data)
                    if end:
                        exchange.ends_up.append("came")
                case TrailersReceived(stream, headers):
                    assert UP_TRAILERS == headers
                    self.exchanges[stream.stream_id].ends_up.append("came")
                case StreamReset(stream, by_peer=True):
                    assert self.exchanges[stream.stream_id].cut
                case _:
                    raise AssertionError(event)
        self.server_did()

    @precondition(lambda self: self.down)
    @rule(size=travels)
    def travels_down(self, size: int) -> None:
        piece = bytes(self.down[:size])
        del self.down[:size]
        for event in self.client.receive_data(piece):
            self.client_heard(event)
        self.client_wrote()

    def client_heard(self, event: Any) -> None:
        match event:
            case h2.events.ResponseReceived():
                self.exchanges[event.stream_id].headers_down.append(event.headers)
                assert RESPONSE == [tuple(field) for field in event.headers[:2]]
            case h2.events.DataReceived():
                exchange = self.exchanges[event.stream_id]
                exchange.came_down += event.data
                exchange.unread_down += event.flow_controlled_length
            case h2.events.TrailersReceived():
                assert TRAILERS == [tuple(field) for field in event.headers]
            case h2.events.StreamEnded():
                self.exchanges[event.stream_id].ends_down.append("came")
            case h2.events.StreamReset():
                exchange = self.exchanges[event.stream_id]
                assert exchange.cut or (exchange.ends_down and not event.error_code)
            case h2.events.PingAckReceived():
                assert self.unanswered.popleft() == event.ping_data
            case h2.events.SettingsAcknowledged():
                self.settled = True
            case (
                h2.events.RemoteSettingsChanged()
                | h2.events.WindowUpdated()
                | h2.events.PingReceived()
            ):
                pass
            case _:
                raise AssertionError(event)

    @rule()
    def everything_travels(self) -> None:
        for _ in range(1000):
            if self.up:
                self.travels_up(1 << 30)
            elif self.marked:
                self.flushes()
            elif self.down:
                self.travels_down(1 << 30)
            else:
                return
        raise AssertionError("they talk for ever")
