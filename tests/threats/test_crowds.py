"""Those who say much, and those who come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bench.http2_sink import Loop
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, Code
from tests.faults.scale import scaled
from tests.faults.voices import Voice, connect, join_all
from tests.floods.siege import Besieged, besieged, chatserver
from tests.interop.raw_grpc import LEAVE, answer, joining, reason, said
from tests.interop.raw_http2 import Connection

RATE = 300
"""Messages a second for each member: more than the pair says."""
FLOOD = scaled(900, 30_000, brief=600)
FLOOD_SECONDS = FLOOD / RATE + 60
AT_ONCE = 50
JOINS = scaled(1_000, 20_000)
ALLOWED = 600
"""Joins that an address may have at once, by default."""
LATER = 1 << 62
"""When a flooder says that it spoke: what the pair measures of it is far below its own times."""
ELSEWHERE = (b"x-forwarded-for", b"203.0.113.7")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """With a rate, and a proxy on this machine that says for whom it speaks."""
    directory = tmp_path_factory.mktemp("crowds")
    rate = ("--message-rate", str(RATE), "--message-burst", str(RATE))
    with chatserver(directory, *rate, "--trust-proxy", "127.0.0.0/8", "--open") as running:
        yield running


class Flooder(Voice):
    """A member that says all at once, and counts what it hears of itself."""

    def __init__(self, room: str) -> None:
        super().__init__(room, "Mallory", [pb.FEATURE_ECHO])
        self.heard = 0

    def take(self, message: pb.Message) -> None:
        self.heard += message.name == self.name and not message.HasField("entered")


def test_flooding(server: Besieged) -> None:
    """Who says more than its rate is not read for a while; nobody hears more of it than that."""
    with besieged(server, "flooding") as siege:
        loop = Loop()
        flooder = Flooder(siege.room)
        join_all(loop, [flooder], connect(loop, server.port, 1))
        begun = time.monotonic()
        for number in range(FLOOD):
            flooder.say(f"{number} {LATER} .")
        loop.until(lambda: flooder.heard == FLOOD, FLOOD_SECONDS, "all that was said")
        seconds = time.monotonic() - begun
        assert seconds >= (FLOOD - RATE) / RATE
        siege.outcomes.append(f"{FLOOD / seconds:.0f} messages a second")
        flooder.send(LEAVE)
        loop.until(lambda: flooder.end is not None, 60, "the end")
        loop.close()


def test_flooding_with_what_is_never_shown(server: Besieged) -> None:
    """Typing and texts that are refused are read at a pace too."""
    typing = envelope(pb.ChatMessage(typing=pb.Typing(active=True)).SerializeToString())
    with besieged(server, "flooding with nothing") as siege:
        loop = Loop()
        flooder = Flooder(siege.room)
        join_all(loop, [flooder], connect(loop, server.port, 1))
        begun = time.monotonic()
        flooder.send((typing + said("\0")) * (FLOOD // 2) + LEAVE)
        loop.until(lambda: flooder.end is not None, FLOOD_SECONDS, "the end")
        seconds = time.monotonic() - begun
        assert Code.OK == flooder.end.status
        assert seconds >= (FLOOD - RATE) / RATE
        siege.outcomes.append(f"{FLOOD / seconds:.0f} a second")
        loop.close()


def test_join_storms(server: Besieged) -> None:
    """Who comes and goes all the time has so many joins for its address, then has to wait.

    Everybody in the room is told of each; the pair hears one another all the same.
    """
    with besieged(server, "join storm") as siege, Connection(server.address) as connection:
        for first in range(0, JOINS, AT_ONCE):
            streams = []
            for number in range(first, first + AT_ONCE):
                stream = connection.call(CHAT, ELSEWHERE)
                connection.data(stream, joining(siege.room, f"m{number}") + LEAVE, end=True)
                streams.append(stream)
            for stream in streams:
                response = connection.response(stream)
                if response.grpc_status == Code.OK:
                    siege.outcomes.append("in and out")
                else:
                    assert "JOIN_TOO_OFTEN" == reason(response)
                    siege.outcomes.append("JOIN_TOO_OFTEN")
        refused = siege.outcomes.count("JOIN_TOO_OFTEN")
        assert refused
        assert JOINS - refused >= ALLOWED
        # Others are let in meanwhile.
        other = (b"x-forwarded-for", b"203.0.113.8")
        body = joining(siege.room, "Other") + LEAVE
        assert Code.OK == answer(connection, CHAT, body, headers=[other]).grpc_status
