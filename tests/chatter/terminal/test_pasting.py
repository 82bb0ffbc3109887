"""What happens to pasted text."""

from __future__ import annotations

import sys
import time

import pytest

from chatroom.chatter.terminal.reads import BURST_SECONDS
from tests.chatter.terminal.tmux import tmux

TEXT = "def f():\n\treturn 1\n\nprint(f())"


def texts(guests, room) -> list[str]:
    """What was said in the room."""
    page = guests.do(lambda chat: chat.history(room))
    return [message.text for message in page.messages if message.kind == "said"]


@pytest.fixture
def pasted(bob):
    """Bob has pasted four lines and is asked about them."""
    bob.type("look: ")
    bob.paste(TEXT)
    bob.until("Paste 4 lines? Enter one message, L 3 messages, E edit, Esc no")
    assert "def f" not in bob.text
    return bob


def test_one_line_is_as_if_typed(bob) -> None:
    """Nothing is asked, also if the copied line had its end with it."""
    bob.paste("just one line\n")
    bob.wait(lambda rows: rows[-1] == "Bob> just one line")


def test_one_message(pasted, guests, room) -> None:
    """Enter says all of it at once; what was being typed is still there."""
    pasted.press("enter")
    pasted.until("Bob  def f():", "print(f())")
    pasted.until_gone("Paste 4 lines?")
    pasted.wait(lambda rows: rows[-1] == "Bob> look:")
    assert [TEXT] == texts(guests, room)


def test_each_line(pasted, guests, room) -> None:
    """L says each line as a message, without the empty ones."""
    pasted.type("l")
    pasted.until("Bob  def f():", "Bob  print(f())")
    pasted.wait(lambda _: not pasted.style_of("print(f())").faint)
    assert ["def f():", "\treturn 1", "print(f())"] == texts(guests, room)


def test_editing(pasted, guests, room) -> None:
    """E puts it into the line, to be changed before it is sent."""
    pasted.type("e")
    pasted.until("Bob> look: def f():")
    pasted.type(" # two")
    pasted.press("enter")
    pasted.until("Bob  look: def f():", "print(f()) # two")
    pasted.wait(lambda _: not pasted.style_of("print(f()) # two").faint)
    assert [f"look: {TEXT} # two"] == texts(guests, room)


@pytest.mark.parametrize("key", ["esc", "n", "c-c"])
def test_not_at_all(pasted, guests, room, key: str) -> None:
    """What was pasted is dropped, what was typed stays, nothing is said."""
    pasted.type("x")  # is no answer
    pasted.press(key)
    pasted.until_gone("Paste 4 lines?")
    pasted.wait(lambda rows: rows[-1] == "Bob> look:")
    assert [] == texts(guests, room)


def test_hostile_paste(bob, guests, room) -> None:
    """Escapes that were copied with a text are not part of it."""
    bob.paste("a\x1b[31mred\x07\u202e text")
    bob.wait(lambda rows: rows[-1] == "Bob> a[31mred text")
    bob.press("enter")
    bob.until("Bob  a[31mred text")


LOG = "\n".join([*(f"line {number}" for number in range(20)), "/join other", "/quit", "the end"])


def send_without_brackets(terminal, text: str) -> None:
    """As tmux's paste-buffer does, and a serial line."""
    terminal.type(text.replace("\n", "\r"))


@pytest.mark.parametrize("pieces", [1, 2, 7, 40])
def test_a_paste_without_brackets(bob, guests, room, pieces: int) -> None:
    """It is asked about like any other; each line is said once, in order; nothing is run."""
    size = len(LOG) // pieces + 1
    for at in range(0, len(LOG), size):
        send_without_brackets(bob, LOG[at : at + size])
    bob.until("Paste 23 lines? Enter one message, L 23 messages, E edit, Esc no")
    assert [] == texts(guests, room)
    bob.type("l")
    bob.until_gone("Paste 23 lines?")
    bob.wait(lambda rows: "the end" in rows[-3] and not bob.style_of("the end").faint)
    bob.wait(lambda rows: rows[-1] == "Bob>")
    assert LOG.split("\n") == texts(guests, room)


def test_a_paste_without_brackets_that_is_edited(bob, guests, room) -> None:
    """It is one message, also if its first line would be a command."""
    send_without_brackets(bob, "/quit\n/join other\n")
    bob.until("Paste 2 lines?")
    bob.type("e")
    bob.wait(lambda rows: rows[-2:] == ["Bob> /quit", "/join other"])
    bob.press("enter")
    bob.until("Bob  /quit")
    bob.wait(lambda _: not bob.style_of("/join other").faint)
    assert ["/quit\n/join other"] == texts(guests, room)


def test_a_paste_without_brackets_that_is_dropped(bob, guests, room) -> None:
    """What was typed before it stays."""
    bob.type("look: ")
    bob.wait(lambda rows: rows[-1] == "Bob> look:")
    time.sleep(2 * BURST_SECONDS)  # what comes sooner belongs to the paste
    send_without_brackets(bob, "one\ntwo")
    bob.until("Paste 2 lines?")
    bob.press("esc")
    bob.until_gone("Paste 2 lines?")
    bob.wait(lambda rows: rows[-1] == "Bob> look:")
    assert [] == texts(guests, room)


def test_a_paste_of_another_encoding(bob, guests, room) -> None:
    """It is not said, and its lines are not lost."""
    bob.send_bytes(b"one\rcaf\xe9\r")
    bob.until("Paste 2 lines?")
    bob.press("enter")
    bob.until("not said: this is not UTF-8", "Paste 2 lines?")
    assert [] == texts(guests, room)


def test_what_is_typed_ahead_of_the_screen(guests, room, emulator) -> None:
    """Several lines that came with the answer to a question are a paste, and nothing is run."""
    with emulator("--host", guests.address, "--room", room) as bob:
        bob.until("Enter a Name Tag:")
        send_without_brackets(bob, "Bob\nhello\n/quit\n")
        bob.until("Paste 2 lines?", f" {room} · 1 member")
        bob.type("l")
        bob.until("Bob  hello", "Bob  /quit")
        bob.wait(lambda _: not bob.style_of("/quit").faint)
    assert ["hello", "/quit"] == texts(guests, room)


@pytest.mark.parametrize("brackets", [False, True], ids=["without brackets", "with brackets"])
def test_a_log_pasted_by_tmux(guests, room, brackets: bool) -> None:
    """200 lines with commands in them: they are asked about, and said as they are."""
    log = "\n".join([*(f"line {number}" for number in range(198)), "/join other", "/quit"])
    at = ("--host", guests.address, "--room", room, "--name", "Bob")
    environment = {"LANG": "C.UTF-8", "XDG_CONFIG_HOME": "/nonexistent"}
    with tmux(sys.executable, "-m", "chatroom.chatter", *at, environment=environment) as terminal:
        terminal.until("you have entered the chat")
        terminal.paste(f"{log}\n", brackets=brackets)
        terminal.until("Paste 200 lines? Enter one message, E edit, Esc no")
        terminal.press("Enter")
        terminal.until("line 197", "/quit", f" {room} · 1 member")
        while not texts(guests, room):
            pass
    assert [log] == texts(guests, room)
