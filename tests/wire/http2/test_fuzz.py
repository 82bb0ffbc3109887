"""Whatever bytes come, the core raises nothing, keeps little, and has an end to each turn.

Three seconds; a minute each with SOAK=1.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import h2.connection
import pytest
from h2.config import H2Configuration

from chatroom.wire.http2 import frames
from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import (
    ConnectionEnded,
    DataReceived,
    HeadersTooLong,
    RequestReceived,
    StreamReset,
)
from chatroom.wire.http2.frames import HEADER_BYTES, MAX_FRAME_BYTES, PREFACE
from chatroom.wire.http2.headers import encode
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.state import Phase
from chatroom.wire.http2.streams import Stream
from tests.faults.scale import scaled

SECONDS = scaled(1, 60)
LIMITS = Http2Limits(streams=8, closed_streams=4, stall_seconds=2.0)
MOST_ROUNDS = 200
"""Of advance and data_to_send, in one turn: eight streams of some 100 KiB each."""
ANSWER = random.Random(8).randbytes(100_000)
RESPONSE = encode([(b":status", b"200")])
TRAILERS = encode([(b"grpc-status", b"0")])
REQUEST = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/")]

Make = Callable[[random.Random], bytes]


class Echo:
    """A call that is asked to go on and has nothing."""

    def writable(self) -> None:
        """It stays as it is."""


class Owner:
    """Whoever owns a connection: it answers requests, and writes when it is told to."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 0.0
        self.marked = False
        self.open: set[Stream] = set()
        self.over: ConnectionEnded | None = None
        self.written = 0
        self.connection = Connection(LIMITS, SharedFrames(), self.mark, self.now)

    def mark(self) -> None:
        self.marked = True

    def hear(self, piece: bytes) -> None:
        """Take a piece, do some of what an owner does, and look at what is kept."""
        chance, connection = self.chance, self.connection
        before = connection.output.bytes
        self.take(connection.receive_data(piece, self.now))
        # Each frame, of at least nine bytes, is answered by at most two short ones.
        assert connection.output.bytes - before <= 64 * (len(piece) // HEADER_BYTES + 2) + (
            MAX_FRAME_BYTES * (len(self.open) + 1)
        )
        if chance.random() < 0.2:
            self.now += chance.choice((0.01, 0.3, 1.0, 5.0))
            self.take(connection.check(self.now, unsent=chance.random() < 0.5))
        if chance.random() < 0.1:
            connection.output.pause()
        elif connection.output.paused and chance.random() < 0.5:
            connection.output.resume()
        if self.marked:
            self.flush()
        self.look()

    def take(self, events: list[object]) -> None:
        for event in events:
            assert self.over is None, "nothing comes after the end"
            match event:
                case RequestReceived(stream) | HeadersTooLong(stream):
                    self.open.add(stream)
                    self.answer(stream)
                case DataReceived(stream, data):
                    if self.chance.random() < 0.8:
                        stream.acknowledge(len(data))
                    self.answer(stream)
                case StreamReset(stream):
                    assert stream.stream_id not in self.connection.streams
                case ConnectionEnded():
                    self.over = event
                    assert Phase.ENDED is self.connection.phase
        for stream in [one for one in self.open if not one.sendable]:
            if self.chance.random() < 0.7:
                self.open.remove(stream)
                self.connection.release(stream)

    def answer(self, stream: Stream) -> None:
        chance = self.chance
        stream.call = chance.choice((None, Echo()))
        stream.headers(RESPONSE)
        if stream.idle:
            payload = ANSWER[: chance.choice((1, 2000, 100_000))]
            if not stream.offer(payload):
                stream.send(payload, self.now)
        if chance.random() < 0.3:
            stream.end(chance.choice((None, TRAILERS)))

    def flush(self) -> None:
        self.marked = False
        for _ in range(MOST_ROUNDS):
            self.connection.advance(self.now)
            written = len(self.connection.data_to_send())
            if not written:
                return
            self.written += written
        raise AssertionError("a turn has no end")

    def look(self) -> None:
        """What it keeps is bounded, whatever has come."""
        connection, output = self.connection, self.connection.output
        assert len(connection.streams) <= LIMITS.streams
        assert connection.working <= LIMITS.streams
        assert len(connection._rest) < HEADER_BYTES + MAX_FRAME_BYTES
        assert len(connection._closed) <= LIMITS.closed_streams
        assert set(output.stalled) <= set(connection.streams.values())
        assert len(output.turns) <= 2 * LIMITS.streams
        block = connection._block
        assert block is None or block.size <= LIMITS.header_block
        assert -(1 << 31) < output.window < 1 << 31


def seeds() -> Iterator[int]:
    """As many as the time takes."""
    begin = time.monotonic()
    seed = 0
    while time.monotonic() - begin < SECONDS:
        yield seed
        seed += 1


def pieces(chance: random.Random, whole: bytes) -> Iterator[bytes]:
    """Cut anyhow."""
    most = chance.choice((1, 20, 1000, 20_000, 100_000))
    at = 0
    while at < len(whole):
        # So that single bytes take no longer than the rest: now and then a large one.
        size = chance.randint(1, most) if chance.random() < 0.95 else 5000
        yield whole[at : at + size]
        at += size


def noise(chance: random.Random) -> bytes:
    """Bytes without sense, behind a preface or not."""
    begin = chance.choice((b"", PREFACE, PREFACE + frames.settings()))
    return begin + chance.randbytes(chance.randrange(2000))


def wild_frames(chance: random.Random) -> bytes:
    """Frames of every kind and flag, rarely of a sensible length."""
    made = [PREFACE, frames.settings(), frames.SETTINGS_ACK]
    for _ in range(chance.randrange(60)):
        payload = chance.randbytes(chance.choice((0, 1, 4, 4, 5, 6, 8, 8, 12, 300, 16_384)))
        if chance.random() < 0.3:  # values that are near what is legal
            payload = chance.choice(
                (b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\0\4\x7f\xff\xff\xff",
                 b"\0\4\0\0\0\0", b"\0\1\0\0\0\0", encode([(b":path", b"/")]), b"\x3f" * 40)
            )  # fmt: skip
        made.append(
            frames.frame(
                chance.choice((*range(10), 0, 1, 8, 0xFE)),
                chance.choice((0, 1, 4, 5, 8, 0x0D, 0x24, 0x25, 0x2D, 0xFF)),
                chance.choice((0, 0, 1, 1, 3, 5, 7, 9, 2, (1 << 31) - 1, 1 << 31)),
                payload,
            )
        )
    return b"".join(made)


def conversation(chance: random.Random) -> bytes:
    """What a client says that makes no mistake."""
    client = h2.connection.H2Connection(H2Configuration())
    client.initiate_connection()
    made = [client.data_to_send(), frames.SETTINGS_ACK]
    for _ in range(chance.randrange(1, 12)):
        stream_id = client.get_next_available_stream_id()
        long = [(f"x-{number}", "v" * 400) for number in range(chance.choice((0, 0, 2, 50)))]
        client.send_headers(stream_id, [*REQUEST, *long], end_stream=chance.random() < 0.2)
        made.append(client.data_to_send())
        if client.streams[stream_id].state_machine.state.name == "OPEN":
            for _ in range(chance.randrange(4)):
                client.send_data(stream_id, b"d" * chance.randrange(1000), pad_length=9)
                client.increment_flow_control_window(chance.choice((1, 70_000)), stream_id)
                client.increment_flow_control_window(70_000)
                made.append(client.data_to_send())
            last = chance.randrange(3)
            if last == 0:
                client.send_headers(stream_id, [("x-sum", "1")], end_stream=True)
            elif last == 1:
                client.reset_stream(stream_id, 8)
        client.ping(bytes(8))
        if chance.random() < 0.3:
            made.append(frames.settings((4, chance.choice((0, 1, 1500, 100_000)))))
        made.append(client.data_to_send())
    return b"".join(made)


def mutated(chance: random.Random) -> bytes:
    """A conversation with bytes changed, parts doubled, left out or in the wrong place."""
    said = bytearray(conversation(chance))
    for _ in range(chance.choice((0, 1, 1, 2, 5, 30))):
        at = chance.randrange(len(PREFACE), len(said))
        size = chance.choice((1, 9, 17, 100))
        match chance.randrange(5):
            case 0:
                said[at] ^= 1 << chance.randrange(8)
            case 1:
                said[at] = chance.choice((0, 1, 4, 0x7F, 0x80, 0xFF))
            case 2:
                del said[at : at + size]
            case 3:
                said[at:at] = said[at : at + size]
            case _:
                said[at:at] = chance.choice(
                    (chance.randbytes(size), frames.rst_stream(1, 8), frames.SETTINGS_ACK,
                     frames.goaway(0, 0), frames.window_update(1, 1 << 30))
                )  # fmt: skip
        if len(said) <= len(PREFACE):
            break
    return bytes(said)


@pytest.mark.parametrize("make", [noise, wild_frames, mutated])
def test_whatever_comes(make: Make) -> None:
    """Nothing is raised, what is kept is bounded, and each turn has an end."""
    ended = 0
    for seed in seeds():
        chance = random.Random(seed)
        owner = Owner(chance)
        try:
            for piece in pieces(chance, make(chance)):
                owner.hear(piece)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        ended += owner.over is not None
    assert ended, "most of it is no HTTP/2"


def test_a_conversation_without_mistakes() -> None:
    """What is mutated would be answered: it reaches more than the first refusal."""
    for seed in range(20):
        chance = random.Random(seed)
        said = conversation(chance)
        owner = Owner(random.Random(1000 + seed))
        requests = owner.connection.receive_data(said, 0.0)
        assert any(isinstance(event, RequestReceived) for event in requests)
        assert not any(isinstance(event, ConnectionEnded) for event in requests)


def test_responses_that_wait_for_window_count_as_streams() -> None:
    """Calls that are over make no place for others while the peer reads no response (6.9).

    Else a window of nothing has a connection keep as many responses as there are requests.
    """
    connection = Connection(LIMITS, SharedFrames(), list, 0.0)
    connection.receive_data(PREFACE + frames.settings((4, 0)) + frames.SETTINGS_ACK, 0.0)
    block = encode([(name.encode(), value.encode()) for name, value in REQUEST])
    for stream_id in range(1, 8 * LIMITS.streams, 2):
        for event in connection.receive_data(frames.headers(stream_id, block, end=True), 0.0):
            assert isinstance(event, RequestReceived)
            event.stream.headers(RESPONSE)
            event.stream.send(ANSWER, 0.0)
            event.stream.end(TRAILERS)
            connection.release(event.stream)
    assert LIMITS.streams == len(connection.streams)
    assert 0 == connection.working
