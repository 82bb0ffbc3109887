"""Text of strangers, made fit for a terminal.

A terminal obeys control characters; bidirectional overrides make text read as what it
is not (CVE-2021-42574); invisible characters hide text or make two names look alike;
and marks without end pile up in one cell. What remains here is text, newline and tab.

Two things are left to whoever lays lines out: how wide a terminal draws a character
(tables differ between terminals), and where a long line wraps.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache

CONTINUATION = "\n    "
"""Begins each further line of a message, so that none can pass for somebody's line."""

PROGRAM = "chatter"
"""Begins the program's own lines, `chatter: …`."""

STACKED_CLASS = 200
"""Marks above, below or beside a letter, wherever there is space, have this canonical
combining class or more. Other marks have a place of their own."""
STACKED_MARKS = 4
"""So many of them a character keeps, as in names (UTS #39, section 5.4). Words need up
to 3 (phonetic script)."""
MARKS = 8
"""So many marks of all kinds a character keeps. Words need up to 5 (Hebrew with points
and cantillation), a stack of Tibetan consonants 8."""

JOINERS = "\u200c\u200d"
"""Zero-width joiners have a use between letters (Persian, Indic) and emoji, and after a
virama (RFC 5892, appendices A.1 and A.2); no other."""
VIRAMA = 9
"""Its canonical combining class."""

Bounds = tuple[int, ...]
"""Ranges of code points, in order: begin, end, begin, end, … (ends excluded)."""
VISIBLE_FORMATS: Bounds = (
    0x600, 0x606, 0x6DD, 0x6DE, 0x70F, 0x710, 0x890, 0x892, 0x8E2, 0x8E3, 0x110BD, 0x110BE,
    0x110CD, 0x110CE,
)  # fmt: skip
"""Format characters (category Cf) with a shape of their own: number and verse signs."""
IGNORABLE: Bounds = (
    0x34F, 0x350, 0x115F, 0x1161, 0x17B4, 0x17B6, 0x2065, 0x2066, 0x3164, 0x3165, 0xFFA0, 0xFFA1,
    0xFFF0, 0xFFF9, 0xE0000, 0xE1000,
)  # fmt: skip
"""What is invisible though neither a control nor a format character: letters that fill
a syllable, the grapheme joiner, tags. Default_Ignorable_Code_Point of Unicode 16.0
without category Cf and without the selectors."""
SELECTORS: Bounds = (0x180B, 0x180E, 0x180F, 0x1810, 0xFE00, 0xFE10, 0xE0100, 0xE01F0)
"""Variation selectors: Mongolian, of symbols and emoji, of ideographs."""
SELECTABLE_ASCII = "0123456789#*"
"""What may be a keycap: a selector does something to them, and to no other of ASCII."""
ATTACHING_LETTERS: Bounds = (0x1160, 0x1200, 0xD7B0, 0xD7C7, 0xD7CB, 0xD7FC)
"""Vowels and finals of Hangul: letters that join what is before them, zero wide."""

DOTTED_CIRCLE = "\u25cc"
"""Stands under a mark that has nothing under it, as in the Unicode charts."""
REPLACEMENT = "\ufffd"
BLANKS = re.compile("[\u2800\U00013441\U00013442\U0001d159]")
"""Symbols that are blank on every screen."""
COLONS = re.compile(
    "[:\u02d0\u02f8\u0589\u05c3\u0703\u0704\u0903\u0a83\u16ec\u1803\u1809\u205a\u2236"
    "\ua4fd\ua789\ufe30\ufe55\uff1a] "
)
"""A colon, or what looks like one (confusables.txt of UTS #39), and a space."""
STAR = re.compile("[*\u066d\u204e\u2217\U0001031f] ")
"""What begins a line about an arrival or a departure, or what looks like it."""
CONTROLS = {code: None for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n"}


def safe_text(text: str) -> str:
    """The text without what a terminal obeys, what is invisible, and piles of marks.

    The result has no character of C0, C1 (but newline and tab) or DEL; no
    bidirectional control; nothing invisible but single joiners and variation selectors
    where they shape what is before them; no surrogate or noncharacter; at most MARKS
    marks on a character; no mark that would attach to what is printed before the text
    or one of its lines. It is longer than the text by at most one character for each
    mark that had nothing under it. Applied again it changes nothing.
    """
    if text.isascii():
        return text if text.isprintable() else text.translate(CONTROLS)
    return _sifted(text)


def one_line(text: str) -> str:
    """The safe text on one line: its whitespace and blank symbols are single spaces."""
    words = text.split() if text.isascii() else BLANKS.sub(" ", text).split()
    return " ".join(safe_text(" ".join(words)).split())


def action_line(name: str, text: str) -> str:
    """`* Bob waves`, what somebody does; further lines of the text are indented."""
    return f"* {one_line(name)} {safe_text(text).replace(chr(10), CONTINUATION)}"


def message_line(name: str, text: str) -> str:
    """`name: text`; further lines of the text are indented.

    The name ends at the first colon that a space follows. One with a colon and a space
    in it, which could pass for somebody's line, is quoted; so is one that would pass for
    a quoted name, for none, for this program, or for a line about an arrival or a
    departure (`* Bob has left the chat`).
    """
    shown = one_line(name)
    if (
        not shown
        or shown[0] == '"'
        or STAR.match(shown)
        or COLONS.search(shown)
        or shown.casefold() == PROGRAM
    ):
        shown = '"' + shown.replace('"', "'") + '"'
    return f"{shown}: {safe_text(text).replace(chr(10), CONTINUATION)}"


BASE, MARK, STACKED_MARK, BLANK, LINE_BREAK = "b", "m", "M", "_", "|"
JOINER, SELECTOR, DROPPED, NOT_TEXT = "j", "s", "-", "?"
"""The sorts of characters, by a letter each; NOT_TEXT: surrogates and noncharacters."""
UNSAFE = re.compile(f"[^{BASE}{MARK}{STACKED_MARK}{BLANK}]|(?:^|{BLANK})[mM]|[mM]{{5}}")
"""Finds nothing in the sorts of a text that can stay as it is; most others can, too."""


def _sifted(text: str) -> str:
    sorts = "".join(map(_sort, text))
    if not UNSAFE.search(sorts):
        return text
    kept: list[str] = []
    has_base = False  # whether a mark would attach to something that is the text's own
    marks = stacked = 0  # on the base that was kept last
    joiner = ""  # held until it is known what follows it
    for character, sort in zip(text, sorts, strict=True):
        if sort == BASE:
            has_base, marks, stacked = True, 0, 0
        elif sort == DROPPED:
            continue
        elif sort in (BLANK, LINE_BREAK):
            kept.append(character if sort == BLANK else "\n")
            has_base, joiner = False, ""
            continue
        elif sort in (MARK, STACKED_MARK):
            if not has_base:
                kept.append(DOTTED_CIRCLE)
                has_base, marks, stacked = True, 0, 0
            stacks = sort == STACKED_MARK
            if marks == MARKS or (stacks and stacked == STACKED_MARKS):
                continue
            marks += 1
            stacked += stacks
        elif sort == JOINER:
            if has_base and kept[-1] not in JOINERS:
                if unicodedata.combining(kept[-1]) == VIRAMA:
                    kept.append(character)
                else:
                    joiner = joiner or character
            continue
        elif sort == SELECTOR:
            if not has_base or marks or joiner or not _selects(kept[-1], character):
                continue
            marks = 1
        else:
            has_base, marks, stacked = True, 0, 0
            character = REPLACEMENT
        if joiner:
            if not (kept[-1].isascii() or character.isascii()):
                kept.append(joiner)
            joiner = ""
        kept.append(character)
    return "".join(kept)


def _selects(base: str, selector: str) -> bool:
    """Whether the selector can make a difference to the character before it."""
    if base.isascii():
        return base in SELECTABLE_ASCII
    if selector < "\u1810":
        return "\u1800" <= base <= "\u18af"
    return selector < "\U000e0100" or (base >= "\u2e80" and unicodedata.category(base) == "Lo")


@lru_cache(maxsize=8192)  # more than a conversation has; 0.1 instead of 0.6 µs
def _sort(character: str) -> str:
    if character in " \t\n":
        return BLANK
    if character in "\u2028\u2029":
        return LINE_BREAK
    if character in JOINERS:
        return JOINER
    category = unicodedata.category(character)
    if category in ("Cc", "Cf"):
        return BASE if _within(VISIBLE_FORMATS, character) else DROPPED
    if category == "Cs" or (category == "Cn" and _is_noncharacter(character)):
        return NOT_TEXT
    if category == "Mn" and _within(SELECTORS, character):
        return SELECTOR
    if category in ("Mn", "Lo", "Cn") and _within(IGNORABLE, character):
        return DROPPED
    if category[0] == "M" or (category == "Cn" and _is_newer_mark(character)):
        return STACKED_MARK if unicodedata.combining(character) >= STACKED_CLASS else MARK
    if category == "Lo" and _within(ATTACHING_LETTERS, character):
        return MARK
    return BASE


def _within(bounds: Bounds, character: str) -> bool:
    return bisect_right(bounds, ord(character)) % 2 == 1


def _is_noncharacter(character: str) -> bool:
    code = ord(character)
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def _is_newer_mark(character: str) -> bool:
    """Whether this is a mark in a later Unicode than Python's own tables know."""
    from wcwidth import wcwidth

    return wcwidth(character) == 0
