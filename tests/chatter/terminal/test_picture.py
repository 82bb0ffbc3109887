"""The picture of the screen in the README."""

from __future__ import annotations

import re

from tests.chatter.terminal.picture import COLUMNS, PICTURE, ROWS, drawn, picture
from tests.chatter.terminal_screen import Cell


def test_the_command_makes_the_same_picture() -> None:
    """What the README shows is what chatter shows now; else `make picture`, and look at it."""
    assert PICTURE.read_text(encoding="utf-8") == picture()


def test_a_picture_is_text() -> None:
    """Characters stand as they are, each run as wide as its cells; fonts are only named."""
    row = [Cell("<", fg="red"), Cell("🎉"), Cell(""), Cell("x", reverse=True)]
    made = drawn([row + [Cell(" ")] * (COLUMNS - len(row))])
    assert ["&lt;", "🎉", "x"] == re.findall(r">([^<\n]+)</text>", made)
    assert ["8.4", "16.8", "8.4"] == re.findall(r'textLength="([\d.]+)"', made)
    assert "<image" not in made
    assert "base64" not in made
    assert ROWS * COLUMNS * 10 > len(PICTURE.read_bytes())
