"""docs/benchmarks.md and its plots, made from what was measured and nothing else."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bench.contestants import OURS
from bench.everybody import words
from bench.everybody.entrants import LIMIT, OF_OURS
from bench.everybody.plot import Row, dots, lines
from bench.everybody.results import ONE_ROUND, spread
from bench.everybody.workloads import TRIALS
from bench.workloads import DRAIN_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from bench.everybody.results import Cell, Results
    from bench.everybody.trials import Figure, Trial

LATE = f" missing, or too many, {DRAIN_SECONDS} s after the last was said"
QUIET = 0.1
"""CPUs that others may use before the page warns of it."""
TINODE = (
    "Tinode is not among them: the Go module proxy does not bring it (and it wants a database"
    " server beside it)."
)


def write_page(results: Results, into: Path) -> None:
    """Write `benchmarks.md`, and the plots into `benchmarks/`, below a directory."""
    folder = into / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    sections = [
        _workload(results, trial, folder)
        for name, trial in TRIALS.items()
        if name in results.workloads
    ]
    parts = [*_opening(results), *_entrants(results), *_summary(results), *sections, _reading()]
    (into / "benchmarks.md").write_text("\n\n".join(parts) + "\n")


def _opening(results: Results) -> list[str]:
    setting = results.setting
    taken = f"{setting['rounds']} rounds" if setting["rounds"] > 1 else "one round"
    how = (
        f"Run on {', '.join(setting['date'].splitlines())}, in"
        f" {setting['minutes']:.0f} minutes: {taken} of"
        f" {setting['seconds']:g} s, the servers in turn within each round, each a fresh process."
        " A figure is the median of the rounds, with the least and the most beside it in brackets."
        " Some workloads take fewer rounds. What could not be measured is not there."
        f" The load generator's self-test (every member has every message once, in order, from"
        f" every server) {setting.get('self_test', 'was not run')}."
    )
    machine = (
        f"| | |\n|---|---|\n| CPUs | {setting['cpus']}, {setting['cpu']} |\n"
        f"| system | {setting['system']} |\n| Python | {setting['python']} |\n"
        f"| file system of the journals | {setting['filesystem']} |\n"
        f"| load average, before and after | {setting['load_before']:.2f},"
        f" {setting['load_after']:.2f} |"
    )
    parts = [
        "# Benchmarks: ours beside everybody's",
        "This page is generated. Do not edit it: run the command again.",
        f"```\n{setting['command']}\n```",
        how,
    ]
    if setting["smoke"]:
        parts.append("**This was a smoke run with a few members: the figures mean nothing.**")
    parts += ["## The machine", machine, _others(results)]
    return parts


def _others(results: Results) -> str:
    """How much of the machine belonged to somebody else."""
    used = [
        sample["others"]
        for cells in results.workloads.values()
        for cell in cells.values()
        for sample in cell.get("samples", ())
        if "others" in sample
    ]
    if not used:
        return ""
    middle, most = statistics.median(used), max(used)
    told = (
        f"Other programs used {middle:.2f} CPUs meanwhile (the median; {most:.2f} at most), of"
        f" {results.setting['cpus']}."
    )
    if middle > QUIET:
        return (
            f"**{told} The machine was not quiet.** Read how the servers compare, which all had"
            " the same neighbours in turn, and not the figures themselves."
        )
    return told


def _entrants(results: Results) -> list[str]:
    rows = [
        f"| {one['title']} | {one['version']} | {one['keeps']} | `{name}` |"
        for name, one in results.entrants.items()
    ]
    table = "| server | version | a message | `--peers` |\n|---|---|---|---|\n"
    left_out = [f"- `{name}`: {why}" for name, why in results.missing.items()]
    parts = ["## Who took part", table + "\n".join(rows)]
    if left_out:
        parts.append("Left out, for they were not there:\n\n" + "\n".join(left_out))
    parts.append(TINODE)
    parts.append(
        "The machine's limit is no chat server: it copies frames that were made beforehand into"
        " the sockets of a room's members, and does nothing else"
        " ([bench/peers/limit.c](../bench/peers/limit.c))."
    )
    return parts


def _summary(results: Results) -> list[str]:
    parts = []
    if goals := words.goals(results):
        parts += [
            "## What the design asks for",
            "| | goal | measured | |\n|---|---|---|---|\n" + "\n".join(goals),
            "Where our time goes is in [decision 13](decisions/0013-http2-of-our-own.md).",
        ]
    if OURS in results.entrants:
        lost = words.losses(results)
        told = (
            "Each line is a figure in which others are ahead of ours (sync normal), with no round"
            " of theirs within the rounds of ours. Mind what each keeps."
        )
        if results.setting["rounds"] == 1:
            told += (
                " With one round there is no spread to judge by: what differs by less than"
                f" {ONE_ROUND:.0%} is called level."
            )
        parts += ["## Where we lose", told + "\n\n" + "\n".join(lost) if lost else "Nowhere."]
    failed = [*results.failed(), *(line + LATE for line in results.inexact())]
    if failed:
        parts += ["## What failed", "\n".join(f"- {line}" for line in failed)]
    return parts


def _workload(results: Results, trial: Trial, folder: Path) -> str:
    cells = results.workloads[trial.name]
    parts = [f"## {trial.title[0].upper()}{trial.title[1:]}", trial.about]
    for file, picture in _plots(results, trial):
        (folder / file).write_text(picture)
        parts.append(f"![{trial.title}](benchmarks/{file})")
    heads = [f"{one.title}{', ' + one.unit if one.unit else ''}" for one in trial.figures]
    table = f"| | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}\n"
    rows = [
        _row(results, trial, name, cells[name])
        for name in results.entrants
        if name in cells and "unfit" not in cells[name] and cells[name]
    ]
    parts.append(table + "\n".join(rows))
    if unfit := _unfit(results, cells):
        parts.append(unfit)
    parts += words.verdict(results, trial)
    parts += [" ".join(told)] if (told := words.limits(results, trial.name)) else []
    return "\n\n".join(parts)


def _row(results: Results, trial: Trial, name: str, cell: Cell) -> str:
    shown = [_figure(cell, figure) for figure in trial.figures]
    if not any(shown):
        shown = ["failed", *("" for _ in shown[1:])]
    title = results.entrants[name]["title"]
    return f"| {f'**{title}**' if name in OF_OURS else title} | {' | '.join(shown)} |"


def _figure(cell: Cell, figure: Figure) -> str:
    found = spread(cell, figure)
    if found is None:
        return ""
    median = format(found.median, figure.form)
    if found.rounds == 1:
        return median
    return f"{median} ({found.least:{figure.form}} to {found.most:{figure.form}})"


def _unfit(results: Results, cells: dict[str, Cell]) -> str:
    """Why others are not in the table, the same reasons together."""
    reasons: dict[str, list[str]] = {}
    for name, cell in cells.items():
        if "unfit" in cell:
            reasons.setdefault(cell["unfit"], []).append(results.entrants[name]["title"])
    told = [f"{', '.join(names)}: {why}." for why, names in reasons.items()]
    return "Without a meaning for others. " + " ".join(told) if told else ""


def _plots(results: Results, trial: Trial) -> list[tuple[str, str]]:
    """File names and pictures: the first figure, and memory over time where that was noted."""
    figure = trial.figures[0]
    rows = []
    series = []
    for name, cell in results.workloads[trial.name].items():
        title = results.entrants[name]["title"]
        kind = "ours" if name in OF_OURS else "limit" if name == LIMIT else "other"
        if found := spread(cell, figure):
            shown = words.shown(found.median, figure)
            median, least, most = (
                _rounded(value, figure) for value in (found.median, found.least, found.most)
            )
            rows.append(Row(title, median, least, most, shown, kind))
        for sample in cell.get("samples", ()):
            if "series" in sample:
                points = [(seconds / 60, mib) for seconds, mib, _ in sample["series"]]
                series.append((title, kind, points))
    if series:
        return [(f"{trial.name}.svg", lines(f"{trial.title}: memory", "MiB", series))]
    if not rows:
        return []
    rows.sort(key=lambda row: row.median, reverse=not figure.less_is_better)
    better = "less is better" if figure.less_is_better else "more is better"
    title = f"{trial.title}: {figure.title} ({better})"
    return [(f"{trial.name}.svg", dots(title, figure.unit, rows))]


def _rounded(value: float, figure: Figure) -> float:
    """As it is shown: what is shown as nothing is nothing in a plot, too."""
    return float(format(value, figure.form.replace(",", "")))


def _reading() -> str:
    return (
        "## How to read this\n\n"
        "Load generator and server share the machine; the generator is one thread, the same for"
        " all, with a client for each protocol that allocates next to nothing for a message"
        " ([bench/README.md](../bench/README.md) has it in full). It writes 64 bytes of text a"
        " message, and reads as fast as it can: no window of its own holds a server back. CPU of"
        " the server is the user and system time of its process, which a busy machine disturbs"
        " less than a rate. Latencies are from sending to reading, as the generator sees it."
        " Limited by the machine: its CPUs were full, with what other programs took of them."
        " By windows: flow control kept those who speak from sending. By waiting: no CPU was full,"
        " and messages in flight wait for one another, for the disk, or for other programs.\n\n"
        "The servers promise different things. One that keeps nothing has less to do than one that"
        " writes every message to disk before anybody sees it, and a broker that tells nobody who"
        " comes has less to do than a chat room. So read a figure beside what a server keeps.\n\n"
        "Every round is in [benchmarks/results.json](benchmarks/results.json). To run it again:"
        " `make benchmarks`; `ARGS='--rounds 1 --seconds 3 --leak-seconds 120'` makes it short."
    )
