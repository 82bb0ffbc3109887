"""How fast one member may send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.rate import TokenBucket


def test_a_burst_then_the_rate() -> None:
    """Twenty at once, the next after a tenth of a second."""
    bucket = TokenBucket(10, 20, now=0.0)
    assert [0.0] * 20 == [bucket.take(0.0) for _ in range(20)]
    assert 0.1 == bucket.take(0.0)
    assert 0.0 == bucket.take(0.1)


def test_a_rate_of_zero_is_no_limit() -> None:
    """The flag's 0 turns it off."""
    bucket = TokenBucket(0, 1, now=0.0)
    assert [0.0] * 1000 == [bucket.take(0.0) for _ in range(1000)]


@given(st.lists(st.floats(0, 3), max_size=200), st.floats(0.5, 50), st.integers(1, 30))
def test_no_interval_ever_sees_more_than_burst_and_rate_allow(
    gaps: list[float], rate: float, burst: int
) -> None:
    """Whatever the times, what passed since the start is within the bound."""
    bucket = TokenBucket(rate, burst, now=0.0)
    now, passed = 0.0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now) == 0.0
        assert passed <= burst + rate * now + 1e-6


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 9)), max_size=100))
def test_taking_some_is_taking_as_often_as_it_goes(turns: list[tuple[float, int]]) -> None:
    """One bucket is asked once, the other one token at a time: both are left alike."""
    one, other = TokenBucket(2, 5, now=0.0), TokenBucket(2, 5, now=0.0)
    now = 0.0
    for gap, wanted in turns:
        now += gap
        taken = 0
        while taken < wanted and other.take(now) == 0.0:
            taken += 1
        assert taken == one.take_some(wanted, now)
    assert 7 == TokenBucket(0, 1, now=0.0).take_some(7, 0.0)
