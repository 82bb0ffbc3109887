"""The same in a terminal of 40 by 12: what does not fit is left out or wrapped, never broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chatter.emulator import Emulator
from tests.chatter.terminal.conftest import MASKS
from tests.chatter.terminal.guests import guests_at
from tests.client.servers import Restartable
from tests.faults.scale import scaled

SMALL = (12, 40)


@pytest.fixture
def bob(room, enter) -> Iterator[Emulator]:
    with enter(room, size=SMALL) as terminal:
        yield terminal


def test_questions(fresh_server, emulator, expect_at_the_bottom) -> None:
    """The original's dialogue with the arrow keys, then the screen."""
    with emulator("--host", fresh_server, size=SMALL) as bob:
        bob.until("Pick a room:")
        bob.wait(lambda _: bob.style_of("[1]: 1234").reverse)
        bob.press("down", "enter")
        bob.until("Enter a Name Tag:")
        bob.type("Bob")
        bob.press("enter")
        expect_at_the_bottom(
            bob,
            """
── DAY ──
HH:MM → you have entered the chat
 5678 · 1 member · connected N ms
>
""",
        )
        bob.press("c-d")
        assert 0 == bob.end()
        bob.expect(
            """
            Chat rooms:
            [1]: 1234
            [2]: 5678
            Pick a room: 2
            Enter a Name Tag: Bob
            Joining room
            ── DAY ──
            HH:MM → you have entered the chat
            """,
            MASKS,
        )


def test_more_rooms_than_rows(guests, emulator) -> None:
    """The list scrolls to the one that is marked; a number picks any of them."""
    rooms = sorted(guests.new_room(room_id=f"many-{number:02}") for number in range(30))
    with emulator("--host", guests.address, size=SMALL) as bob:
        bob.until("Pick a room:", "[1]: ")
        ids = [room.room_id for room in guests.do(lambda chat: chat.rooms())]
        last = ids.index(rooms[-1]) + 1
        bob.type(str(last))
        bob.until(f"[{last}]: many-29")
        bob.press("enter")
        bob.until("Enter a Name Tag:")
        bob.press("c-c")
        assert 130 == bob.end()


def test_help_and_looking_back(bob, expect_at_the_bottom) -> None:
    """What is longer than the screen is turned page by page; the keys still work."""
    bob.type("/help")
    bob.press("enter")
    bob.until("also: /help keys")
    bob.press("pageup")
    bob.until("↓")
    for _ in range(4):
        bob.press("pageup")
    bob.until("you have entered the chat", "/help")
    bob.press("esc")
    bob.until("also: /help keys")


def test_status_leaves_out_what_does_not_fit(bob, guests, room) -> None:
    """Typing goes first, then the number of members; the room stays."""
    alice = guests.enter(room, "Alice-of-the-very-long-name")
    bob.until("2 members")
    alice.type()
    alice.say("done")
    bob.until("done", f" {room} · 2 members · connected")
    bob.resize(12, 20)
    bob.wait(lambda rows: rows[-2].startswith(f" {room}") and "members" not in rows[-2])
    bob.resize(5, 9)
    bob.wait(lambda rows: rows[-1] == ">" and len(rows) == 5)
    bob.resize(*SMALL)
    bob.until(f" {room} · 2 members", "done")


def test_paste(bob, guests, room) -> None:
    """The question fits, and does what it says."""
    bob.paste("one\ntwo\nthree")
    bob.until("3 lines? Enter one, L each, E edit, Esc")
    bob.type("l")
    bob.until("Bob: one", "Bob: two", "Bob: three")
    bob.wait(lambda _: not bob.style_of("three").faint)


def test_a_long_line_is_typed_over_several_rows(bob) -> None:
    """The input grows, and shrinks again when it is sent."""
    text = "this is longer than forty columns and so takes more than one row of the screen"
    bob.type(text)
    bob.wait(lambda rows: rows[-3].startswith("> this is longer"))
    bob.press("enter")
    bob.wait(lambda rows: rows[-1] == ">")
    bob.until("Bob: this is longer than forty")


def test_what_is_new_is_marked(bob, guests, room) -> None:
    """As on a large screen."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"message {number}" for number in range(1, 21)))
    bob.until("message 20")
    bob.press("pageup")
    bob.until(" below")
    alice.say("unseen")
    bob.until("↓ 9, 1 new")
    bob.press("esc")
    bob.until("unseen", "─ new ─", "message 20")


@pytest.mark.shortened
def test_a_flood(bob, guests, room) -> None:
    """1,000 messages a second: the typed line survives and is sent as typed."""
    over = guests.enter(room, "Alice").flood(scaled(1000, 3000), per_second=1000)
    for word in ("one", "two", "three", "four", "five"):
        bob.until("flood ")
        bob.type(f"{word} ")
        bob.wait(lambda rows, word=word: rows[-1].endswith(word))
    over()
    bob.until(f"flood {scaled(1000, 3000)}")
    bob.press("enter")
    bob.until("Bob: one two three four five")


def test_reconnecting_and_the_end_of_the_room(tmp_path: Path, emulator) -> None:
    """Lost, back, nothing missed, and at last why it ended."""
    server = Restartable("--data", str(tmp_path), "--room", "1")
    server.start()
    try:
        at = ("--host", server.address, "--room", "1", "--name", "Bob")
        with emulator(*at, size=SMALL) as bob:
            bob.until("connected")
            server.kill()
            bob.until(" 1 · 1 member · reconnecting")
            bob.type("meanwhile")
            bob.press("enter")
            bob.until("Bob: meanwhile")
            assert bob.style_of("meanwhile").faint
            server.start()
            bob.until("connected again")
            bob.wait(lambda _: not bob.style_of("meanwhile").faint)
            with guests_at(server.address) as guests:
                guests.do(lambda chat: chat.delete_room("1"))
                bob.until("Enter ends")
                bob.press("enter")
                assert 0 == bob.end()
            bob.until("Room 1 was closed")
    finally:
        server.kill()
