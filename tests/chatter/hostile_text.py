"""What could be sent to disturb a terminal or to deceive its reader, for property tests.

The sets are made from what the Unicode database says, not from the tables of
`safe_text`, which are to be tested with them.
"""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st
from wcwidth import wcwidth

CONTROLS = {chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))} - {"\n", "\t"}
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
JOINERS = "\u200c\u200d"
SELECTORS = {chr(c) for c in (0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10))} | {
    chr(code) for code in range(0xE0100, 0xE01F0)
}
NOT_CHARACTERS = {chr(code) for code in range(0xFDD0, 0xFDF0)} | {
    chr(plane | last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
}
SHAPED = set(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Format characters that are seen."""
ASSIGNED = (*range(0x40000), *range(0xE0000, 0xF0000))
"""The planes that have characters; the others are empty or private (Unicode 16, section 2.8)."""
INVISIBLE = (
    {chr(code) for code in ASSIGNED if unicodedata.category(chr(code)) == "Cf"}
    | set("\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0")
    | {chr(code) for code in (*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))}
) - (BIDI | SHAPED | SELECTORS | set(JOINERS))
"""Always; joiners and selectors are not when they shape something."""
SEQUENCES = [
    "\x1b[2J", "\x1b[31m", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1bP1$r\x1b\\", "\x1bc",
    "\x1b[6n", "\x1b[?1049h", "\x1b[200~", "\x1b(0", "\x9b5n", "\x9d0;t\x9c", "\x90q\x9c", "\x0e",
    "\r", "\b\b\b", "\x85", "\v", "\f", "\x00", "\x7f", "\u202e", "\u2066", "Bob: hi", "chatter: ",
    "\nBob: ", "\u2028Bob: ", "e" + "\u0301" * 40, "ก" + "้" * 40, "❤\ufe0f", "\u200d", "\u3164",
    "👩\u200d👧", "\U000e0041", "^[[0m", "\\x1b[0m", "%s{0}", "[red]", "<b>", "你", "\t", " " * 90,
]  # fmt: skip
"""What terminals act upon, and what people are deceived by."""

ANYTHING = st.text(st.characters(exclude_categories=())) | st.lists(
    st.sampled_from(SEQUENCES)
    | st.sampled_from(sorted(CONTROLS | BIDI | INVISIBLE | SELECTORS | NOT_CHARACTERS))
    | st.text(st.characters(categories=["M"]), max_size=12)
    | st.sampled_from(["a", "\n", "😀", "न", "्", "ᄀ", "ᅡ", *JOINERS])
).map("".join)
"""Any text, half of it made of what is hostile; lone surrogates included."""


def is_mark(character: str) -> bool:
    """Whether a terminal draws it upon what is before it."""
    category = unicodedata.category(character)
    return category[0] == "M" or (category in ("Lo", "Cn") and wcwidth(character) == 0)
