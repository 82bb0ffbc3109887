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
