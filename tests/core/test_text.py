"""What a message may say."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.refusals import TextInvalid, TextTooLong
from chatroom.core.text import checked_text, may_all_be_said, may_be_said
from tests.texts import CHARACTERS

LIMIT = 4096
CONTROLS = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0)) if chr(c) not in "\n\t"]


def checked(raw: str) -> str:
    return checked_text(raw, limit=LIMIT)


@pytest.mark.parametrize(
    "raw",
    [
        "Hey Johnny",
        "x",
        "  indented, and kept so  ",
        "two\nlines\tand a tab",
        "привет",
        "👨\u200d👩\u200d👧 ❤\ufe0f",
        "مرحبا\u200f!",
        "\u202eleft to clients",
        "e\u0301 stays two characters",
        "\uffff",
    ],
)
def test_text_is_returned_unchanged(raw: str) -> None:
    """A text that is allowed comes back as it was sent, not normalized or trimmed."""
    assert raw == checked(raw)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_control_characters_are_refused_by_name(control: str) -> None:
    """Each control character but newline and tab is refused, and the sentence names it."""
    with pytest.raises(TextInvalid, match=rf"control character U\+{ord(control):04X}"):
        checked(f"a{control}b")


def test_controls_are_those_of_unicode() -> None:
    """What the rule lists is exactly Unicode's category Cc, newline and tab left out."""
    category = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) == "Cc"]
    assert sorted([*CONTROLS, "\n", "\t"]) == category


def test_windows_line_ends_are_refused_with_advice() -> None:
    """A pasted CR LF is refused, and the sentence says what a line may end with."""
    with pytest.raises(TextInvalid) as refused:
        checked("one\r\ntwo")
    assert (
        "a message may not contain the control character U+000D; end a line with a newline alone"
        == str(refused.value)
    )


@pytest.mark.parametrize("raw", ["", " ", "\n", "\t \n", "\u3000\u00a0", "\u2028"])
def test_blank_text_is_refused(raw: str) -> None:
    """A text of nothing, or of white space alone, is empty."""
    with pytest.raises(TextInvalid, match="at least one character"):
        checked(raw)


@pytest.mark.parametrize("raw", ["\ud800", "a\udfffb", "😀\udc00"])
def test_lone_surrogates_are_refused(raw: str) -> None:
    """What has no UTF-8 form is refused, not an error of the encoder."""
    with pytest.raises(TextInvalid, match="lone surrogate"):
        checked(raw)


@pytest.mark.parametrize("char", ["x", "é", "€", "😀"])
def test_limit_counts_bytes(char: str) -> None:
    """The limit is in bytes of UTF-8: what fills it is allowed, one byte more is not."""
    fits = char * (12 // len(char.encode()))
    assert fits == checked_text(fits, limit=12)
    with pytest.raises(TextTooLong) as refused:
        checked_text(fits + "x", limit=12)
    assert (13, 12) == (refused.value.size, refused.value.limit)


@given(st.text(st.characters()) | st.text("\x00\x1b\r\n\t \x85a😀\ud800"))
def test_accepted_text_is_safe(raw: str) -> None:
    """Of any string: it is refused as a text, or comes back unchanged, fit to be sent."""
    try:
        text = checked_text(raw, limit=64)
    except (TextInvalid, TextTooLong):
        return
    assert raw == text
    assert 1 <= len(text.encode("utf-8")) <= 64
    assert set() == {c for c in text if unicodedata.category(c) == "Cc"} - {"\n", "\t"}


raw_texts = st.text(CHARACTERS) | st.text(st.sampled_from("a \t\n\x7f\x85\xa0\u3000"))


@given(st.lists(raw_texts, max_size=4))
def test_what_may_plainly_be_said_is_what_the_rule_allows(texts: list[str]) -> None:
    """The short ways let nothing through that the whole rule refuses, and agree."""
    plain = [may_be_said(raw, 40) for raw in texts]
    assert all(plain) == may_all_be_said(texts, 40)
    if all(plain):
        assert texts == [checked_text(raw, limit=40) for raw in texts]


def test_what_people_write_may_plainly_be_said() -> None:
    """Else the short way would be of no use."""
    assert may_be_said("Hey Johnny, \u00e7a va? \U0001f44d", LIMIT)
    assert may_all_be_said(["Hey Johnny", "\u00e7a va? \U0001f44d"], LIMIT)
    assert may_all_be_said(["Hey Johnny", "~"], LIMIT)
    assert not may_be_said("x" * 5, 16)
    assert not may_all_be_said(["x", "x" * 5], 16)


@pytest.mark.parametrize("wrong", ["", " ", "a\x7fb", "\u00e7\x85", "\u3000", "x" * 11])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_that_may_not_be_said_is_found_among_others(wrong: str, at: int) -> None:
    """Wherever it stands."""
    texts = ["hey", "ça"]
    assert may_all_be_said(texts, 40)
    assert not may_all_be_said([*texts[:at], wrong, *texts[at:]], 40)
