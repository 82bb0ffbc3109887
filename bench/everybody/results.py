"""What was measured, as it is kept: every round, and what a reader of it has to know."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bench.everybody.trials import Figure, Sample

ONE_ROUND = 0.1
"""Figures of one round on a machine that does nothing else may differ by so much."""

Cell = dict[str, Any]
"""`unfit`: why a workload has no meaning for a server; or `samples`, of each round that
succeeded, and `failed`, what was said where one did not."""


ALIKE = ("cpus", "cpu", "system", "rounds", "seconds", "smoke")
"""What two runs that stand on one page have in common."""


class MixedError(Exception):
    """Two runs do not belong on one page."""


@dataclass(slots=True)
class Results:
    """One run."""

    setting: dict[str, Any] = field(default_factory=dict)
    """The machine, its load, the command, the date, and what was asked for."""
    entrants: dict[str, dict[str, str]] = field(default_factory=dict)
    """Version and title of each server that took part, and what it keeps."""
    missing: dict[str, str] = field(default_factory=dict)
    """Servers that could not be run, and why."""
    workloads: dict[str, dict[str, Cell]] = field(default_factory=dict)
    """By the names of workloads and servers."""

    def cell(self, workload: str, entrant: str) -> Cell:
        return self.workloads.setdefault(workload, {}).setdefault(entrant, {})

    def add(self, workload: str, entrant: str, sample: Sample) -> None:
        self.cell(workload, entrant).setdefault("samples", []).append(sample)

    def take(self, earlier: Results, workloads: Collection[str], entrants: Collection[str]) -> None:
        """Begin with an earlier run of the same kind, but for these servers in these workloads.

        MixedError where it was taken on another machine or with other rounds.
        """
        for name in ALIKE:
            mine, its = self.setting[name], earlier.setting[name]
            if mine != its:
                raise MixedError(f"the earlier run had {name} {its}, this one has {mine}")
        self.entrants |= earlier.entrants
        self.missing |= earlier.missing
        for workload, cells in earlier.workloads.items():
            anew = entrants if workload in workloads else ()
            kept = {name: cell for name, cell in cells.items() if name not in anew}
            if kept:
                self.workloads[workload] = kept
        for name in ("command", "date"):
            self.setting[name] = f"{earlier.setting[name]}\n{self.setting[name]}"
        self.setting["minutes"] += earlier.setting["minutes"]
        self.setting["load_before"] = earlier.setting["load_before"]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(vars_of(self), indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Results:
        return cls(**json.loads(file.read_text()))

    def inexact(self) -> list[str]:
        """Where messages were lost or doubled."""
        return [
            f"{workload}: {entrant}, {sample['missing']:,} deliveries"
            for workload, cells in self.workloads.items()
            for entrant, cell in cells.items()
            for sample in cell.get("samples", ())
            if sample["missing"]
        ]

    def failed(self) -> list[str]:
        """What did not come to its end."""
        return [
            f"{workload}: {entrant}: {cell['failed']}"
            for workload, cells in self.workloads.items()
            for entrant, cell in cells.items()
            if "failed" in cell
        ]


def vars_of(results: Results) -> dict[str, Any]:
    return {name: getattr(results, name) for name in Results.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the rounds."""

    median: float
    least: float
    most: float
    rounds: int

    def apart(self, other: Spread) -> bool:
        """No round of one is within the rounds of the other.

        Where one has a single round its spread is not known: then they are apart by more than
        `ONE_ROUND` of the smaller.
        """
        gap = max(other.least - self.most, self.least - other.most)
        if min(self.rounds, other.rounds) > 1:
            return gap > 0
        return gap > ONE_ROUND * min(abs(self.median), abs(other.median))


def spread(cell: Cell, figure: Figure) -> Spread | None:
    """Of the exact rounds that have the figure; None where there is none."""
    values = [
        float(sample[figure.key])
        for sample in cell.get("samples", ())
        if figure.key in sample and not sample["missing"]
    ]
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(values))
