"""Text broken into rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatter.safe_text import safe_text
from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.wrap import wrap

TEXTS = st.text(st.sampled_from("ab \n\t中é\u0301👩\u200d💻, ") | st.characters(), max_size=80)


CELLS = Cells()


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("", 10, [""]),
        ("one two", 10, ["one two"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 9, ["one two", "three"]),
        ("one  two", 4, ["one", "two"]),
        ("a\nb\n\nc", 10, ["a", "b", "", "c"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("to abcdefgh", 4, ["to", "abcd", "efgh"]),
        ("    indented", 20, ["    indented"]),
        ("\tx", 20, ["    x"]),
        ("日本語です", 4, ["日本", "語で", "す"]),
        ("日本語です", 5, ["日本", "語で", "す"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_rows(text: str, width: int, rows: list[str]) -> None:
    """Words stay whole where they fit; wide characters and marks count as they are drawn."""
    assert rows == wrap(text, width, width, CELLS)


@pytest.mark.parametrize(
    ("text", "rows"),
    [("ab cdef", ["ab", "cdef"]), ("abcdef gh", ["", "abcdef", "gh"]), ("abc def", ["abc", "def"])],
)
def test_a_shorter_first_row(text: str, rows: list[str]) -> None:
    """A word that fits into the other rows only begins there."""
    assert rows == wrap(text, 3, 6, CELLS)


@given(TEXTS, st.integers(2, 20), st.integers(2, 40))
def test_no_row_is_too_wide(text: str, first: int, rest: int) -> None:
    """Whatever the text is."""
    rows = wrap(safe_text(text), first, rest, CELLS)
    assert all(CELLS.of(row) <= (rest if at else first) for at, row in enumerate(rows))


@given(TEXTS, st.integers(0, 20), st.integers(0, 40))
def test_nothing_is_lost(text: str, first: int, rest: int) -> None:
    """All characters but spaces are there, in order, at any width."""
    safe = safe_text(text)
    shown = "".join(wrap(safe, first, rest, CELLS))
    assert "".join(safe.split()) == "".join(shown.split())
