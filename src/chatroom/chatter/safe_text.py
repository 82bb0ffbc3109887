"""Text of strangers, made fit for a terminal.

A terminal obeys control characters, and bidirectional overrides make text read as
what it is not (CVE-2021-42574). What remains here is text, newline and tab.
"""

from __future__ import annotations

import unicodedata

CONTINUATION = "\n    "
"""Begins each further line of a message, so that none can pass for somebody's line."""

LINE_BREAKS = "\n\u2028\u2029"
JOINERS = "\u200c\u200d"
"""Zero-width joiners have a use between letters (Persian, Indic) and emoji, no other."""
VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
"""Format characters (category Cf) that have a shape of their own: number and verse signs."""


def safe_text(text: str) -> str:
    """The text without control and invisible formatting characters but newline and tab.

    The result has no character of C0, C1 (but newline and tab) or DEL, no
    bidirectional control, no zero-width character but a joiner between two others,
    no surrogate. Applied again it changes nothing.
    """
    if text.isprintable():
        return text
    kept: list[str] = []
    for position, character in enumerate(text):
        if character in LINE_BREAKS:
            kept.append("\n")
        elif character in JOINERS:
            following = text[position + 1 : position + 2]
            if kept and _joins(kept[-1]) and _joins(following):
                kept.append(character)
        elif character == "\t" or character in VISIBLE_FORMATS:
            kept.append(character)
        else:
            category = unicodedata.category(character)
            if category == "Cs":
                kept.append("\ufffd")
            elif category not in ("Cc", "Cf"):
                kept.append(character)
    return "".join(kept)


def one_line(text: str) -> str:
    """The safe text on one line: its whitespace is single spaces."""
    return " ".join(safe_text(text).split())


def message_line(name: str, text: str) -> str:
    """`name: text`; further lines of the text are indented."""
    return f"{one_line(name)}: {safe_text(text).replace(chr(10), CONTINUATION)}"


def _joins(character: str) -> bool:
    return bool(character) and not character.isascii() and character.isprintable()
