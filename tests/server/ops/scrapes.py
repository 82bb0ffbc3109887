"""What a scrape says, read by the parsers of Prometheus' own library."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from .looking import Seen, Watched

Labels = tuple[tuple[str, str], ...]


class Scrape:
    """All samples of one moment."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.at = time.time()
        """When it was, in seconds since 1970."""
        self.families = {family.name: family for family in families}
        self.samples: dict[tuple[str, Labels], float] = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def of(self, name: str, **labels: str) -> float:
        """A sample's value; 0 for one that is not there, as long as its family is."""
        assert any(name.startswith(family) for family in self.families), name
        return self.samples.get((name, tuple(sorted(labels.items()))), 0.0)

    def since(self, before: Scrape, *, of: str) -> dict[tuple[str, ...], float]:
        """By how much samples of this name have changed, by their labels' values in the order of
        the labels' names."""
        return {
            tuple(value for _, value in labels): value - before.samples.get((name, labels), 0.0)
            for (name, labels), value in self.samples.items()
            if name == of and value != before.samples.get((name, labels), 0.0)
        }

    def forget(self, name: str) -> None:
        """As if these samples had not been there."""
        self.samples = {key: value for key, value in self.samples.items() if key[0] != name}


async def scraped(ops: Watched) -> Scrape:
    return parsed(await ops.get("/metrics"))


def parsed(seen: Seen) -> Scrape:
    assert (200, "text/plain; version=0.0.4; charset=utf-8") == (
        seen.status,
        seen.headers["content-type"],
    )
    return Scrape(text_string_to_metric_families(seen.body))


def open_metrics(text: str) -> Scrape:
    return Scrape(open_metrics_families(text))
