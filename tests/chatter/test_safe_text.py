"""Text of strangers on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatroom.chatter.safe_text import message_line, one_line, safe_text

CONTROLS = {chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))} - {"\n", "\t"}
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = set("\u00ad\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\ufff9\ufffa\ufffb\U000e0001")
HOSTILE = st.text(st.sampled_from(sorted(CONTROLS | BIDI | INVISIBLE | set("\u200c\u200dab\n😀"))))
ANYTHING = st.text(st.characters(exclude_categories=())) | HOSTILE


@given(ANYTHING)
@example("\x1b[31m\x9b\x7f\x85")
@example("\ud800")
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    """No control character but newline and tab, no bidirectional control, nothing invisible."""
    assert set() == set(safe_text(text)) & (CONTROLS | BIDI | INVISIBLE)
    safe_text(text).encode()  # and no surrogate


@given(ANYTHING)
def test_safe_text_is_left_alone(text: str) -> None:
    """What is safe already is not changed."""
    assert safe_text(text) == safe_text(safe_text(text))


@given(ANYTHING)
def test_one_line_is_one_line(text: str) -> None:
    """A name never begins a second line, nor does a terminal see it so."""
    assert "\n" not in one_line(text)
    assert 1 == len(one_line(text + "x").splitlines())


@given(ANYTHING, ANYTHING)
def test_further_lines_are_indented(name: str, text: str) -> None:
    """Only the first line of a message begins where names begin."""
    first, *others = message_line(name, text).split("\n")
    assert first.startswith(f"{one_line(name)}: ")
    assert all(line.startswith("    ") for line in others)


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_text_is_kept(text: str) -> None:
    """Letters, marks, digits, punctuation, symbols and spaces of every script stay."""
    assert text == safe_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, Zoë! 你好 🙂",
        "👩‍👩‍👧",  # joined emoji
        "می‌خواهم",  # Persian with a zero-width non-joiner
        "क्‍ष",  # Devanagari with a zero-width joiner
        "❤️",
        "tab\tand\nnewline",
    ],
)
def test_people_may_write_their_languages(text: str) -> None:
    """What people write passes unchanged, joiners between letters included."""
    assert text == safe_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200db", "ab"),
        ("\u200d🙂\u200d", "🙂"),
        ("line\u2028break\u2029", "line\nbreak\n"),
        ("carriage\rreturn", "carriagereturn"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\ud83d", "\ufffd"),
    ],
)
def test_what_misleads_is_dropped(text: str, expected: str) -> None:
    """Joiners with nothing to join, line separators and overrides do not pass."""
    assert expected == safe_text(text)


def test_no_format_character_was_forgotten() -> None:
    """Of all characters of category Cf only the visible signs can be shown."""
    formats = (chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf")
    shown = {character for character in formats if safe_text(character)}
    assert set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2") == shown
