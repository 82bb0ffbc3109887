"""Rates and quantiles of two moments."""

from __future__ import annotations

import math

import pytest

from chatroom.server.top.figures import Figures
from chatroom.server.top.moment import Moment

from .moments import moment, room

SEEN, TOOK = "chatroom_x_total", "chatroom_y_seconds"


def buckets(at: float, *counts: float) -> Moment:
    """Of a histogram with bounds 0.1 and 0.5."""
    values = dict(zip(("0.1", "0.5", "+Inf"), counts, strict=True))
    return moment(at, samples={f"{TOOK}_bucket": ("le", values)})


def test_rates_are_a_second() -> None:
    """Of all labels, or of those that are wanted."""
    before = moment(10.0, samples={SEEN: ("kind", {"a": 5, "b": 0})})
    now = moment(12.0, samples={SEEN: ("kind", {"a": 8, "b": 1})})
    figures = Figures.of(now, before)
    assert (2.0, 1.5, 4.0) == (
        figures.rate(SEEN), figures.rate(SEEN, kind="a"), figures.more(SEEN)
    )  # fmt: skip
    assert [("a", 1.5), ("b", 0.5)] == list(figures.rates(SEEN, "kind").items())


def test_one_moment_has_no_rates() -> None:
    figures = Figures.of(moment(10.0, samples={SEEN: 5}), None)
    assert (None, None, None) == (
        figures.rate(SEEN), figures.more(SEEN), figures.quantile(TOOK, 0.5)
    )  # fmt: skip
    assert {} == figures.rates(SEEN, "kind")


def test_what_another_process_has_counted_is_not_subtracted() -> None:
    """The server was started anew: its counters are smaller."""
    began = "chatroom_start_time_seconds"
    before = moment(10.0, samples={SEEN: 500, began: 1})
    assert Figures.of(moment(12.0, samples={SEEN: 5, began: 2}), before).rate(SEEN) is None
    assert 0.0 == Figures.of(moment(12.0, samples={SEEN: 500, began: 1}), before).rate(SEEN)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((10, 10, 10), 0.5, 0.05),
        ((10, 10, 10), 0.99, 0.099),
        ((0, 10, 10), 0.5, 0.3),
        ((5, 10, 10), 0.75, 0.3),
        ((0, 0, 10), 0.5, math.inf),
        ((9, 9, 10), 0.95, math.inf),
        ((0, 0, 0), 0.5, None),
    ],
)
def test_quantiles_are_those_of_prometheus(
    counts: tuple[float, ...], share: float, expected: float | None
) -> None:
    """Evenly spread within a bucket; above the last bound it is not known how far."""
    before, now = (
        buckets(0.0, 7, 8, 9),
        buckets(1.0, *[a + b for a, b in zip(counts, (7, 8, 9), strict=True)]),
    )
    found = Figures(now, before).quantile(TOOK, share)
    assert expected == (round(found, 6) if found is not None else None)


def test_the_busiest_rooms() -> None:
    """By what was said in between; of a room that was not looked at before that is not known."""
    before = moment(0.0, rooms=(room(1, 100), room(2, 5000)))
    now = moment(2.0, rooms=(room(1, 140), room(2, 5002), room(3, 9)))
    rows = Figures.of(now, before).rooms("messages")
    assert [(1, 20.0), (2, 1.0), (3, None)] == [(each.key, said) for each, said in rows]


@pytest.mark.parametrize("sort", ["members", "readers", "behind", "kept"])
def test_rooms_by_something_else(sort: str) -> None:
    now = moment(rooms=(room(1, **{sort: 1}), room(2, **{sort: 3}), room(3, **{sort: 2})))
    assert [2, 3, 1] == [each.key for each, _ in Figures(now).rooms(sort)]
