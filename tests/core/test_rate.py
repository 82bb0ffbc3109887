"""How fast one member may send, and how often each of many may do something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.rate import Buckets, Pace, TokenBucket


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


def test_it_is_known_how_many_there_are_and_when_there_are_more() -> None:
    """Asking takes nothing."""
    bucket = TokenBucket(10, 20, now=0.0)
    assert (20, 0.0, 0.5) == (bucket.ready(0.0), bucket.wait(0.0, 20), bucket.wait(0.0, 25))
    assert 20 == bucket.take_some(25, 0.0)
    assert (0, 0.1) == (bucket.ready(0.0), bucket.wait(0.0))
    assert 0.0 == TokenBucket(0, 1, now=0.0).wait(0.0, 1_000)


def test_what_was_not_needed_is_given_back() -> None:
    """As if it had not been taken."""
    bucket = TokenBucket(10, 20, now=0.0)
    assert 15 == bucket.take_some(15, 0.0)
    bucket.give_back(5)
    assert 10 == bucket.ready(0.0)


def test_each_key_has_a_bucket() -> None:
    """Three at once, one again after a third of the time, and others have their own."""
    buckets = Buckets(Pace(3, 30.0), kept=10)
    assert [0.0, 0.0, 0.0, 10.0] == [buckets.take("ann", 0.0) for _ in range(4)]
    assert 0.0 == buckets.take("bob", 0.0)
    assert 4.0 == buckets.wait("ann", 6.0)
    assert [0.0, 10.0] == [buckets.take("ann", 10.0) for _ in range(2)]
    assert [0.0, 0.0, 0.0, 10.0] == [buckets.take("ann", 1_000.0) for _ in range(4)]


def test_no_tokens_at_all_is_no_limit() -> None:
    """The flag's 0 turns it off, and nothing is remembered."""
    buckets = Buckets(Pace(0, 0.0), kept=10)
    assert [0.0] * 1000 == [buckets.take("ann", 0.0) for _ in range(1000)]
    assert 0 == len(buckets)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from("abc")), max_size=200),
    st.integers(1, 9),
    st.floats(0.5, 50),
)
def test_buckets_are_token_buckets(
    turns: list[tuple[float, str]], count: int, seconds: float
) -> None:
    """Whatever the times, each key passes within the bound, and is told when it may."""
    buckets = Buckets(Pace(count, seconds), kept=3)
    now = 0.0
    passed = dict.fromkeys("abc", 0)
    for gap, key in turns:
        now += gap
        wait = buckets.take(key, now)
        passed[key] += wait == 0.0
        assert passed[key] <= count + count * now / seconds + 1e-6
        assert 0.0 <= wait <= seconds / count + 1e-6
        assert 0.0 == buckets.wait(key, now + wait + 1e-6) or not wait


def test_so_many_are_remembered_and_full_ones_go_first() -> None:
    """A flood under ever new keys takes no more memory, and whoever is limited stays so."""
    buckets = Buckets(Pace(2, 20.0), kept=100)
    assert [0.0, 0.0] == [buckets.take("mallory", 0.0) for _ in range(2)]
    for number in range(99):
        buckets.take(f"{number}", 0.0)
    for number in range(99, 100_000):
        buckets.take(f"{number}", 11.0)  # by then those that were used once are full
        if number < 190:
            assert 0.0 < buckets.wait("mallory", 5.0)
        assert 100 == len(buckets)


def test_where_none_is_full_the_oldest_goes() -> None:
    """A newcomer is let in, and is remembered."""
    buckets = Buckets(Pace(1, 10.0), kept=2)
    assert [0.0, 0.0, 0.0] == [buckets.take(key, 0.0) for key in "abc"]
    assert [0.0, 10.0, 10.0] == [buckets.wait(key, 0.0) for key in "abc"]
