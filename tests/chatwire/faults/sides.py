"""A client and a server of python-hyper's h2, with the core of the faults between them.

h2 raises where a side is sent what it must not be sent: that is what these tests look for.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import StreamClosedError
from h2.stream import StreamState

from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.faults.connection import Break, Deliver, Faults, Finish, Told
from chatroom.chatwire.faults.meaning import Meanings
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.passage import Mark, Side
from chatroom.wire.envelopes import payloads
from chatroom.wire.http2.frames import PREFACE

REQUEST = [
    (":method", "POST"), (":scheme", "http"), (":path", "/rpc.ChatService/Chat"),
    (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"),
]  # fmt: skip
RESPONSE = [(b":status", b"200"), (b"content-type", b"application/grpc")]
TRAILERS = [("grpc-status", "0")]
FIELD = ("x-request-id", "0123456789")
"""Goes into the dynamic table."""
STEPS = 200_000
"""Exchanges in which everything that is to be said has been said."""


@dataclass
class Peer:
    """One side: what it is to send, and what has come."""

    h2: H2Connection
    unsent: dict[int, bytearray] = field(default_factory=dict)
    ending: dict[int, list[tuple[str, str]] | None] = field(default_factory=dict)
    """Streams that end when all is sent; with these trailers, if any."""
    ended: set[int] = field(default_factory=set)
    came: dict[int, bytearray] = field(default_factory=dict)
    headers: dict[int, list[list[tuple[bytes, bytes]]]] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)
    """Streams that the other side has ended or reset."""
    reset: dict[int, int] = field(default_factory=dict)
    goaways: list[ConnectionTerminated] = field(default_factory=list)
    reads: bool = True
    owed: list[DataReceived] = field(default_factory=list)
    """What it has not given window for."""

    said: dict[int, list[bytes]] = field(default_factory=dict)
    """Messages, as tests note them."""
    unacknowledged: int = 1
    """SETTINGS that it has sent. h2 takes any acknowledgement for that of the newest."""
    resized: bool = False
    """Whether it has asked for another compression table."""
    rest: bytes = b""
    begun: bool = True
    """Whether the preface has come, where one is due."""

    def take(self, raw: bytes) -> None:
        """Frame by frame: h2 takes any GOAWAY for the end, which it is not (RFC 9113, 6.8)."""
        self.rest += raw
        if not self.begun:
            if len(self.rest) < len(PREFACE):
                return
            self.begun = True
            self.h2.receive_data(self.rest[: len(PREFACE)])
            self.rest = self.rest[len(PREFACE) :]
        while len(self.rest) >= 9:
            end = 9 + int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < end:
                return
            frame, self.rest = self.rest[:end], self.rest[end:]
            for event in self.h2.receive_data(frame):
                self._event(event)

    def _event(self, event: Event) -> None:
        if isinstance(event, DataReceived):
            assert event.stream_id is not None
            self.came.setdefault(event.stream_id, bytearray()).extend(event.data or b"")
            self.owed.append(event)
        elif isinstance(event, RequestReceived | ResponseReceived | TrailersReceived):
            assert event.stream_id is not None
            fields = [(name, value) for name, value in event.headers or []]
            self.headers.setdefault(event.stream_id, []).append(fields)
            if isinstance(event, RequestReceived):
                more = [one for one in fields if one[0].startswith((b"x-", b"grpc-encoding"))]
                self.h2.send_headers(event.stream_id, [*RESPONSE, *more])
        elif isinstance(event, StreamEnded):
            assert event.stream_id is not None
            self.over.add(event.stream_id)
        elif isinstance(event, StreamReset):
            assert event.stream_id is not None
            self.over.add(event.stream_id)
            self.ended.add(event.stream_id)
            self.reset[event.stream_id] = int(event.error_code or 0)
        elif isinstance(event, SettingsAcknowledged):
            self.unacknowledged -= 1
        elif isinstance(event, ConnectionTerminated):
            self.goaways.append(event)
            self.h2.state_machine.state = ConnectionState.CLIENT_OPEN

    def work(self) -> None:
        """Give window for what was read; send what the windows take."""
        if self.reads:
            owed, self.owed = self.owed, []
            for event in owed:
                assert event.stream_id is not None
                with contextlib.suppress(StreamClosedError):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        for stream in list(self.unsent):
            if not self._send(stream):
                del self.unsent[stream]

    def _send(self, stream: int) -> bool:
        if stream in self.ended or self.h2.state_machine.state.name == "CLOSED":
            self.ending.pop(stream, None)
            return False
        left = self.unsent[stream]
        while left:
            room = min(self.h2.local_flow_control_window(stream), 16384, len(left))
            if room <= 0:
                return True
            self.h2.send_data(stream, bytes(left[:room]))
            del left[:room]
        if stream in self.ending:
            trailers = self.ending.pop(stream)
            self.ended.add(stream)
            if trailers is None:
                self.h2.end_stream(stream)
            else:
                self.h2.send_headers(stream, trailers, end_stream=True)
        return False

    def say(self, stream: int, octets: bytes) -> None:
        if stream not in self.ended and stream not in self.ending:
            self.unsent.setdefault(stream, bytearray()).extend(octets)

    def end(self, stream: int, trailers: list[tuple[str, str]] | None = None) -> None:
        if stream not in self.ended and stream not in self.ending:
            self.unsent.setdefault(stream, bytearray())
            self.ending[stream] = trailers

    def cancel(self, stream: int) -> None:
        if stream not in self.ended and self.known(stream):
            self.ended.add(stream)
            self.h2.reset_stream(stream, 8)

    def known(self, stream: int) -> bool:
        """Whether the stream is open for it to send."""
        found = self.h2.streams.get(stream)
        return found is not None and found.state_machine.state not in (
            StreamState.IDLE, StreamState.CLOSED,
        )  # fmt: skip

    def messages(self, stream: int) -> list[bytes]:
        """That have come, whole."""
        return payloads(bytes(self.came.get(stream, b"")))


class Between:
    """Both sides, and the core between them; a clock that only `wait` turns."""

    def __init__(self, plan: Plan, pieces: int | None = None) -> None:
        """`pieces`: a seed, of the pieces in which bytes come; None: they come as they are sent."""
        self._pieces = None if pieces is None else random.Random(pieces)
        self.under_way = {side: bytearray() for side in Side}
        self.now = 0.0
        self.faults = Faults(plan, 1, Meanings(own_schema()), self.now)
        self.peers = {
            Side.CLIENT: Peer(H2Connection(H2Configuration(client_side=True))),
            Side.SERVER: Peer(H2Connection(H2Configuration(client_side=False)), begun=False),
        }
        self.told: list[Told] = []
        self.marks: list[Mark] = []
        self.sent = dict.fromkeys(Side, b"")
        self.delivered = dict.fromkeys(Side, b"")
        self.ends: list[Finish | Break] = []
        for peer in self.peers.values():
            peer.h2.initiate_connection()
        self.settle()

    @property
    def client(self) -> Peer:
        return self.peers[Side.CLIENT]

    @property
    def server(self) -> Peer:
        return self.peers[Side.SERVER]

    def call(self, stream: int, *more: tuple[str, str]) -> None:
        """Begin a call; the server answers its head, with fields that are not known too."""
        self.client.h2.send_headers(stream, [*REQUEST, *more])
        self.settle()

    def settle(self) -> None:
        """Exchange until nobody has anything to say."""
        for _ in range(STEPS):
            self._act()
            moved = False
            for side, peer in self.peers.items():
                peer.work()
                if self.faults.over or not self.faults.reads(side):
                    continue
                octets = peer.h2.data_to_send()
                self.sent[side] += octets
                self.under_way[side] += octets
                if self.under_way[side]:
                    moved = True
                    self.receive_some(side)
            if not moved:
                return
        raise AssertionError("they never come to an end")

    def receive_some(self, side: Side) -> None:
        """Some of what is under way arrives; as `FaultyHalf.data_received` takes it."""
        waiting = self.under_way[side]
        most = len(waiting)
        count = most if self._pieces is None else self._pieces.choice([1, most // 3 + 1, most])
        octets = bytes(waiting[:count])
        del waiting[:count]
        if self.faults.ahead[side].take(octets):
            self._deliver(side, octets)
            return
        if passed := self.faults.passes(side, octets):
            self._deliver(side, octets[:passed])
        if passed < count:
            self.faults.receive(side, octets[passed:], self.now)
        self._act()

    def _deliver(self, sender: Side, octets: bytes) -> None:
        self.delivered[sender] += octets
        self.peers[sender.other].take(octets)

    def wait(self, seconds: float) -> None:
        """Let time pass, with everything that is due in it at its time."""
        until = self.now + seconds
        for _ in range(STEPS):
            due = self.faults.timer
            if due > until:
                break
            self.now = max(self.now, due)
            self.faults.tick(self.now)
            self.settle()
        else:
            raise AssertionError("its timers never come to an end")
        self.now = until
        self.faults.tick(self.now)
        self.settle()

    def release(self, key: str) -> int:
        count = self.faults.release(key, self.now)
        self.settle()
        return count

    def _act(self) -> None:
        for action in self.faults.take():
            if isinstance(action, Deliver):
                self.marks += action.marks
                self._deliver(action.sender, action.content)
            elif isinstance(action, Told):
                self.told.append(action)
            else:
                self.ends.append(action)
