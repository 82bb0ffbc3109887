"""The load generator's clients against servers that write the same in other ways."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest

from bench.grpc_crowd import ENTERED, GrpcMember
from bench.http2_sink import Connection, Loop
from bench.redis_crowd import RedisConnection, RedisMember
from bench.rooms import Place
from bench.sockets import Poll, WireError
from bench.tally import MARKER
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import ACK, PREFACE, Kind, Setting
from chatroom.wire.http2.reader import FrameReader

SECONDS = 5
Frame = tuple[int, int, int, bytes]
ARRIVAL = envelope(pb.Message(name="Ann", message=ENTERED).SerializeToString())
MESSAGE = envelope(pb.Message(name="Bob", message=MARKER.decode() + "1" * 16).SerializeToString())


class ServerSide:
    """The server's end of a connection, of which a test writes every byte."""

    def __init__(self, listener: socket.socket) -> None:
        self.socket, _ = listener.accept()
        self._bytes = b""

    def write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def read(self) -> bytes:
        """Everything that has come."""
        self.socket.setblocking(False)
        try:
            while piece := self.socket.recv(65_536):
                self._bytes += piece
        except BlockingIOError:
            pass
        finally:
            self.socket.setblocking(True)
        return self._bytes

    def frames(self) -> list[Frame]:
        came = FrameReader().receive_data(self.read().removeprefix(PREFACE))
        return [(frame.kind, frame.flags, frame.stream_id, frame.payload) for frame in came]


class Listener:
    """Where the load generator connects to."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._accepted: list[ServerSide] = []

    def accept(self) -> ServerSide:
        side = ServerSide(self.socket)
        self._accepted.append(side)
        return side

    def close(self) -> None:
        self.socket.close()
        for side in self._accepted:
            side.socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def connect(
    loop: Loop, listener: Listener, window: int = 2**31 - 1
) -> tuple[Connection, ServerSide]:
    return Connection(loop, listener.port, window), listener.accept()


def member_of(connection: Connection) -> GrpcMember:
    member = GrpcMember(Place("tea", "Ann"))
    member.join(connection)
    return member


def data(octets: bytes, number: int = 1) -> bytes:
    return frames.data(number, octets)


def windows(size: int) -> bytes:
    return frames.settings((Setting.INITIAL_WINDOW_SIZE, size))


@pytest.mark.parametrize("seed", range(20))
def test_messages_are_counted_in_any_layout(loop: Loop, listener: Listener, seed: int) -> None:
    """Frames that hold many messages or parts of them, reads that cut frames, others between."""
    chance = random.Random(seed)
    connection, server = connect(loop, listener)
    first, second = member_of(connection), member_of(connection)
    server.write(frames.settings(), data(ARRIVAL), data(ARRIVAL, 3))
    loop.until(lambda: first.entered and second.entered, SECONDS, "the arrivals")
    octets, sent = b"", 0
    for number in (1, 3) * 5:
        count = chance.randrange(1, 8)
        sent += count
        cuts = sorted(chance.sample(range(1, len(MESSAGE) * count), chance.randrange(6)))
        if chance.random() < 0.5:
            cuts = [len(MESSAGE) * place for place in range(1, count)]
        for begin, end in pairwise([0, *cuts, len(MESSAGE) * count]):
            octets += data((MESSAGE * count)[begin:end], number)
        octets += chance.choice([b"", frames.ping(b"12345678")])
    while octets:
        size = chance.choice([1, 10, 100, 1000])
        server.write(octets[:size])
        octets = octets[size:]
        loop.turn(SECONDS)
    server.write(frames.ping(b"the last"))
    loop.until(
        lambda: (Kind.PING, ACK, 0, b"the last") in server.frames(),
        SECONDS,
        "the last ping's answer",
    )
    assert sent == first.tally.count + second.tally.count


def test_pings_and_settings_are_answered(loop: Loop, listener: Listener) -> None:
    """RFC 9113, 6.5.3 and 6.7: each once, with the same eight bytes."""
    _, server = connect(loop, listener)
    server.write(
        frames.settings(),
        frames.ping(b"12345678"),
        frames.ping(b"x" * 8, ack=True),
    )
    answers = [(Kind.SETTINGS, ACK, 0, b""), (Kind.PING, ACK, 0, b"12345678")]
    loop.until(lambda: len(server.frames()) >= 4, SECONDS, "the answers")
    assert answers == [one for one in server.frames() if one[1] == ACK]


def test_the_servers_windows_are_honoured_to_the_byte(loop: Loop, listener: Listener) -> None:
    """A message is split where a window ends, and goes on with any byte of it (5.2, 6.9)."""
    connection, server = connect(loop, listener)
    server.write(windows(100))
    loop.until(lambda: connection.settled, SECONDS, "the settings")
    member = member_of(connection)

    def sent() -> bytes:
        return b"".join(octets for kind, _, _, octets in server.frames() if kind == Kind.DATA)

    join = len(sent())
    member.send(b"a" * 60 + b"b" * 60, 2)
    whole = (b"a" * 60 + b"b" * 60) * 2
    assert 100 == len(sent())
    assert 1 == member.held
    for more, expected in ((1, 101), (7, 108)):
        server.write(frames.window_update(1, more))
        loop.until(lambda expected=expected: len(sent()) == expected, SECONDS, "more")
    server.write(windows(150))
    loop.until(lambda: len(sent()) == 158, SECONDS, "what a larger window allows (6.9.2)")
    server.write(frames.window_update(1, 10_000))
    loop.until(lambda: sent()[join:] == whole, SECONDS, "the rest")


def test_windows_are_given_back_as_they_were_used(loop: Loop, listener: Listener) -> None:
    """From half on, exactly the bytes of DATA, without what their headers take."""
    connection, server = connect(loop, listener, window=1000)
    member = member_of(connection)
    server.write(frames.settings(), data(ARRIVAL))
    loop.until(lambda: member.entered, SECONDS, "the arrival")
    count = 500 // len(MESSAGE) + 1
    server.write(data(MESSAGE) * count)
    updates: list[int] = []

    def given() -> bool:
        updates[:] = [
            int.from_bytes(octets, "big")
            for kind, _, number, octets in server.frames()
            if kind == Kind.WINDOW_UPDATE and number == 1
        ]
        return bool(updates)

    loop.until(given, SECONDS, "the window")
    assert [len(ARRIVAL) + len(MESSAGE) * count] == updates
    assert count == member.tally.count


def test_a_stream_that_the_server_ends_is_an_error(loop: Loop, listener: Listener) -> None:
    """What is measured then would be nothing."""
    connection, server = connect(loop, listener)
    member_of(connection)
    server.write(frames.settings(), frames.headers(1, b"\x88", end=True))
    with pytest.raises(WireError, match="Ann in tea"):
        loop.until(lambda: False, SECONDS, "the error")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_subscriptions_are_counted_however_they_are_cut(
    loop: Poll, listener: Listener, size: int
) -> None:
    """A member has entered with the answer to its subscription; what follows is counted."""
    connection = RedisConnection(loop, listener.port)
    server = listener.accept()
    members = [RedisMember(connection, Place(room, "Ann")) for room in ("tea", "milk")]
    for member, room in zip(members, ("tea", "milk"), strict=True):
        connection.subscribe(member, room)
    assert b"*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\ntea\r\n" in server.read()
    answers = (
        b"*3\r\n$9\r\nsubscribe\r\n$3\r\ntea\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nmilk\r\n:2\r\n"
    )
    for at in range(0, len(answers), size):
        server.write(answers[at : at + size])
        loop.turn(SECONDS)
    assert [True, True] == [member.entered for member in members]
    message = b"*3\r\n$7\r\nmessage\r\n$3\r\ntea\r\n$28\r\n" + MARKER + b"1" * 16 + b"\r\n"
    octets = message * 3
    for at in range(0, len(octets), size):
        server.write(octets[at : at + size])
        loop.turn(SECONDS)
    assert 3 == members[0].tally.count


def test_what_redis_refuses_is_an_error(loop: Poll, listener: Listener) -> None:
    """Also on the connection of a member that only publishes."""
    RedisConnection(loop, listener.port)
    listener.accept().write(b"-NOPERM no\r\n")
    with pytest.raises(WireError, match="NOPERM"):
        loop.until(lambda: False, SECONDS, "the error")
