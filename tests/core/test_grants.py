"""Grants: which rooms a pattern covers."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.grants import EVERYTHING, NOTHING, USUAL, Grant, Identity, anonymous


def covers(pattern: str, room_id: str) -> bool:
    return Grant(USUAL, (pattern,)).covers(room_id, private=False)


@pytest.mark.parametrize(
    ("pattern", "room_id", "covered"),
    [
        ("*", "lobby", True),
        ("team-*", "team-", True),
        ("team-*", "xteam-a", False),
        ("*-a", "team-a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*bc*c", "abc", False),
        ("**", "x", True),
    ],
)
def test_a_star_is_for_any_characters(pattern: str, room_id: str, covered: bool) -> None:
    assert covered == covers(pattern, room_id)


@given(st.text("ab*", max_size=12), st.text("ab", min_size=1, max_size=12))
def test_patterns_are_those_of_a_shell(pattern: str, room_id: str) -> None:
    assert fnmatch.fnmatchcase(room_id, pattern) == covers(pattern, room_id)


def test_many_stars_take_no_longer() -> None:
    """Tried in all ways, this one would not end within the life of who waits for it."""
    assert not covers("*a" * 31 + "*b", "a" * 64)


@pytest.mark.parametrize(
    ("identity", "actor", "known", "named"),
    [
        (Identity(NOTHING), "anonymous", False, False),
        (Identity(NOTHING, subject="ann@example.org"), "ann@example.org", True, True),
        (Identity(NOTHING, invitation="i7"), "invitation i7", True, False),
        (Identity(EVERYTHING, admin_token=True), "admin token", True, True),
        (Identity(anonymous(["history"])), "anonymous", False, False),
    ],
)
def test_who_somebody_is_for_people(
    identity: Identity, actor: str, known: bool, named: bool
) -> None:
    """As the audit log and bans name them."""
    assert (actor, known, named) == (identity.actor, identity.known, identity.named)
