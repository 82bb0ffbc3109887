"""What happens to pasted text."""

from __future__ import annotations

import pytest

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
