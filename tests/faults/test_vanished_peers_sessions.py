"""Promise 5 for members with a session: nobody sees a short absence; a long one is a loss.

Relies on sessions that survive their stream: the grace of 15 s, and Resume.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from tests.interop.raw_http2 import Connection
from tests.launch.quick_server import QUICK

from .namespaces import Network, network
from .people import Person, roster
from .scale import SOAK, report, scaled
from .server_process import serving

FEATURES = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
LOST_SECONDS = scaled(150, 30)
"""15 until the stream has ended, 15 of grace."""
SERVER = ("chatroom.server",) if SOAK else (*QUICK, "grace=5")
ABSENCES = [10, 20] if SOAK else [1, 4]
"""Seconds without a network: the stream is still open afterwards, or has ended meanwhile."""


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@contextlib.contextmanager
def lobby(net: Network) -> Iterator[tuple[str, str]]:
    """A server's addresses: for those far away, and for those beside it."""
    bind = (f"{net.SERVER}:0", "127.0.0.1:0")
    arguments = ("--in-memory", "--insecure", "--open", "--room", "lobby", "--message-rate", "0")
    with serving(*arguments, bind=bind, program=SERVER, inside=net.command()) as server:
        far, near = server.addresses
        yield far, near


@pytest.mark.slow
def test_a_member_with_a_session_is_lost_after_the_grace(net: Network) -> None:
    """One without leaves with its stream; the other is a member for its grace."""
    with (
        lobby(net) as (far, near),
        net.dial_at_home(near) as here,
        net.dial(far) as plain,
        net.dial(far) as lasting,
    ):
        observer = Person(here, "lobby", "Observer", FEATURES)
        for connection, name, features in ((plain, "Plain", ()), (lasting, "Lasting", FEATURES)):
            Person(connection, "lobby", name, features).hears("Has entered the chat")
        net.cut()
        begun = time.monotonic()
        assert observer.within(LOST_SECONDS, lambda: "Plain" in observer.left())
        ended = time.monotonic() - begun
        assert {"Plain": pb.LEAVE_REASON_LOST} == observer.left()
        assert {"Observer", "Lasting"} == present(net, near)
        assert observer.within(LOST_SECONDS, lambda: "Lasting" in observer.left())
        lost = time.monotonic() - begun
        assert pb.LEAVE_REASON_LOST == observer.left()["Lasting"]
        assert {"Observer"} == present(net, near)
    report("promise 5", f"without a session gone after {ended:.1f} s, with one {lost:.1f} s")


def present(net: Network, near: str) -> set[str]:
    """Who is in the lobby, asked over a new connection: one that is idle has to answer PINGs."""
    with net.dial_at_home(near) as asking:
        return roster(asking, "lobby")


def sequences(messages: list[pb.Message]) -> list[int]:
    return [message.sequence for message in messages if message.sequence]


def resumed(connection: Connection, before: Person) -> Person:
    """Who was `before`, again: with its session, from the last message it has seen."""
    joined = before.joined
    after = max(sequences(before.messages))
    resume = pb.Resume(session=joined.session, epoch=joined.epoch, after=after)
    return Person(connection, "lobby", before.name, FEATURES, resume)


@pytest.mark.slow
@pytest.mark.parametrize("absence", ABSENCES)
def test_three_people_and_one_without_a_network_for_a_while(net: Network, absence: int) -> None:
    """Nobody sees Alice leave; she resumes, and sees everything in order and once."""
    with (
        lobby(net) as (far, near),
        net.dial_at_home(near) as bobs,
        net.dial_at_home(near) as carols,
        net.dial(far) as first,
    ):
        people = [
            Person(connection, "lobby", name, FEATURES)
            for connection, name in ((bobs, "Bob"), (carols, "Carol"), (first, "Alice"))
        ]
        bob, carol, alice = people
        alice.say("hello from Alice")
        for person in people:
            person.hears("hello from Alice")

        net.cut()
        begun, number = time.monotonic(), 0
        while time.monotonic() < begun + absence:
            (bob, carol)[number % 2].say(f"missed {number}")
            number += 1
            bob.within(0.5, lambda: False)
        bob.hears(f"missed {number - 1}")
        carol.hears(f"missed {number - 1}")
        net.mend()
        with net.dial(far) as second:
            again = resumed(second, alice)
            assert pb.RECOVERY_COMPLETE == again.joined.recovery
            assert alice.joined.epoch == again.joined.epoch
            again.say("Alice is back")
            for person in (bob, carol, again):
                person.hears("Alice is back")

            seen = sequences(alice.messages) + sequences(again.messages)
            assert list(range(seen[0], seen[0] + len(seen))) == seen, "no gap, repeat, inversion"
            missed = [each.message for each in again.messages if "missed" in each.message]
            assert [f"missed {each}" for each in range(number)] == missed
            for person in (bob, carol):
                assert {} == person.left()
                arrivals = [each.name for each in person.messages if each.HasField("entered")]
                assert 1 == arrivals.count("Alice")
            assert {"Alice", "Bob", "Carol"} == roster(second, "lobby")
    report(f"promise 5, {absence} s without a network", f"{number} missed messages, all resumed")
