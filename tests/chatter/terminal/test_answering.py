"""Answers: what they answer is shown, and one is given by a key or by /reply."""

from __future__ import annotations

import pytest

from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.lines import Line, Tone
from chatroom.chatter.terminal.rows import Painter
from chatroom.chatter.terminal.symbols import UNICODE

from .test_commands import type_line
from .test_scrollback import NOON


def sequence_of(guests, room: str, text: str) -> int:
    return next(
        message.sequence
        for message in guests.do(lambda chat: chat.history(room)).messages
        if message.text == text
    )


def answered(guests, room: str) -> list[tuple[str, str]]:
    """What was said as an answer, and what it answers."""
    said = {m.sequence: m for m in guests.do(lambda chat: chat.history(room)).messages}
    return [(m.text, said[m.in_reply_to].text) for m in said.values() if m.in_reply_to]


def test_what_is_answered_stands_above(bob, guests, room) -> None:
    """Who has said it and its first words, dim, in one row; its number, if it is not here."""
    alice = guests.enter(room, "Alice")
    question = "Shall we meet" + " in the garden" * 9
    alice.say(question)
    alice.say("Yes!", in_reply_to=sequence_of(guests, room, question))
    alice.say("No idea", in_reply_to=123456)
    bob.until("No idea")
    rows = bob.screen
    at = next(at for at, row in enumerate(rows) if "Yes!" in row)
    assert " " * 20 + "Yes!" == rows[at]
    assert "        Alice  > Alice: Shall we meet in the garden in the garde…" == rows[at - 1][5:]
    assert bob.style_of("> Alice: Shall", row=at - 1).faint
    assert rows[at + 1].endswith("Alice  > #123456")
    assert rows[at + 2].strip() == "No idea"


def test_what_is_answered_and_withdrawn(bob, guests, room) -> None:
    """Its words are gone from the answer too."""
    alice = guests.enter(room, "Alice")
    alice.say("secret")
    sequence = sequence_of(guests, room, "secret")
    alice.say("I know", in_reply_to=sequence)
    bob.until("> Alice: secret")
    guests.do(lambda chat: chat.withdraw(room, sequence))
    bob.until("> Alice: (withdrawn)")
    assert "secret" not in bob.text


@pytest.mark.parametrize("width", [80, 40, 24, 12])
@pytest.mark.parametrize("name", ["A", "🇩🇪 with a long name of 32 letters"])
def test_no_row_is_wider_than_the_screen(width: int, name: str) -> None:
    """Nor is one of the text missing, however narrow."""
    cells = Cells()
    painter = Painter(width, UNICODE, cells)
    said = Line(tone=Tone.SAID, name=name, text="👨\u200d👩\u200d👧 " * 40, time=NOON, sequence=7)
    line = Line(tone=Tone.SAID, name=name, text="yes", time=NOON, answers=7)
    for target in (said, None):
        rows = ["".join(part[1] for part in row) for row in painter.line(line, answered=target)]
        assert rows[-1].strip().endswith("yes")
        assert any(">" in row for row in rows)
        fits = max(width, cells.of(name) + 10 if width < 60 else 0)
        assert all(cells.of(row) < fits for row in rows)
        assert cells.of("".join(part[1] for part in painter.answering(7, target))) < max(width, 20)


def test_an_answer_by_keys(bob, guests, room) -> None:
    """Alt-R picks the newest of somebody else, Up and Down another, Esc none."""
    alice = guests.enter(room, "Alice")
    alice.say("one", "two", "three")
    bob.until("Alice  three")
    type_line(bob, "my own")
    bob.until("Bob  my own")
    bob.wait(lambda _: not bob.style_of("my own").faint)
    bob.type("to")
    bob.press("a-r")
    bob.until("Answer Alice: three · Up, Down, Esc")
    assert bob.style_of("three").reverse
    bob.press("up", "up", "down")
    bob.until("Answer Alice: two ·")
    assert not bob.style_of("three").reverse
    bob.press("down", "down")
    bob.until("Answer Bob: my own ·")
    bob.press("up", "up")
    bob.until("Answer Alice: two ·")
    type_line(bob, " two")
    bob.until("Bob  > Alice: two")
    bob.until_gone("Answer Alice")
    type_line(bob, "to nobody")
    bob.press("a-r")
    bob.until("Answer ")
    bob.press("esc")
    bob.until_gone("Answer ")
    type_line(bob, "nor this")
    bob.until("Bob  nor this")
    bob.wait(lambda _: not bob.style_of("nor this").faint)
    assert [("to two", "two")] == answered(guests, room)


def test_what_is_picked_is_shown(bob, guests, room) -> None:
    """Also far up; Enter with nothing typed goes back to the newest, and it is picked still."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"number {number}" for number in range(60)))
    bob.until("number 59")
    bob.press("a-r", *["up"] * 49)
    bob.until("Answer Alice: number 10 ·")
    assert bob.style_of("number 10").reverse
    bob.press("enter")
    bob.until("number 59", "Answer Alice: number 10 ·")
    type_line(bob, "that one")
    bob.until("> Alice: number 10", "that one")
    bob.wait(lambda _: not bob.style_of("that one").faint)
    bob.press("a-r")
    bob.until("Answer Alice: number 59 ·")
    bob.press("c-c")
    bob.until_gone("Answer ")
    type_line(bob, "still here")
    bob.until("Bob  still here")
    assert [("that one", "number 10")] == answered(guests, room)


def test_each_room_has_its_own_answer(bob, guests, room) -> None:
    """A number of one room means something else in another one."""
    guests.enter(room, "Alice").say("hello")
    bob.until("Alice  hello")
    bob.press("a-r")
    bob.until("Answer Alice: hello")
    other = guests.new_room()
    type_line(bob, f"/join {other}")
    bob.until("you have entered the chat", f" {other} · 1 member")
    assert "Answer" not in bob.text
    type_line(bob, "plain")
    bob.until("Bob  plain")
    bob.wait(lambda _: not bob.style_of("plain").faint)
    bob.press("a-1")
    bob.until("Answer Alice: hello")
    type_line(bob, "hi")
    bob.until("> Alice: hello", "hi")
    bob.wait(lambda _: not bob.style_of("hi").faint)
    assert ([], [("hi", "hello")]) == (answered(guests, other), answered(guests, room))


def test_an_answer_by_a_command(bob, guests, room) -> None:
    """To what a name has said last, or to a number; what cannot be meant stays in the line."""
    alice, johnny = guests.enter(room, "Alice"), guests.enter(room, "Johnny Boi")
    alice.say("one", "two")
    johnny.say("three")
    bob.until("three")
    type_line(bob, "/reply alice yes,  it is")
    bob.until("> Alice: two", "yes, it is")
    type_line(bob, "/reply johnny boi me too")
    bob.until("> Johnny Boi: three", "me too")
    number = sequence_of(guests, room, "one")
    type_line(bob, f"/reply #{number} the first")
    bob.until("> Alice: one", "the first")
    bob.wait(lambda _: not bob.style_of("the first").faint)
    type_line(bob, "/reply Carol what?")
    bob.until("nothing that Carol said is here", "/reply #120 TEXT is by number")
    bob.wait(lambda rows: rows[-1] == "Bob> /reply Carol what?")
    bob.press("c-c")
    type_line(bob, "/reply johnny boi")
    bob.until("something is missing: /reply NAME TEXT")
    assert [("yes, it is", "two"), ("me too", "three"), ("the first", "one")] == (
        answered(guests, room)
    )
