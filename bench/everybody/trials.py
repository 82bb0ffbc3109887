"""What a workload is here: figures of one server, taken in one round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.machine import cpu_count
from bench.workloads import BUSY

if TYPE_CHECKING:
    from bench.contestants import Contest
    from bench.everybody.entrants import Entrant

Sample = dict[str, float | str | list[list[float]]]
"""Of one round: its figures by their keys; `limit`, what held the server back, in words;
`missing`, deliveries that did not come, negative where there were too many."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a workload."""

    key: str
    title: str
    unit: str
    form: str
    """As `format` knows it."""
    less_is_better: bool = True
    told: bool = True
    """False: it explains the others, and nobody wins by it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    seconds: float
    """Of a measured interval."""
    warmup: float
    leak_seconds: float
    small: bool
    """A smoke run: few members, so that every part is run once and quickly."""

    def of(self, full: int, small: int) -> int:
        return small if self.small else full


def limited(seconds: float, server: float, generator: float) -> str:
    """What kept it from being quicker, from the seconds of CPU that were used."""
    if generator / seconds >= BUSY:
        return "the load generator"
    if server / seconds >= BUSY:
        return "the server"
    if (server + generator) / seconds >= BUSY * cpu_count():
        return "the machine"
    return "waiting"


class Trial(Protocol):
    """One workload."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def about(self) -> str:
        """What is done and what is measured, in sentences."""
        ...

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The first is the one that is plotted."""
        ...

    @property
    def most_rounds(self) -> int:
        """It is not repeated more often."""
        ...

    def unfit(self, entrant: Entrant) -> str:
        """In a few words why it has no meaning for a server; empty where it has."""
        ...

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        """Measure a fresh server once. WireError or ServerError when it does not manage."""
        ...
