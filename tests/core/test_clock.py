"""Which time is believed, and what a jump of the wall clock leaves in a room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.clock import AHEAD_NS, DOUBT_NS, NS, Clock
from tests.core.clocks import HOUR, Clocks
from tests.core.rooms import commit, join, new_room


def clock_of(clocks: Clocks) -> Clock:
    return Clock(clocks.wall, clocks.monotonic)


def test_a_short_jump_ahead_leaves_no_trace() -> None:
    """An hour ahead for less than five seconds is never told."""
    clocks = Clocks()
    clock = clock_of(clocks)
    for clocks.elapsed, clocks.wrong in ((NS, 0), (2 * NS, HOUR), (6 * NS, HOUR), (7 * NS, 0)):
        assert clocks.right == clock()


def test_a_jump_that_lasts_is_believed_after_five_seconds() -> None:
    """It may be that the clock was wrong before."""
    clocks = Clocks(wrong=0)
    clock = clock_of(clocks)
    clocks.wrong = HOUR
    assert clocks.right == clock()
    clocks.elapsed = DOUBT_NS - 1
    assert clocks.right == clock()
    clocks.elapsed = DOUBT_NS
    assert clocks.right + HOUR == clock()


def test_a_second_jump_is_doubted_anew() -> None:
    """What a clock has said for a moment is not believed because it was wrong before that."""
    clocks = Clocks()
    clock = clock_of(clocks)
    clocks.wrong = 10 * NS
    assert clocks.right == clock()
    clocks.elapsed, clocks.wrong = DOUBT_NS - 1, HOUR
    assert clocks.right == clock()
    clocks.elapsed = DOUBT_NS
    assert clocks.right == clock()


@pytest.mark.parametrize("wrong", [-HOUR, -NS, NS, AHEAD_NS])
def test_back_and_a_little_ahead_are_believed_at_once(wrong: int) -> None:
    """That is how clocks are set right; a room holds its time meanwhile."""
    clocks = Clocks()
    clock = clock_of(clocks)
    clocks.wrong = wrong
    assert clocks.right + wrong == clock()


steps = st.tuples(
    st.integers(0, 8 * NS),
    st.one_of(st.just(0), st.just(0), st.integers(-HOUR, HOUR), st.integers(-3 * NS, 3 * NS)),
)


@given(st.lists(steps, max_size=60))
def test_whatever_the_clocks_do_time_in_a_room_never_goes_back(
    jumps: list[tuple[int, int]],
) -> None:
    """And it never runs further ahead than the wall clock has been for five seconds."""
    clocks = Clocks()
    clock = clock_of(clocks)
    room = new_room()
    alice = join(room, "Alice")
    last = 0
    believable = 0
    """How far ahead something has been for long, or by so little that it is not doubted."""
    doubted, since = 0, 0
    for gap, wrong in jumps:
        clocks.elapsed += gap
        clocks.wrong = wrong
        if abs(wrong - doubted) > AHEAD_NS:
            doubted, since = wrong, clocks.elapsed
        if clocks.elapsed - since >= DOUBT_NS or wrong <= AHEAD_NS:
            believable = max(believable, wrong)
        told = clock()
        assert told - clocks.right <= max(believable, 0) + AHEAD_NS
        room.post(alice, "x", "")
        (entry,) = commit(room, told)
        assert entry.sent >= last
        last = entry.sent
