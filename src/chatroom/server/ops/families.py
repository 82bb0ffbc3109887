"""Families of metrics, made of plain numbers: what Prometheus' text is written of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from chatroom.server.counters import Histogram


def gauge(name: str, says: str, value: float) -> Metric:
    """A number that rises and falls."""
    return GaugeMetricFamily(name, says, value=value)


def perhaps(name: str, says: str, values: Iterable[float]) -> Metric:
    """A number that there may be: of no values the name alone is there."""
    family = GaugeMetricFamily(name, says, labels=())
    for value in values:
        family.add_metric((), value)
    return family


def gauges(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    """One for each value of a label."""
    family = GaugeMetricFamily(name, says, labels=(label,))
    for of, value in values.items():
        family.add_metric((of,), value)
    return family


def counter(name: str, says: str, value: float) -> Metric:
    """A number that only rises; its name ends with `_total`."""
    return CounterMetricFamily(name, says, value=value)


def counters(
    name: str, says: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    """One for each row of the labels' values."""
    family = CounterMetricFamily(name, says, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


def histogram(name: str, says: str, of: Histogram) -> Metric:
    """How often a value was at most so large, each bound with all below it."""
    bounds = [*map(floatToGoString, of.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(of.counts)), strict=True))
    return HistogramMetricFamily(name, says, buckets=buckets, sum_value=of.total)


def each(values: Mapping[str, float]) -> list[tuple[tuple[str, ...], float]]:
    """The rows of a single label."""
    return [((of,), value) for of, value in values.items()]
