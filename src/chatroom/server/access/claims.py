"""What a token's claims say (RFC 7519, section 4.1), and our own claim `chat`.

    {"rooms": ["lobby", "team-*"], "send": false, "moderate": true}

`rooms` are ids or patterns; without it all rooms that are not private. Each right may be
given or taken by its name. A right that is not named is as in `USUAL`. A token without `chat`
says who somebody is, and grants nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chatroom.core.grants import NOTHING, SUBJECT_CHARACTERS, USUAL, Grant, Right
from chatroom.core.names import name_tag
from chatroom.core.refusals import NameInvalid

from .unusable import TokenClaimWrong

TOKEN_ID_CHARACTERS = 128
"""The longest `jti`."""
LATEST = 253_402_300_799
"""The last second of the year 9999: no time is after it."""
_SHOWN_CHARACTERS = 32

_ROOMS = re.compile(r"[a-z0-9*-]{1,64}")


@dataclass(slots=True, frozen=True)
class Claims:
    """What a token says; whether it is good now, and here, is another question."""

    subject: str
    expires: float
    """`exp`, in seconds since 1970; the leeway is not in it."""
    not_before: float | None
    audience: tuple[str, ...] | None
    """None: it names nobody; that is not the same as naming no one."""
    token_id: str
    name: str
    """As everybody is shown it; empty: it fixes none."""
    grant: Grant


def claims_of(said: Mapping[str, object], *, name_characters: int) -> Claims:
    """Read the claims; raises TokenClaimWrong. Others than ours are nobody's business here."""
    _time(said, "iat")
    expires = _time(said, "exp")
    if expires is None:
        raise TokenClaimWrong("exp", "is missing: a token has to end")
    return Claims(
        subject=subject_of(said),
        expires=expires,
        not_before=_time(said, "nbf"),
        audience=_audience(said),
        token_id=_words(said, "jti", TOKEN_ID_CHARACTERS),
        name=name_of(said, name_characters),
        grant=grant_of(said),
    )


def chat_claim(
    rooms: Iterable[str], *, given: Iterable[Right] = (), taken: Iterable[Right] = ()
) -> dict[str, object]:
    """The claim `chat` that gives the usual rights and `given`, without `taken`."""
    words: dict[str, object] = {"rooms": list(rooms)}
    words.update({str(right): True for right in given})
    words.update({str(right): False for right in taken})
    return words


def subject_of(said: Mapping[str, object]) -> str:
    """For whom it is; raises TokenClaimWrong."""
    subject = _words(said, "sub", SUBJECT_CHARACTERS)
    if not subject:
        raise TokenClaimWrong("sub", "is missing: it has to be said for whom it is")
    return subject


def _time(said: Mapping[str, object], claim: str) -> float | None:
    """A NumericDate (RFC 7519, section 2): seconds, and it may have a fraction."""
    if claim not in said:
        return None
    found = said[claim]
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise TokenClaimWrong(claim, "is not a number of seconds since 1970")
    if not 0 <= found <= LATEST:
        raise TokenClaimWrong(claim, "is not a time between 1970 and the year 9999")
    return found


def _words(said: Mapping[str, object], claim: str, most: int) -> str:
    """A text of characters that can be printed; empty if the claim is not there."""
    if claim not in said:
        return ""
    found = said[claim]
    if not isinstance(found, str) or not 0 < len(found) <= most or not found.isprintable():
        raise TokenClaimWrong(claim, f"is not a text of 1 to {most} characters that can be printed")
    return found


def _audience(said: Mapping[str, object]) -> tuple[str, ...] | None:
    """RFC 7519, section 4.1.3: one text, or a list of them."""
    if "aud" not in said:
        return None
    found = said["aud"]
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(each, str) for each in listed):
        raise TokenClaimWrong("aud", "is not a text, and not a list of texts")
    return tuple(listed)


def name_of(said: Mapping[str, object], characters: int) -> str:
    """The one name tag; empty: it fixes none. Raises TokenClaimWrong."""
    if "name" not in said:
        return ""
    found = said["name"]
    if not isinstance(found, str):
        raise TokenClaimWrong("name", "is not a text")
    try:
        return name_tag(found, characters=characters).text
    except NameInvalid as refusal:
        raise TokenClaimWrong("name", f"is no name tag: {refusal}") from None


def grant_of(said: Mapping[str, object]) -> Grant:
    """What the claim `chat` grants; raises TokenClaimWrong."""
    if "chat" not in said:
        return NOTHING
    chat = said["chat"]
    if not isinstance(chat, dict):
        raise TokenClaimWrong("chat", "is not an object")
    rights = set(USUAL)
    rooms: tuple[str, ...] = Grant().rooms
    for word, value in chat.items():
        if word == "rooms":
            rooms = _rooms(value)
            continue
        try:
            right = Right(word)
        except ValueError:
            raise TokenClaimWrong("chat", f"has an unknown word: {_shown(word)}") from None
        if not isinstance(value, bool):
            raise TokenClaimWrong("chat", f"says neither true nor false of {word}")
        if value:
            rights.add(right)
        else:
            rights.discard(right)
    return Grant(frozenset(rights), rooms)


def _rooms(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TokenClaimWrong("chat", "has rooms that are not a list")
    for each in value:
        if not isinstance(each, str) or not _ROOMS.fullmatch(each):
            raise TokenClaimWrong(
                "chat", "has a room that is not 1 to 64 characters, each one of a-z, 0-9, - and *"
            )
    return tuple(value)


def _shown(word: str) -> str:
    """A word in ASCII, and not all of a long one."""
    cut = word if len(word) <= _SHOWN_CHARACTERS else f"{word[:_SHOWN_CHARACTERS]}..."
    return json.dumps(cut)
