"""Colours, in the sixteen that every terminal has and its owner has chosen.

With NO_COLOR there are none: prompt_toolkit keeps bold, dim and reverse then.
"""

from __future__ import annotations

from prompt_toolkit.styles import Style

STYLE = Style.from_dict(
    {
        "time": "dim",
        "earlier": "dim",
        "event": "ansigreen dim",
        "notice": "ansicyan",
        "trouble": "ansired",
        "pending": "dim",
        "withdrawn": "dim",
        "mention": "bold",
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
        "name-0": "ansicyan",
        "name-1": "ansigreen",
        "name-2": "ansiyellow",
        "name-3": "ansiblue",
        "name-4": "ansimagenta",
        "name-5": "ansibrightcyan",
        "name-6": "ansibrightgreen",
        "name-7": "ansibrightyellow",
        "name-8": "ansibrightblue",
        "name-9": "ansibrightmagenta",
    }
)
