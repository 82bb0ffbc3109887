"""Access, and visits: what an open stream goes on by."""

from __future__ import annotations

import sys

import pytest

from chatroom.core.refusals import TokenRevoked
from chatroom.server.access import Keys, Tokens
from chatroom.server.access.access import Access, Visit
from tests.server.access.making import NOW, keys, token


def test_a_key_that_is_gone_ends_visits_also_when_the_clock_goes_back() -> None:
    """What came first is counted, and not read off the time of day."""
    now = [float(NOW)]
    access = Access(tokens=Tokens(keys("EdDSA")), clock=lambda: now[0])
    visit = Visit(access, f"Bearer {token()}")
    visit.begin()
    now[0] -= 10
    access.take(Keys())
    with pytest.raises(TokenRevoked):
        visit.ends_soon()


def test_a_key_that_comes_back_is_for_new_visits() -> None:
    """At the same moment, too."""
    access = Access(tokens=Tokens(keys("EdDSA")), clock=lambda: float(NOW - 3600))
    old, new = (Visit(access, f"Bearer {token()}") for _ in range(2))
    old.begin()
    access.take(Keys())
    access.take(keys("EdDSA"))
    new.begin()
    assert new.ends_soon() is None
    with pytest.raises(TokenRevoked):
        old.ends_soon()


def test_what_was_shown_is_not_kept_with_the_stream() -> None:
    """An open server takes any: members would cost it what their headers have."""
    shown = "Bearer " + "x" * 10_000
    before = sys.getrefcount(shown)
    visit = Visit(Access(), shown)
    assert before < sys.getrefcount(shown)
    visit.begin()
    assert before == sys.getrefcount(shown)
    assert visit.ends_soon() is None
