"""Whatever is shown as a token: it is taken, or refused with a reason, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chatroom.core.grants import Right
from chatroom.server.access import Algorithm, Tokens, TokenUnusable
from tests.server.access.making import NOW, claims, encoded, key, keys, token

TOKENS = Tokens(keys())
GOOD = [token(claims(name="Ann", chat={"rooms": ["a"]}), by=key(each)) for each in Algorithm]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(["sub", "exp", "nbf", "iat", "jti", "aud", "name", "chat"])
WORDS = st.sampled_from(["rooms", *Right])
CHAT = st.dictionaries(WORDS | st.text(max_size=9), st.booleans() | JSON, max_size=4)


def unusable(shown: str) -> None:
    """It is refused with a reason."""
    with pytest.raises(TokenUnusable):
        TOKENS.identity(shown, NOW)


def usable_or_not(shown: str) -> None:
    """It is taken, or refused with a reason."""
    try:
        TOKENS.identity(shown, NOW)
    except TokenUnusable as error:
        assert str(error).isprintable()


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text(shown: str) -> None:
    """As it may stand in a header."""
    unusable(shown)


@given(st.lists(st.binary() | JSON.map(lambda each: json.dumps(each).encode()), max_size=5))
def test_any_parts(parts: list[bytes]) -> None:
    """In good base64url."""
    unusable(".".join(map(encoded, parts)))


@given(st.sampled_from(GOOD), st.data())
def test_a_good_token_in_which_characters_are_others(good: str, data: st.DataObject) -> None:
    """A token has one text."""
    at = data.draw(st.integers(0, len(good)))
    rest = data.draw(st.integers(at, min(at + 3, len(good))))
    within = st.sampled_from("AZaz09-_=.+/ ") | st.characters()
    changed = good[:at] + data.draw(st.text(within, max_size=3)) + good[rest:]
    assume(changed != good)
    unusable(changed)


@given(st.sampled_from(GOOD), st.sampled_from(GOOD), st.data())
def test_parts_of_two_good_tokens(one: str, other: str, data: st.DataObject) -> None:
    """Put together they are none."""
    parts = [
        data.draw(st.sampled_from(pair))
        for pair in zip(one.split("."), other.split("."), strict=True)
    ]
    assume(".".join(parts) not in (one, other))
    unusable(".".join(parts))


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]) | st.text(), JSON))
def test_any_header_that_is_signed(header: dict[str, object]) -> None:
    """By a key that we know."""
    usable_or_not(token(header=header))
    usable_or_not(token(header={"alg": "EdDSA", "kid": "EdDSA", **header}))


@given(st.binary())
def test_any_claims_that_are_signed(payload: bytes) -> None:
    """An issuer may have faults too."""
    unusable(token(payload))


@given(st.dictionaries(NAMES | st.text(max_size=9), JSON | CHAT, max_size=5))
def test_any_json_as_claims_that_are_signed(said: dict[str, object]) -> None:
    """In place of good ones, and beside them."""
    usable_or_not(token(said))
    usable_or_not(token({**claims(), **said}))


@given(CHAT)
def test_any_words_in_chat(chat: dict[str, object]) -> None:
    """What is taken has only words that we know, and those say true or false."""
    try:
        identity = TOKENS.identity(token(claims(chat=chat)), NOW)
    except TokenUnusable:
        return
    for word, value in chat.items():
        if word != "rooms":
            assert value is (Right(word) in identity.grant.rights)
