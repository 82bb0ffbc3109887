"""The full screen when the connection is lost, and when the membership ends."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chatter.emulator import Emulator
from tests.chatter.terminal.guests import guests_at
from tests.client.servers import Restartable


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    """A server that keeps what it has, with the room "1"."""
    server = Restartable("--data", str(tmp_path), "--room", "1")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def bob(server: Restartable, emulator) -> Iterator[Emulator]:
    with emulator("--host", server.address, "--room", "1", "--name", "Bob") as terminal:
        terminal.until("you have entered the chat", "connected")
        yield terminal


def test_a_killed_and_restarted_server(server, bob) -> None:
    """It is said, what is typed meanwhile is kept, and every message is shown once."""
    with guests_at(server.address) as guests:
        alice = guests.enter("1", "Alice")
        alice.say("before 1", "before 2")
        bob.until("Alice  before 2")
        server.kill()
        bob.until("reconnecting")
        bob.type("meanwhile")
        bob.press("enter")
        bob.until("Bob  meanwhile")
        assert bob.style_of("meanwhile").faint
        server.start()
        bob.until("connected again")
        bob.wait(lambda _: not bob.style_of("meanwhile").faint)
        alice.say("after")
        bob.until("Alice  after", "· connected")
    said = [text for row in bob.screen for text in re.findall(r"(?:Alice|Bob)  (.*)", row)]
    assert ["before 1", "before 2", "meanwhile", "after"] == said
    assert "reconnecting" not in bob.screen[-2]


def test_a_lost_connection_in_several_rooms(server, bob) -> None:
    """It is told in each, and marked in the bar; each goes on when the server is back."""
    with guests_at(server.address) as guests:
        other = guests.new_room()
        bob.type(f"/join {other}\r")
        bob.until(f" {other} · 1 member", "you have entered the chat")
        server.kill()
        bob.until("reconnecting", f" 1 1 ×  2 {other} ×")
        bob.type("meanwhile\r")
        bob.until("Bob  meanwhile")
        server.start()
        bob.until("connected again")
        bob.wait(lambda _: "×" not in bob.text and not bob.style_of("meanwhile").faint)
        bob.press("a-1")
        bob.until(" 1 · 1 member", "lost the connection", "connected again")


def test_enter_hurries_the_reconnect(server, bob) -> None:
    """Who presses Enter need not wait for the next attempt by itself."""
    server.kill()
    bob.until("reconnecting")
    server.start()
    while "connected again" not in bob.text:
        moment = bob.moment
        bob.press("enter")
        bob.wait(lambda _, moment=moment: bob.moment > moment or "connected again" in bob.text)
    bob.until("· connected")


def test_a_server_that_stops(server, bob) -> None:
    """It says so before it goes; when it is back, the conversation goes on."""
    server.stop()
    bob.until("reconnecting")
    assert "has left" not in bob.text
    server.start()
    bob.until("connected again", "· 1 member · connected")


def test_a_deleted_room(server, bob) -> None:
    """It is told why and where the talk goes on; Enter ends with that, exit code 0."""
    with guests_at(server.address) as guests:
        guests.enter("1", "Alice").say("last words")
        bob.until("last words")
        other = guests.new_room()
        guests.do(lambda chat: chat.delete_room("1", reason="too loud", successor=other))
        bob.until("Room 1 was closed: too loud", "Enter ends chatter", "· ended")
    bob.press("enter")
    assert 0 == bob.end()
    assert not bob.alternate
    bob.until(
        "Alice: last words",
        "chat server: chat room is closing",
        f"Room 1 was closed: too loud (the conversation goes on in room {other})",
    )


def test_the_end_of_a_room_takes_no_typed_line(server, bob) -> None:
    """Nobody is thrown into the shell; what is typed is not said, stays, and can be taken on."""
    with guests_at(server.address) as guests:
        other = guests.new_room()
        carol = guests.enter(other, "Carol")
        bob.type("rm -rf imp")
        bob.until("Bob> rm -rf imp")
        guests.do(lambda chat: chat.delete_room("1"))
        bob.until("Room 1 was closed")
        bob.type("ortant")
        bob.press("enter")
        bob.until("not said: you are no longer in this room", "Bob> rm -rf important")
        bob.press("c-c")
        bob.type(f"/join {other}")
        bob.press("enter")
        bob.until(f" {other} · 2 members · connected")
        carol.say("welcome")
        bob.until("Carol  welcome")
        bob.press("c-d")
        assert 0 == bob.end()


def test_a_removed_member(server, bob) -> None:
    """The reason is told, and again below the last messages; exit code 1."""
    with guests_at(server.address) as guests:
        guests.do(lambda chat: chat.remove_member("1", "Bob", "spam"))
        bob.until("spam", "Enter ends chatter")
        bob.press("enter")
        assert 1 == bob.end()
    assert not bob.alternate
    assert any(row.startswith("chatter: ") and "spam" in row for row in bob.screen)


def test_quitting_without_a_server(server, bob) -> None:
    """A second Ctrl-D does not wait for the server; what was not confirmed is printed."""
    server.kill()
    bob.until("reconnecting")
    bob.type("never heard")
    bob.press("enter")
    bob.until("Bob  never heard")
    bob.press("c-d")
    bob.until("leaving when all that you said is stored; Ctrl-D again")
    bob.type("too late")
    bob.press("enter")
    bob.until("not said: you are leaving", "Bob> too late")
    bob.press("c-c", "c-d")
    assert 1 == bob.end()
    bob.until("1 line was not confirmed; it may not have been said", "Bob: never heard")
    assert "Bob: too late" not in bob.text


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, 129)]
)
def test_signals_leave_the_terminal_as_it_was(server, bob, number: int, code: int) -> None:
    """The main screen is back, and the room is left."""
    bob.process.send_signal(number)
    assert code == bob.end()
    assert not bob.alternate
    assert not bob.cursor_hidden
    with guests_at(server.address) as guests:
        entries = guests.do(lambda chat: chat.history("1")).messages
    assert "left" == entries[-1].kind


def test_a_lost_terminal(server, bob) -> None:
    """When its window is gone, chatter leaves the room at once."""
    bob.vanish()
    assert 129 == bob.process.wait(30)
    with guests_at(server.address) as guests:
        left = guests.do(lambda chat: chat.history("1")).messages[-1]
    assert ("left", "quit") == (left.kind, left.event.reason)
