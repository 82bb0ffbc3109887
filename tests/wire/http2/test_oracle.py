"""Any legal sequence of both sides, with python-hyper's h2 as the client."""

from __future__ import annotations

import os
from functools import lru_cache

import h2.events
import hypothesis.strategies as st
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from h2.stream import H2Stream, StreamState
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import (
    ConnectionEnded,
    DataReceived,
    Event,
    RequestReceived,
    StreamReset,
    TrailersReceived,
)
from chatroom.wire.http2.frames import ErrorCode
from chatroom.wire.http2.headers import encode
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.streams import State, Stream

SOAK = bool(os.environ.get("SOAK"))
NOW = 1.0
PATTERN = bytes(n * 31 % 251 for n in range(1 << 17))
"""What every body is a beginning of, again and again."""
OPEN_WIDE = 1 << 24

SIZES = st.sampled_from([1, 2, 9, 100, 1023, 1024, 1025, 5000, 16_383, 16_384, 16_385, 40_000])


@lru_cache(maxsize=64)
def pattern(begin: int, size: int) -> bytes:
    """Bytes of the body; the same object for all, so that frames are shared."""
    begin %= len(PATTERN)
    return (PATTERN[begin:] + PATTERN * 2)[:size]


class Side:
    """What one side of one stream has sent, or got."""

    def __init__(self) -> None:
        self.sent = self.got = 0
        self.ended = self.end_seen = False

    def take(self, octets: bytes) -> None:
        assert not self.end_seen, "nothing follows the end"
        assert octets == pattern(self.got, len(octets)), "in order, once"
        self.got += len(octets)


class Pair:
    """One stream, as both sides have it."""

    def __init__(self, stream_id: int, theirs: H2Stream) -> None:
        self.stream_id = stream_id
        self.theirs = theirs
        self.up, self.down = Side(), Side()
        self.server: Stream | None = None
        self.began = False
        """The response's headers were sent."""
        self.unread = 0
        """Bytes that the server's call has not acknowledged."""
        self.unreturned = 0
        """And the client's."""
        self.reset = False
        """By either side: what is on its way may be lost."""

    # As a `Call` of the server

    def hear(self, data: bytes, *, end: bool) -> None: ...

    def writable(self) -> None: ...

    def gone(self) -> None: ...

    def check(self, now: float) -> None: ...

    def leaving(self) -> None: ...

    def leave(self) -> None: ...


class TwoEnds(RuleBasedStateMachine):
    """Whatever they do, both know the same, and every byte comes once and in order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = False
        self.server = Connection(Http2Limits(), SharedFrames(), self._ask, NOW)
        self.client = H2Connection(
            H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=True)
        )
        self.client.initiate_connection()
        self.unacknowledged = 1
        """h2 takes the first acknowledgement for that of all SETTINGS: one at a time."""
        self.pairs: dict[int, Pair] = {}
        self.upwards = self.downwards = b""
        self.flush()

    def _ask(self) -> None:
        self.asked = True

    def flush(self) -> None:
        """A turn of the server's loop."""
        self.upwards += self.client.data_to_send()
        while self.asked:
            self.asked = False
            while True:
                self.server.advance(NOW)
                octets = self.server.data_to_send()
                if not octets:
                    break
                self.downwards += octets

    def living(self) -> list[Pair]:
        """Streams that the client may still send on."""
        open_states = (StreamState.OPEN, StreamState.HALF_CLOSED_REMOTE)
        return [
            pair
            for pair in self.pairs.values()
            if not pair.up.ended and pair.theirs.state_machine.state in open_states
        ]

    def answering(self) -> list[Pair]:
        """Streams that the server may still send on."""
        return [pair for pair in self.pairs.values() if pair.server and pair.server.sendable]

    # ---- The client ----------------------------------------------------------------------

    @precondition(lambda self: len(self.pairs) < 12)
    @rule(end=st.booleans(), cookie=st.binary(max_size=40), path=st.sampled_from("abc"))
    def request(self, end: bool, cookie: bytes, path: str) -> None:
        stream_id = self.client.get_next_available_stream_id()
        fields = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":authority", b"localhost"),
            (b":path", b"/" + path.encode()),
            (b"x-mark", cookie.hex().encode()),
        ]
        self.client.send_headers(stream_id, fields, end_stream=end)
        pair = self.pairs[stream_id] = Pair(stream_id, self.client.streams[stream_id])
        pair.up.ended = end
        self.flush()

    @precondition(living)
    @rule(
        pick=st.randoms(use_true_random=False),
        size=SIZES,
        pad=st.integers(-1, 255),
        end=st.booleans(),
    )
    def send_data(self, pick: object, size: int, pad: int, end: bool) -> None:
        pair = pick.choice(self.living())  # type: ignore[attr-defined] # a Random
        padding = None if pad < 0 else pad
        extra = 0 if padding is None else padding + 1
        room = self.client.local_flow_control_window(pair.stream_id)
        size = min(size, room - extra, self.client.max_outbound_frame_size - extra)
        if size < 0 or (room < 0 and not end):
            return
        octets = pattern(pair.up.sent, size)
        self.client.send_data(pair.stream_id, octets, end_stream=end, pad_length=padding)
        pair.up.sent += size
        pair.up.ended = end
        self.flush()

    @precondition(living)
    @rule(pick=st.randoms(use_true_random=False))
    def end_request(self, pick: object) -> None:
        pair = pick.choice(self.living())  # type: ignore[attr-defined] # a Random
        if pair.stream_id % 4 == 1:
            self.client.send_headers(pair.stream_id, [(b"x-trailer", b"1")], end_stream=True)
        else:
            self.client.end_stream(pair.stream_id)
        pair.up.ended = True
        self.flush()

    @precondition(living)
    @rule(pick=st.randoms(use_true_random=False))
    def client_resets(self, pick: object) -> None:
        pair = pick.choice(self.living())  # type: ignore[attr-defined] # a Random
        self.client.reset_stream(pair.stream_id, ErrorCode.CANCEL)
        pair.reset = pair.up.ended = True
        self.flush()

    @precondition(lambda self: not self.unacknowledged)
    @rule(
        window=st.none() | st.sampled_from([0, 1, 100, 1500, 16_384, 65_535, 1 << 20]),
        table=st.none() | st.sampled_from([0, 64, 4096, 65_536]),
        frame=st.none() | st.sampled_from([16_384, 20_000, (1 << 24) - 1]),
    )
    def change_settings(self, window: int | None, table: int | None, frame: int | None) -> None:
        values = {
            SettingCodes.INITIAL_WINDOW_SIZE: window,
            SettingCodes.HEADER_TABLE_SIZE: table,
            SettingCodes.MAX_FRAME_SIZE: frame,
        }
        self.unacknowledged += 1
        self.client.update_settings({k: v for k, v in values.items() if v is not None})
        self.flush()

    @precondition(lambda self: self.pairs)
    @rule(pick=st.randoms(use_true_random=False), size=SIZES)
    def client_reads(self, pick: object, size: int) -> None:
        """Or gives window without having read."""
        pair = pick.choice(list(self.pairs.values()))  # type: ignore[attr-defined] # a Random
        if pair.unreturned:
            size = min(size, pair.unreturned)
            pair.unreturned -= size
            self.client.acknowledge_received_data(size, pair.stream_id)
        else:
            self.widen(pair, size)
        self.flush()

    def widen(self, pair: Pair, size: int) -> None:
        self.client.increment_flow_control_window(size)
        if pair.theirs.open:
            self.client.increment_flow_control_window(size, pair.stream_id)

    @rule()
    def ping(self) -> None:
        self.client.ping(b"ping pin")
        self.flush()

    # ---- The server ----------------------------------------------------------------------

    @precondition(answering)
    @rule(pick=st.randoms(use_true_random=False), size=SIZES, whole=st.booleans())
    def respond(self, pick: object, size: int, whole: bool) -> None:
        pair = pick.choice(self.answering())  # type: ignore[attr-defined] # a Random
        stream = pair.server
        self.begin(pair)
        octets = pattern(pair.down.sent, size)
        if whole:
            could = stream.room >= size
            assert stream.offer(octets) == could, "room says what offer takes"
            if could:
                pair.down.sent += size
            else:
                stream.wait(NOW, size)
        elif stream.idle:
            stream.send(octets, NOW)
            pair.down.sent += size
        else:
            stream.append(octets, NOW)
            pair.down.sent += size
        self.flush()

    def begin(self, pair: Pair) -> None:
        assert pair.server is not None
        if not pair.began:
            pair.began = True
            pair.server.headers(encode(((b":status", b"200"), (b"x-of", b"%d" % pair.stream_id))))

    @precondition(answering)
    @rule(pick=st.randoms(use_true_random=False), trailers=st.booleans())
    def end_response(self, pick: object, trailers: bool) -> None:
        pair = pick.choice(self.answering())  # type: ignore[attr-defined] # a Random
        self.begin(pair)
        pair.server.end(encode(((b"grpc-status", b"0"),)) if trailers else None)
        pair.down.ended = True
        self.server.release(pair.server)
        self.flush()

    @precondition(answering)
    @rule(pick=st.randoms(use_true_random=False))
    def server_resets(self, pick: object) -> None:
        pair = pick.choice(self.answering())  # type: ignore[attr-defined] # a Random
        self.server.reset(pair.server, ErrorCode.CANCEL)
        self.server.release(pair.server)
        pair.reset = True
        self.flush()

    @precondition(lambda self: any(pair.unread for pair in self.pairs.values()))
    @rule(pick=st.randoms(use_true_random=False), size=SIZES)
    def server_reads(self, pick: object, size: int) -> None:
        pair = pick.choice([p for p in self.pairs.values() if p.unread])  # type: ignore[attr-defined] # a Random
        self.acknowledge(pair, min(size, pair.unread))
        self.flush()

    def acknowledge(self, pair: Pair, size: int) -> None:
        assert pair.server is not None
        pair.unread -= size
        pair.server.acknowledge(size)

    @rule()
    def pause(self) -> None:
        self.server.output.pause()

    @rule()
    def resume(self) -> None:
        self.server.output.resume()
        self.flush()

    # ---- The wire ------------------------------------------------------------------------

    @precondition(lambda self: self.upwards)
    @rule(size=st.integers(1, 30) | st.just(1 << 20))
    def deliver_up(self, size: int) -> None:
        octets, self.upwards = self.upwards[:size], self.upwards[size:]
        for event in self.server.receive_data(octets, NOW):
            self.at_server(event)
        self.flush()

    @precondition(lambda self: self.downwards)
    @rule(size=st.integers(1, 30) | st.just(1 << 20))
    def deliver_down(self, size: int) -> None:
        octets, self.downwards = self.downwards[:size], self.downwards[size:]
        for event in self.client.receive_data(octets):
            self.at_client(event)
        self.flush()

    def at_server(self, event: Event) -> None:
        assert not isinstance(event, ConnectionEnded), event
        pair = self.pairs[event.stream.stream_id]
        if isinstance(event, RequestReceived):
            pair.server = event.stream
            event.stream.call = pair
            pair.up.end_seen = event.end
        elif isinstance(event, DataReceived):
            pair.up.take(event.data)
            pair.unread += len(event.data)
            pair.up.end_seen = event.end
        elif isinstance(event, TrailersReceived):
            pair.up.end_seen = True
        else:
            assert isinstance(event, StreamReset), event
            assert event.by_peer, event
            self.server.release(event.stream)
            pair.reset = True

    def at_client(self, event: h2.events.Event) -> None:
        assert not isinstance(event, h2.events.ConnectionTerminated), event
        if isinstance(event, h2.events.DataReceived):
            pair = self.pairs[event.stream_id]
            pair.down.take(event.data)
            pair.unreturned += event.flow_controlled_length
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.unacknowledged -= 1
        elif isinstance(event, h2.events.StreamEnded):
            self.pairs[event.stream_id].down.end_seen = True
        elif isinstance(event, h2.events.StreamReset):
            if event.remote_reset and event.error_code == ErrorCode.NO_ERROR:
                assert self.pairs[event.stream_id].down.end_seen, "only after the response (8.1)"
                self.pairs[event.stream_id].up.ended = True
            else:
                assert self.pairs[event.stream_id].reset, event

    # ---- What always holds ---------------------------------------------------------------

    @invariant()
    def who_waits_stands_in_one_place(self) -> None:
        output = self.server.output
        turns = list(output.turns)
        assert len(set(turns)) == len(turns)
        assert not set(turns) & set(output.stalled)
        waiting = {stream for stream in self.server.streams.values() if stream.waiting}
        assert waiting == set(turns) | set(output.stalled)
        for stream in self.server.streams.values():
            assert stream.idle or stream.waiting, "what is to be sent will be"

    @invariant()
    def clear_says_what_is_so(self) -> None:
        output = self.server.output
        full = output.bytes >= self.server.limits.round_bytes
        assert output.clear == (not output.paused and not output.turns and not full)

    def teardown(self) -> None:
        """With open windows everything comes, and both count alike."""
        self.server.output.resume()
        for pair in self.pairs.values():
            self.widen(pair, OPEN_WIDE)
        self.flush()
        self.settle()
        output = self.server.output
        assert (list(output.turns), output.stalled, output.bytes) == ([], {}, 0)
        assert output.clear
        assert output.window == self.client.inbound_flow_control_window
        assert self.server._receive.left == self.client.outbound_flow_control_window
        for pair in self.pairs.values():
            self.compare(pair)
        assert self.server.working == sum(
            pair.server.working for pair in self.pairs.values() if pair.server
        )

    def settle(self) -> None:
        while self.upwards or self.downwards:
            if self.upwards:
                self.deliver_up(1 << 20)
            if self.downwards:
                self.deliver_down(1 << 20)
            for pair in self.pairs.values():
                if pair.unread:
                    self.acknowledge(pair, pair.unread)
                if pair.unreturned:
                    size, pair.unreturned = pair.unreturned, 0
                    self.client.acknowledge_received_data(size, pair.stream_id)
            self.flush()

    def compare(self, pair: Pair) -> None:
        ours, theirs = pair.server, pair.theirs
        assert ours is not None
        if not pair.reset:
            assert (pair.down.got, pair.down.end_seen) == (pair.down.sent, pair.down.ended)
        if ours.state is State.CLOSED:
            assert theirs.closed
            return
        assert (pair.up.got, pair.up.end_seen) == (pair.up.sent, pair.up.ended)
        expected = StreamState.OPEN if ours.state is State.OPEN else StreamState.HALF_CLOSED_LOCAL
        assert theirs.state_machine.state == expected
        assert ours.window == theirs.inbound_flow_control_window
        if ours.state is State.OPEN:
            assert ours.receive.left == theirs.outbound_flow_control_window


TwoEnds.TestCase.settings = settings(
    max_examples=3000 if SOAK else int(os.environ.get("EX", "60")),
    stateful_step_count=100 if SOAK else 50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestTwoEnds = TwoEnds.TestCase
