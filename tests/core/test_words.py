"""Texts are cut into words, whatever they are written in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatroom.core import words as module
from chatroom.core.words import folded, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t-- !?", []),
        ("Hello, World", ["hello", "world"]),
        ("can't", ["can", "t"]),
        ("https://example.com/a_b?c=3.14", ["https", "example", "com", *"abc", "3", "14"]),
        ("v2 x86", ["v2", "x86"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("Café Cafe\u0301 CAFÉ", ["cafe"] * 3),
        ("ｆｕｌｌ ﬁne Ⅳ", ["full", "fine", "iv"]),
        ("ΣΊΣΥΦΟΣ σίσυφος", ["σισυφοσ"] * 2),
        ("İstanbul", ["istanbul"]),
        ("שָׁלוֹם", ["שלום"]),
        ("مُحَمَّد", ["محمد"]),
        ("北京大学abc", ["北", "京", "大", "学", "abc"]),
        ("がか", ["が", "か"]),
        ("ｶﾞﾗｽ カタカナ", ["ガラス", "カタカナ"]),
        ("한국어 말", ["한국어", "말"]),
        ("कुल कल", ["कुल", "कल"]),
        ("กุ", ["ก", "ุ"]),
        ("ok👍🏽yes ❤️", ["ok", "👍", "yes", "❤"]),
        ("👨‍👩‍👧", ["👨", "👩", "👧"]),
        ("soft\u00adhyphen a\u200db zero\u200bwidth", ["softhyphen", "ab", "zero", "width"]),
        ("Привет, МИР", ["привет", "мир"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """What people write, and the words in it."""
    assert expected == words(text)


@given(st.text())
@example("\u0344")
@example("a\u0334b")
@example("\u3099\u304b")
@example("\u1fb3\u0345")
def test_a_word_is_one_word(text: str) -> None:
    """Whoever looks for a word of a text finds it: cut again it is itself."""
    for word in words(text):
        assert [word] == words(word)
    assert folded(text) == folded(folded(text))


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_words_do_not_depend_on_the_normal_form(text: str, form: str) -> None:
    """A text has the same words however its characters are composed."""
    assert words(text) == words(unicodedata.normalize(form, text))  # type: ignore[arg-type] # one of these


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_no_special_case(text: str) -> None:
    """The short way for ASCII finds what the long way does."""
    assert words(text) == words(f"{text} é")[:-1]


def test_a_table_does_not_grow_without_bound() -> None:
    """Whoever says one of each character fills no memory."""
    words("".join(map(chr, range(0xE000, 0x1_0000))) + "".join(map(chr, range(0x20000, 0x2_8000))))
    assert len(module._CUT) <= module._KNOWN
