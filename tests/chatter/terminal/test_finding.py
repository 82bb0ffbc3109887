"""Looking for a text in what is shown."""

from __future__ import annotations

import pytest


@pytest.fixture
def with_words(bob, guests, room):
    """Bob's terminal, where forty lines were said, and "Deploy" in three of them."""
    alice = guests.enter(room, "Alice")
    said = [f"line {number}" for number in range(1, 41)]
    for number, text in (
        (5, "Deploy of a"),
        (20, "no DEPLOYment"),
        (38, "see https://x.y/deploy/z"),
    ):
        said[number - 1] = text
    alice.say(*said)
    bob.until("line 40")
    return bob


def found(terminal, text: str) -> bool:
    row = next(row for row, shown in enumerate(terminal.screen) if text in shown)
    return terminal.style_of(text, row=row).reverse


def test_where_a_text_is_shown(with_words) -> None:
    """Marked however it is written; Ctrl-R goes to the older ones, Ctrl-S back, Esc ends it."""
    bob = with_words
    bob.type("/find deploy\r")
    bob.until('"deploy" 1 of 3', "line 40")
    assert found(bob, "deploy")
    row = next(row for row, shown in enumerate(bob.screen) if "https" in shown)
    assert not bob.style_of("https://x.y/", row=row).reverse
    bob.press("c-r")
    bob.until('"deploy" 2 of 3', "no DEPLOYment", "line 25", "line 14")
    assert found(bob, "DEPLOY")
    bob.press("c-r")
    bob.until('"deploy" 3 of 3', "Deploy of a")
    bob.press("c-r")
    bob.wait(lambda _: b"\x07" in bob.raw)
    bob.press("c-s")
    bob.until('"deploy" 2 of 3')
    bob.press("esc")
    bob.until("line 40")
    bob.until_gone("of 3")
    assert not found(bob, "deploy")


def test_what_is_nowhere(with_words) -> None:
    """It is told, and the line stays to be corrected; Ctrl-R begins one."""
    with_words.press("c-r")
    with_words.wait(lambda rows: rows[-1] == "Bob> /find")
    with_words.type("deploment\r")
    with_words.until("nobody has said deploment in what is here")
    with_words.wait(lambda rows: rows[-1] == "Bob> /find deploment")


def test_what_was_found_stays_where_it_is(with_words, guests, room) -> None:
    """When earlier lines come above, when others come below, and at another width."""
    bob = with_words
    bob.type("/clear\r")
    bob.until_gone("line 40")
    bob.type("/history 30\r")
    bob.until("line 12")
    bob.type("/find LINE 15\r")
    bob.until('"LINE 15" 1 of 1', "line 15")
    bob.type("/history 30\r")
    bob.until("Deploy of a")
    guests.enter(room, "Carol").say("news")
    bob.until("below, 2 new")
    bob.resize(24, 50)
    bob.press("c-s", "c-r")
    bob.until('"LINE 15" 1 of 1')
    bob.type("/find line 15\r")
    bob.until("line 15")
    bob.wait(lambda _: found(bob, "line 15"))
