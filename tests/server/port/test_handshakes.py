"""Handshakes: who goes when there are too many, and whose turn it is."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable

import pytest

from chatroom.server.port.handshakes import Handshakes
from chatroom.server.port.notices import Notices
from chatroom.server.port.rota import AT_ONCE, CALL, Rota
from tests.carriers import run
from tests.client.certificates import Pair

from .tls_peers import Connection, client_context, server_context


class Shaking:
    """A connection that remembers whether it was ended."""

    def __init__(self, handshakes: Handshakes, host: str) -> None:
        self.ended = False
        self.network = handshakes.begin(self, (host, 4711))

    def abort(self) -> None:
        self.ended = True


def bounded(most: int) -> Handshakes:
    return Handshakes(notices=Notices(time.monotonic), most=most)


def test_who_has_most_loses_the_oldest(caplog: pytest.LogCaptureFixture) -> None:
    """A flood from one network ends its own handshakes, and nobody else's; one line says so."""
    handshakes = bounded(10)
    others = [Shaking(handshakes, f"192.0.2.{number}") for number in range(5)]
    flood = [Shaking(handshakes, "198.51.100.1") for _ in range(100)]
    assert [False] * 5 == [each.ended for each in others]
    assert [True] * 95 + [False] * 5 == [each.ended for each in flood]
    assert (105, 95, 10) == (handshakes.begun, handshakes.crowded_out, handshakes.under_way)
    [said] = caplog.messages
    expected = "its TLS handshake is ended to make room: 11 are under way, 6 of them from there"
    assert f"198.51.100.1:4711: {expected}" == said


def test_of_many_networks_with_one_each_the_oldest_goes() -> None:
    """A flood from everywhere leaves the newest, which may still come to an end."""
    handshakes = bounded(3)
    each = [Shaking(handshakes, f"192.0.2.{number}") for number in range(5)]
    assert [True, True, False, False, False] == [one.ended for one in each]


def test_one_that_is_over_makes_room() -> None:
    """However often that is told."""
    handshakes = bounded(2)
    first, second = (Shaking(handshakes, "192.0.2.1") for _ in range(2))
    for _ in range(2):
        handshakes.end(first, first.network)
    third = Shaking(handshakes, "192.0.2.1")
    assert [False, False] == [second.ended, third.ended]
    assert 2 == handshakes.under_way


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1, 0, 0), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_network(peer: object, network: str) -> None:
    """Of IPv6 what a customer has: who has 2**64 addresses is one all the same."""
    handshakes = bounded(10)
    assert network == handshakes.begin(Shaking(handshakes, "192.0.2.9"), peer)


def test_a_flood_of_handshakes_leaves_turns_for_others() -> None:
    """A hundred steps of one network take many turns of the loop, another's is in the second."""

    async def scene() -> None:
        rota = Rota()
        handshakes = Handshakes(notices=Notices(time.monotonic), rota=rota)
        done: list[str] = []
        for _ in range(100):
            handshakes.take_turn("flood", lambda: done.append("flood"))
        handshakes.take_turn("other", lambda: done.append("other"))
        at_once = AT_ONCE // CALL
        assert at_once == len(done)
        while len(done) < 101:
            await asyncio.sleep(0)
        assert at_once <= done.index("other") < 3 * at_once

    run(scene())


def test_a_step_that_fails_keeps_nobody_waiting() -> None:
    """Its exception goes to the loop, and the next has its turn."""

    async def scene() -> None:
        failed: list[BaseException] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
        rota = Rota()
        done = asyncio.Event()
        while rota.call("flood", lambda: None, CALL):
            pass  # nobody waits yet
        rota.call("flood", lambda: 1 // 0, CALL)
        rota.call("other", done.set, CALL)
        await done.wait()
        assert [ZeroDivisionError] == [type(each) for each in failed]

    run(scene())


class Queue(Handshakes):
    """Gives a turn to nobody until it is told to."""

    def __init__(self) -> None:
        super().__init__(notices=Notices(time.monotonic))
        self.waiting: list[Callable[[], object]] = []

    def take_turn(self, network: str, work: Callable[[], object]) -> bool:
        assert "192.0.2.1" == network
        self.waiting.append(work)
        return False


def test_who_waits_for_a_turn_is_not_read(ca: Pair, localhost: Pair) -> None:
    """So what it may send meanwhile stays with the kernel; then its handshake goes on."""
    queue = Queue()
    connection = Connection(
        server_context(localhost), client_context(ca.certificate), handshakes=queue
    )
    below = connection.below
    for _ in range(2):  # the ClientHello, and what answers the server's part
        with contextlib.suppress(ssl.SSLWantReadError):
            connection.client.do_handshake()
        connection.say()
        assert (False, 1) == (below.reading, len(queue.waiting))
        queue.waiting.pop()()
        assert below.reading
        connection.hear()
    connection.say(b"hello")
    assert [b"hello"] == connection.above.pieces
    assert (1, 0, 0) == (queue.begun, queue.under_way, queue.failed)


def test_who_is_gone_before_its_turn(ca: Pair, localhost: Pair) -> None:
    """Nothing is done for it."""
    queue = Queue()
    connection = Connection(
        server_context(localhost), client_context(ca.certificate), handshakes=queue
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.client.do_handshake()
    connection.say()
    connection.below.closing = True
    connection.end()
    queue.waiting.pop()()
    assert b"" == bytes(connection.below.taken)
    assert (1, 0, 1) == (queue.begun, queue.under_way, queue.failed)
