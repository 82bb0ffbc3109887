"""Promise 4 for members with events: they are told before their stream ends.

Relies on the `draining` event, on calls being refused during the drain, and on sessions
that survive a restart.
"""

from __future__ import annotations

from pathlib import Path

from bench.http2_sink import Loop
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from tests.interop.raw_grpc import answer, reason
from tests.interop.raw_http2 import Connection

from .people import Person
from .scale import scaled
from .server_process import serving
from .stalled_reader import StalledReader
from .voices import SECONDS, End, Voice, connect, join_all, members

FEATURES = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
UNAVAILABLE = 14
TOLD_SECONDS = scaled(25, 5)
LIST = "/rpc.ChatService/ListChatRooms"
DEAFENING = 800
"""Messages of 4,000 bytes: far more than the server and the kernel hold for a connection."""


class Told(Voice):
    """Keeps the kinds of the messages that it got."""

    def __init__(self, name: str, features: tuple[pb.Feature, ...]) -> None:
        super().__init__("lobby", name, features)
        self.kinds: list[str | None] = []

    def take(self, message: pb.Message) -> None:
        self.kinds.append(message.WhichOneof("event"))


def test_members_with_events_are_told_before_the_end_and_the_others_see_none() -> None:
    """Exactly one such event; what was accepted before may still follow it."""
    with serving("--in-memory", "--room", "lobby") as server:
        loop = Loop()
        voices = [Told(f"member {each}", FEATURES if each % 2 else ()) for each in range(200)]
        try:
            join_all(loop, voices, connect(loop, server.port, 4))
            server.signal()
            loop.until(lambda: all(v.end is not None for v in voices), TOLD_SECONDS, "the ends")
        finally:
            loop.close()
        assert {End(UNAVAILABLE, "DRAINING")} == {voice.end for voice in voices}
        for voice in voices:
            assert (1 if voice.features else 0) == voice.kinds.count("draining")
        assert 0 == server.exit_code()


def test_a_call_during_the_drain_is_refused() -> None:
    """While a member that has stalled holds the drain up, methods say DRAINING."""
    with serving("--in-memory", "--room", "lobby", "--message-rate", "0") as server:
        loop = Loop()
        reader = StalledReader(server.port, "lobby", ["stalled"], "window")
        try:
            (peer,) = connect(loop, server.port, 1)
            alice = Told("Alice", FEATURES)
            join_all(loop, [alice], [peer])
            loop.until(lambda: "stalled" in members(loop, peer, "lobby"), SECONDS, "the reader")
            for _ in range(DEAFENING):
                alice.say("x" * 4000)
            loop.until(lambda: alice.kinds.count(None) >= DEAFENING, SECONDS, "the echoes")
            server.signal()
            loop.until(lambda: alice.end is not None, TOLD_SECONDS, "the end of a stream")
            with Connection(server.address) as late:
                refused = answer(late, LIST, envelope(b""))
                assert (UNAVAILABLE, "DRAINING") == (refused.grpc_status, reason(refused))
            reader.close()
            assert 0 == server.exit_code()
        finally:
            reader.close()
            loop.close()


def test_who_was_told_resumes_at_the_next_start(tmp_path: Path) -> None:
    """The session survives: after a restart everything follows, and nobody sees it leave."""
    arguments = ("--data", str(tmp_path), "--room", "lobby")
    with serving(*arguments) as server, Connection(server.address) as connection:
        alice = Person(connection, "lobby", "Alice", FEATURES)
        alice.say("before")
        alice.hears("before")
        server.signal()
        assert alice.within(TOLD_SECONDS, lambda: alice.response.over)
        assert 1 == [each.WhichOneof("event") for each in alice.messages].count("draining")
        assert (UNAVAILABLE, "DRAINING") == (alice.response.grpc_status, reason(alice.response))
        assert 0 == server.exit_code()
    session, epoch = alice.joined.session, alice.joined.epoch
    after = max(message.sequence for message in alice.messages)
    with (
        serving(*arguments) as server,
        Connection(server.address) as hers,
        Connection(server.address) as others,
    ):
        bob = Person(others, "lobby", "Bob", FEATURES)
        resume = pb.Resume(session=session, epoch=epoch, after=after)
        again = Person(hers, "lobby", "Alice", FEATURES, resume)
        assert pb.RECOVERY_COMPLETE == again.joined.recovery
        again.say("after")
        again.hears("after")
        bob.hears("after")
        assert {} == bob.left()
        replayed = [message.sequence for message in again.messages if message.sequence]
        assert list(range(after + 1, after + 1 + len(replayed))) == replayed
