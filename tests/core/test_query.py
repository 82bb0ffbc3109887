"""A query finds the messages that have all that it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.query import Query, parsed, terms_of
from chatroom.core.refusals import QueryInvalid
from chatroom.core.words import words

TEXTS = st.text(st.sampled_from("aabB éÉー東京 -.\"'👍:\u0301"), max_size=20)
NAMES = st.text(st.sampled_from("bB é"), min_size=1, max_size=3)


def query(raw: str) -> Query:
    return parsed(raw, characters=256, most=32)


@pytest.mark.parametrize(
    ("raw", "text", "found"),
    [
        ("word", "a Word.", True),
        ("word", "words", False),
        ("two words", "words, and two", True),
        ("two words", "two", False),
        ('"two words"', "two words", True),
        ('"two words"', "Two - WORDS!", True),
        ('"two words"', "words two", False),
        ('"two words"', "two more words, two words", True),
        ('"two words', "two words", True),
        ("example.com", "see https://example.com/", True),
        ("example.com", "com example", False),
        ("東京", "私は東京にいる", True),
        ("京東", "私は東京にいる", False),
        ("cafe", "CAFÉ", True),
        ("CAFÉ", "cafe", True),
        ("👍", "done 👍🏽", True),
        ("word - :)", "word", True),
        ("from:bob", "anything", True),
        ("FROM:Bob word", "a word", True),
        ("from:bob word", "another", False),
        ("from:ann", "anything", False),
        ('from:"B ob"', "anything", False),
        ('"from:bob"', "from: Bob", True),
    ],
)
def test_what_is_found(raw: str, text: str, found: bool) -> None:
    """All words, in any order; a phrase in its own; from: the author."""
    assert found == query(raw).finds("Bob", text)


def test_a_name_with_spaces() -> None:
    """Names are compared without case and accents, as a whole."""
    assert query('from:"Johnny  boi"').finds("Jöhnny Boi", "")
    assert not query("from:Johnny").finds("Johnny Boi", "")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("", "a word"),
        ("  -- !", "a word"),
        ('""', "a word"),
        ("from:", "needs a name"),
        ('from:"" word', "needs a name"),
        ("from:ann from:bob", "one person"),
        ("w " * 32 + "x" * 300, "256 characters"),
        (" ".join(f"w{n}" for n in range(33)), "32 words"),
        ("東" * 33, "32 words"),
    ],
)
def test_what_is_no_query(raw: str, says: str) -> None:
    """A sentence tells whoever looks for nothing, or too much, what to change."""
    with pytest.raises(QueryInvalid, match=says):
        query(raw)


@given(TEXTS, NAMES, st.data())
def test_what_is_found_has_all_terms(text: str, name: str, data: st.DataObject) -> None:
    """A message that is found has each term of the query: an index of terms misses none."""
    there = words(text)
    begin = data.draw(st.integers(0, len(there)))
    phrase = tuple(there[begin : begin + data.draw(st.integers(0, 3))])
    raw = f'"{" ".join(phrase)}" ' + " ".join(data.draw(st.lists(st.sampled_from([*there, "b"]))))
    raw += data.draw(st.sampled_from(["", f' from:"{name}"', " from:b"]))
    try:
        asked = query(raw)
    except QueryInvalid:
        return
    if asked.finds(name, text):
        assert asked.terms <= set(terms_of(name, text))


@given(TEXTS, NAMES)
def test_a_text_finds_itself(text: str, name: str) -> None:
    """Whoever pastes a message, as it is or quoted, finds it."""
    if words(text) and "from:" not in text.lower():
        assert query(text).finds(name, text)
        assert query('"' + text.replace('"', " ") + '"').finds(name, text)
