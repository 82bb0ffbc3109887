"""chatter while its server is away, and when it comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.client.servers import Restartable


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    """A server with the room "1"."""
    server = Restartable("--data", str(tmp_path), "--room", "1")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def bob(server: Restartable, piped: Callable, present: Callable) -> Iterator:
    """Bob's chatter, in the room."""
    with piped("--host", server.address, "--room", "1", "--name", "Bob") as bob:
        present(server.address, "1", "Bob")
        yield bob


def test_restarted_server_costs_nothing(server, bob, piped, present) -> None:
    """It is told of; what was typed meanwhile is said, and nothing is shown twice."""
    with piped("--host", server.address, "--room", "1", "--name", "Alice") as alice:
        bob.hear("Alice: Has entered the chat\n")
        alice.say("before\n")
        bob.hear("Alice: before\n")
        server.kill()
        lost = [bob.complaint(), alice.complaint()]
        bob.say("meanwhile\n")
        server.start()
        back = [bob.complaint(), alice.complaint()]
        alice.hear("Bob: meanwhile\n")
        alice.say("after\n")
        bob.hear("Alice: after\n")
        for one in (alice, bob):
            one.end_input()
        assert [0, 0] == [alice.end(), bob.end()]
    assert [f"chatter: lost the connection to {server.address}; reconnecting"] * 2 == lost
    assert ["chatter: connected again"] * 2 == back
    shown = [line for line in bob.lines if line.startswith("Alice: ")]
    assert ["Has entered the chat", "before", "after"] == [
        line.removeprefix("Alice: ") for line in shown if "left" not in line
    ]
    assert 1 == alice.lines.count("Bob: meanwhile")


def test_leaving_while_the_server_is_away_is_no_failure(server, bob) -> None:
    """Ctrl-D need not wait for a server that is gone if everything was said."""
    server.kill()
    bob.complaint()
    bob.end_input()
    assert 0 == bob.end()


@pytest.mark.slow
def test_lines_that_could_not_be_said_are_told(server, piped, present) -> None:
    """A server that stays away ends chatter with 1, and with how much is not confirmed."""
    at = ("--host", server.address, "--room", "1", "--name", "Bob", "--reconnect", "6")
    with piped(*at) as bob:
        present(server.address, "1", "Bob")
        server.kill()
        bob.complaint()
        bob.say("one\ntwo\n")
        assert 1 == bob.end()
        told = [bob.complaint(), bob.complaint()]
    assert "chatter: 2 lines were not confirmed; they may not have been said" == told[0]
    # The time may be over in the middle of the last attempt.
    refused = f"chatter: cannot reach {server.address}: connection refused"
    assert told[1].startswith((refused, "chatter: the connection was lost: the server does not"))


def test_stopped_server_is_told_in_its_words(server, bob) -> None:
    """A server that says that it goes away is quoted; the chat goes on after its return."""
    server.stop()
    lost = bob.complaint()
    server.start()
    assert "chatter: connected again" == bob.complaint()
    bob.end_input()
    assert 0 == bob.end()
    assert lost.startswith("chatter: the server is shutting down")
    assert lost.endswith("; reconnecting")


def test_lines_that_a_closed_room_did_not_get_are_told(server, bob, piped, chatter) -> None:
    """What is piped in is more than the rate lets through before the room is closed."""
    with piped("--host", server.address, "--room", "1", "--name", "Alice") as alice:
        bob.hear("Alice: Has entered the chat\n")
        bob.say("".join(f"{number}\n" for number in range(200)))
        alice.hear("Bob: 0\n")
        chatter("delete", "1", "--host", server.address)
        assert [1, 0] == [bob.end(), alice.end()]
    assert "not confirmed" in bob.complaint()
