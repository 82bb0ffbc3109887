"""Figures as people read them."""

from __future__ import annotations

import math

import pytest

from chatroom.server.top import words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"), (0, "0"), (7, "7"), (1024, "1,024"), (99_999, "99,999"),
        (123_456, "123 k"), (12_345_678, "12.3 M"), (5e9, "5.0 G"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, said: str) -> None:
    assert said == words.number(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0, "0.0/s"), (0.25, "0.2/s"), (9.94, "9.9/s"), (123.4, "123/s"),
     (123_456.0, "123 k/s")],
)  # fmt: skip
def test_rates(value: float | None, said: str) -> None:
    assert said == words.rate(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.00042, "0.4 ms"), (0.0421, "42.1 ms"), (0.421, "421 ms"), (1.25, "1.2 s"),
     (math.inf, "> 5 s")],
)  # fmt: skip
def test_what_something_took(value: float | None, said: str) -> None:
    assert said == words.took(value)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (61, "1 m 1 s"), (3600, "1 h"), (90_061, "1 d 1 h"),
     (86_460, "1 d")],
)  # fmt: skip
def test_long_times(seconds: int, said: str) -> None:
    """A unit of which there is none is left out, and nothing smaller follows it."""
    assert said == words.span(seconds)


@pytest.mark.parametrize(
    ("count", "said"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (1536, "1.5 KiB"),
     (200 * 1024, "200 KiB"), (1 << 30, "1.0 GiB"), (1 << 60, "1048576 TiB")],
)  # fmt: skip
def test_bytes(count: float | None, said: str) -> None:
    assert said == words.size(count)


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [("lobby", 5, "lobby"), ("lobby", 4, "lob…"), ("lobby", 1, "…"), ("lobby", 0, ""),
     ("名前です", 8, "名前です"), ("名前です", 7, "名前で…"), ("名前です", 6, "名前…")],
)  # fmt: skip
def test_texts_are_cut_by_cells(text: str, most: int, cut: str) -> None:
    """Wide characters take two; half of one is never shown."""
    assert cut == words.cut(text, most)
    assert words.cells(cut) <= max(most, 0)


def test_what_a_terminal_would_obey_is_replaced() -> None:
    """Controls, and what turns the direction of writing."""
    assert "a�[31mb�c�" == words.safe("a\x1b[31mb\u202ec\n")
