"""Sentences made from the figures: who is ahead, where we lose, what was asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.contestants import FULL, MEMORY, OURS
from bench.everybody.entrants import LIMIT, OF_OURS
from bench.everybody.results import spread
from bench.everybody.workloads import TRIALS

if TYPE_CHECKING:
    from bench.everybody.results import Cell, Results, Spread
    from bench.everybody.trials import Figure, Trial


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that DESIGN.md asks for."""

    workload: str
    key: str
    asked: float


GOALS = (
    Goal("room-100", "us_a_delivery", 0.35),
    Goal("rooms-20x10", "us_a_delivery", 1.0),
    Goal("room-1000", "us_a_delivery", 0.3),
    Goal("steady-200", "us_a_delivery", 12),
    Goal("idle-own", "kib_a_member", 7),
    Goal("joins-5000", "rate", 2_000),
)


def shown(value: float, figure: Figure) -> str:
    """A figure with its unit."""
    return f"{value:{figure.form}} {figure.unit}".rstrip()


def goals(results: Results) -> list[str]:
    """A row of a table for each goal that was measured."""
    rows = []
    for goal in GOALS:
        trial = TRIALS[goal.workload]
        figure = next(one for one in trial.figures if one.key == goal.key)
        found = spread(_cell(results, goal.workload, OURS), figure)
        if found is None:
            continue
        ratio = found.median / goal.asked
        if figure.less_is_better:
            verdict = "reached" if ratio <= 1 else f"missed: {ratio:.2f} times what was asked"
        else:
            verdict = "reached" if ratio >= 1 else f"missed: {ratio:.2f} of what was asked"
        rows.append(
            f"| {trial.title}: {figure.title} | {shown(goal.asked, figure)} |"
            f" {shown(found.median, figure)} | {verdict} |"
        )
    return rows


def losses(results: Results) -> list[str]:
    """A line for each figure in which somebody is ahead of ours, whatever it keeps."""
    lines = []
    for name, trial in TRIALS.items():
        for figure in trial.figures:
            ours = spread(_cell(results, name, OURS), figure)
            if ours is None or not figure.told:
                continue
            ahead = [
                f"{_title(results, rival)} {shown(theirs.median, figure)}"
                f" ({results.entrants[rival]['keeps']})"
                for rival, theirs in rivals(results, name, figure)
                if better(theirs, ours, figure) and theirs.apart(ours)
            ]
            if ahead:
                lines.append(
                    f"- **{trial.title}, {figure.title}:** ours {shown(ours.median, figure)};"
                    f" {'; '.join(ahead)}."
                )
    return lines


def verdict(results: Results, trial: Trial) -> list[str]:
    """Where ours stands by the workload's first figure, among all, and among those like it."""
    figure = trial.figures[0]
    sentences = []
    everyone = rivals(results, trial.name, figure)
    if told := _standing(results, trial.name, figure, OURS, everyone):
        sentences.append(told)
    for variant in (FULL, MEMORY):
        kept = results.entrants.get(variant, {}).get("keeps")
        alike = [one for one in everyone if results.entrants[one[0]]["keeps"] == kept]
        if told := _standing(results, trial.name, figure, variant, alike):
            sentences.append(told)
    return sentences


def rivals(results: Results, workload: str, figure: Figure) -> list[tuple[str, Spread]]:
    """The others that have the figure, the best first; neither ours nor the limit."""
    found = [
        (name, had)
        for name, cell in results.workloads.get(workload, {}).items()
        if name not in OF_OURS and name != LIMIT and (had := spread(cell, figure))
    ]
    return sorted(found, key=lambda one: one[1].median, reverse=not figure.less_is_better)


def better(one: Spread, other: Spread, figure: Figure) -> bool:
    if figure.less_is_better:
        return one.median < other.median
    return one.median > other.median


def limits(results: Results, workload: str) -> list[str]:
    """What held each back, in words, the servers of one limit together."""
    found: dict[str, list[str]] = {}
    for name, cell in results.workloads[workload].items():
        counted = Counter(sample["limit"] for sample in cell.get("samples", ()))
        for limit, rounds in counted.items():
            if limit:
                of_all = f" ({rounds} of {counted.total()} rounds)" if len(counted) > 1 else ""
                found.setdefault(limit, []).append(_title(results, name) + of_all)
    return [f"Limited by {limit}: {', '.join(names)}." for limit, names in found.items()]


def _standing(
    results: Results, workload: str, figure: Figure, mine: str, others: list[tuple[str, Spread]]
) -> str:
    """One server's place among others; nothing where there is nobody to compare with."""
    ours = spread(_cell(results, workload, mine), figure)
    if ours is None or not others:
        return ""
    groups: dict[str, list[str]] = {"loses to": [], "is level with": [], "is ahead of": []}
    for name, theirs in others:
        words = "is level with"
        if theirs.apart(ours):
            words = "loses to" if better(theirs, ours, figure) else "is ahead of"
        ratio = f"{theirs.median / ours.median:.2f} of ours" if ours.median > 0 else "no ratio"
        groups[words].append(f"{_title(results, name)} ({ratio})")
    said = "; ".join(f"{words} {', '.join(names)}" for words, names in groups.items() if names)
    own = f"{_title(results, mine)} has {shown(ours.median, figure)}"
    among = "" if mine == OURS else f" Of those that promise the same ({_keeps(results, mine)}):"
    return f"{figure.title[0].upper()}{figure.title[1:]}:{among} {own}. It {said}."


def _cell(results: Results, workload: str, name: str) -> Cell:
    return results.workloads.get(workload, {}).get(name, {})


def _title(results: Results, name: str) -> str:
    return results.entrants[name]["title"]


def _keeps(results: Results, name: str) -> str:
    return results.entrants[name]["keeps"]
