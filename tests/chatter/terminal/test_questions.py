"""The questions before a chat, answered at a terminal."""

from __future__ import annotations

import pytest

from tests.chatter.terminal.conftest import MASKS

pytestmark = pytest.mark.imports


def test_questions_with_a_number(fresh_server, emulator) -> None:
    """The original's questions, answered by typing; what they showed stays above the chat."""
    with emulator("--host", fresh_server) as johnny:
        johnny.until("Pick a room:")
        johnny.type("2")
        johnny.press("enter")
        johnny.until("Enter a Name Tag:")
        johnny.type("Johnny Boi")
        johnny.press("enter")
        johnny.until("you have entered the chat")
        assert johnny.alternate
        johnny.press("c-d")
        assert 0 == johnny.end()
        assert not johnny.alternate
        johnny.expect(
            """
            Chat rooms:
            [1]: 1234
            [2]: 5678
            Pick a room: 2
            Enter a Name Tag: Johnny Boi
            Joining room
            ── DAY ──
            HH:MM            →  you have entered the chat
            """,
            MASKS,
        )


def test_questions_with_the_arrow_keys(fresh_server, emulator) -> None:
    """Down marks the next room, Enter picks it; the answer reads as if typed."""
    with emulator("--host", fresh_server) as johnny:
        johnny.until("Pick a room:")
        johnny.wait(lambda _: johnny.style_of("[1]: 1234").reverse)
        johnny.press("down")
        johnny.wait(lambda _: johnny.style_of("[2]: 5678").reverse)
        assert not johnny.style_of("[1]: 1234").reverse
        johnny.press("enter")
        johnny.until("Pick a room: 2", "Enter a Name Tag:")
        johnny.type("Johnny Boi")
        johnny.press("enter")
        johnny.until("5678", "you have entered the chat")


def test_a_wrong_choice_is_asked_about_again(fresh_server, emulator) -> None:
    """What is no room is told below the question; the answer can be corrected."""
    with emulator("--host", fresh_server) as johnny:
        johnny.until("Pick a room:")
        johnny.type("7")
        johnny.press("enter")
        johnny.until("there is no such room; type its number (1 to 2) or its id")
        johnny.press("backspace")
        johnny.until_gone("there is no such room")
        johnny.type("1234")
        johnny.press("enter")
        johnny.until("Enter a Name Tag:")
        johnny.press("c-d")
        assert 1 == johnny.end()
        johnny.until("chatter: no answer: the input has ended")


def test_a_taken_name_is_asked_for_again(bob, room, quick_server, emulator) -> None:
    """The name that the server says is free stands there already."""
    with emulator("--host", quick_server, "--room", room) as other:
        other.until("Enter a Name Tag:")
        other.type("bob")
        other.press("enter")
        other.until("Joining room", "in use", "Enter a Name Tag: bob")
        other.press("enter")
        other.until("you have entered the chat")
        bob.until(" has entered the chat", "2 members")


def test_a_given_name_that_is_taken(bob, room, quick_server, emulator) -> None:
    """Another one can be given: the terminal is there to be asked."""
    with emulator("--host", quick_server, "--room", room, "--name", "bob") as other:
        other.until("in use", "Enter a Name Tag: bob 2")
        other.press("enter")
        other.until("you have entered the chat")


def test_a_dumb_terminal_gets_lines(fresh_server, emulator) -> None:
    """Where the cursor cannot be moved there is the original's dialogue, without an escape."""
    with emulator("--host", fresh_server, TERM="dumb") as bob:
        bob.until("Pick a room:")
        bob.type("2\n")
        bob.until("Enter a Name Tag:")
        bob.type("Bob\n")
        bob.until("Joining room")
        bob.type("\x04")
        assert 0 == bob.end()
        assert b"\x1b" not in bob.raw


def test_what_is_typed_too_early_is_not_lost(fresh_server, emulator) -> None:
    """All answers at once, before the first question: each goes to its question."""
    with emulator("--host", fresh_server) as bob:
        bob.type("2\rBob\rhello\r")
        bob.until("Bob  hello", " 5678 ·")


def test_a_name_of_clusters(fresh_server, emulator) -> None:
    """Backspace takes a whole flag, or family; nothing of it is in the name or on the screen."""
    with emulator("--host", fresh_server, "--room", "5678") as bob:
        bob.until("Enter a Name Tag:")
        bob.type("x🇩🇪y👨\u200d👩\u200d👧")
        bob.press("backspace", "left", "backspace")
        bob.wait(lambda rows: any(row == "Enter a Name Tag: xy" for row in rows))
        bob.press("enter")
        bob.until("you have entered the chat", "xy>")


def test_a_title_of_clusters(guests, emulator, quick_server) -> None:
    """It is as wide as it is drawn, stays straight when one moves on it, and so does the answer."""
    room = guests.new_room(title="👨\u200d👩\u200d👧" * 16 + " the end")
    with emulator("--host", quick_server, size=(600, 80)) as bob:  # all rooms of the server
        bob.until("Pick a room:")
        bob.wait(lambda rows: any(room in row and row.endswith(" the end") for row in rows))
        bob.press("down", "up")
        bob.type("x👨\u200d👩\u200d👧")
        bob.press("backspace", "backspace")
        bob.wait(lambda rows: any(row == "Pick a room:" for row in rows))
        bob.wait(lambda rows: any(room in row and row.endswith(" the end") for row in rows))
        bob.type(room)
        bob.press("enter")
        bob.until("Enter a Name Tag:")
