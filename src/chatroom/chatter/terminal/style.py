"""Colours, in the sixteen that every terminal has and its owner has chosen; but for names.

With NO_COLOR there are none: prompt_toolkit keeps bold, dim and reverse then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.styles import Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = (
    "#0087af", "#008700", "#878700", "#005fff", "#d700d7",
    "#008787", "#5f8700", "#af5f00", "#875fff", "#d7005f",
)  # fmt: skip
"""Readable on black and on white: at least 3.8 to 1 to each (WCAG 2.2, relative luminance), where
most of the sixteen are so on one of them. All are among the 256 of xterm; the page has the same
hues in this order. Where a terminal has sixteen, it gets the nearest."""

STYLES = {
    "time": "dim",
    "earlier": "dim",
    "event": "ansigreen dim",
    "notice": "ansicyan",
    "trouble": "ansired",
    "pending": "dim",
    "withdrawn": "dim",
    "mention": "bold",
    "link": "underline",
    "found": "reverse",
    "quote": "dim",
    "own": "bold",
    "day": "dim",
    "rule": "dim",
    "mark": "ansired bold",
    "status": "reverse",
    "status.room": "bold",
    "status.trouble": "bold ansired",
    "status.below": "bold",
    "bar.here": "reverse bold",
    "bar.news": "bold",
    "bar.named": "bold ansimagenta",
    "bar.trouble": "ansired",
    "question": "bold",
    "prompt": "bold",
    "picked": "reverse",
    "aside": "dim",
    "nbsp": "noinherit",  # else prompt_toolkit draws it as a yellow underscore
}


def style_with(colors: Mapping[str, str], names: Sequence[str] = NAMES) -> Style:
    """The style in which what the configuration names has its colours, and the rest its usual."""
    coloured = {f"name-{number}": colour for number, colour in enumerate(names or NAMES)}
    return Style.from_dict(STYLES | coloured | dict(colors))


STYLE = style_with({})
"""Where nothing is configured."""
