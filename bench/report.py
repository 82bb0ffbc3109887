"""The figures as tables for a person and as plain values for JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from bench.contestants import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bench.workloads import Measurement, Workload

Setting = dict[str, str | int | float]

MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One figure: its name in two lines, where it comes from, and how it is shown."""

    above: str
    below: str
    value: Callable[[Measurement], float]
    form: str
    ratio: bool = True


COLUMNS = (
    Column("", "deliveries/s", lambda m: m.rate, ",.0f"),
    Column("server µs", "a delivery", lambda m: m.cost, ".2f"),
    Column("p50", "ms", lambda m: m.p50_ms, ".2f"),
    Column("p99", "ms", lambda m: m.p99_ms, ".2f"),
    Column("RSS", "MiB", lambda m: m.resident / MIB, ".0f"),
    Column("peak", "MiB", lambda m: m.peak / MIB, ".0f"),
    Column("CPUs used:", "server", lambda m: m.server_cpu / m.seconds, ".2f", ratio=False),
    Column("its busiest", "thread", lambda m: m.busiest_thread / m.seconds, ".2f", ratio=False),
    Column("the load", "generator", lambda m: m.generator_cpu / m.seconds, ".2f", ratio=False),
    Column("generator", "µs each", lambda m: m.generator_cost, ".2f", ratio=False),
    Column("everything", "else", lambda m: m.others, ".2f", ratio=False),
)


def heading(setting: Setting) -> str:
    """What all tables have in common."""
    journal = setting["journal"]
    if "journal_filesystem" in setting:
        journal = f"{journal}, on {setting['journal_filesystem']}"
    return (
        f"{setting['cpus']} CPUs ({setting['cpu']}), Python {setting['python']},"
        f" {setting['system']}\n"
        f"chatroom's journal: {journal}; before is revision {setting['before']} with the same;"
        " the others keep nothing\n"
        f"64-byte messages, senders in each room: {setting['senders']};"
        f" median of {setting['rounds']} rounds of {setting['seconds']:g} s, the servers in turn\n"
        "a CPU figure of 1.00 is one CPU in full use; the load generator is one thread\n"
    )


def table(workload: Workload, of_peer: Mapping[str, Sequence[Measurement]]) -> str:
    """One workload: a row for each server, one for each ratio, and what was the limit."""
    lines = [
        f"{workload.name}: {workload.title}",
        _row("", [column.above for column in COLUMNS]),
        _row("", [column.below for column in COLUMNS]),
    ]
    medians = {
        peer: [statistics.median(map(column.value, taken)) for column in COLUMNS]
        for peer, taken in of_peer.items()
    }
    for peer, values in medians.items():
        shown = (format(value, column.form) for value, column in zip(values, COLUMNS, strict=True))
        lines.append(_row(peer, list(shown)))
    for peer in _others(medians):
        pairs = zip(medians[OURS], medians[peer], COLUMNS, strict=True)
        ratios = [_ratio(ours, theirs) if column.ratio else "" for ours, theirs, column in pairs]
        lines.append(_row(f"{OURS} / {peer}", ratios))
    for peer, taken in of_peer.items():
        limits = Counter(measurement.limit(workload) for measurement in taken)
        lines.extend(
            f"  {peer} was limited by {limit} ({count} of {len(taken)} rounds)"
            for limit, count in limits.items()
        )
        lines.extend(
            f"  NOT EXACT: {measurement.missing:,} deliveries of {peer} are missing"
            for measurement in taken
            if measurement.missing
        )
    return "\n".join(lines) + "\n"


def summary(taken: Mapping[str, Mapping[str, Sequence[Measurement]]]) -> str:
    """The server's CPU for a delivery in all workloads, and ours by each of the others'."""
    peers = list(next(iter(taken.values())))
    others = _others(peers)
    lines = [
        "CPU of the server a delivery, µs",
        _row("", [*peers, *(f"{OURS} /" for _ in others)]),
    ]
    if others:
        lines.append(_row("", [*("" for _ in peers), *others]))
    for workload, of_peer in taken.items():
        cost = {
            peer: statistics.median(measurement.cost for measurement in measurements)
            for peer, measurements in of_peer.items()
        }
        shown = [f"{cost[peer]:.2f}" for peer in peers]
        ratios = [_ratio(cost[OURS], cost[peer]) for peer in others]
        lines.append(_row(workload, [*shown, *ratios]))
    return "\n".join(lines)


def _others(peers: Collection[str]) -> list[str]:
    """Those that ours is compared with."""
    return [peer for peer in peers if peer != OURS] if OURS in peers else []


def _row(name: str, cells: list[str]) -> str:
    return f"  {name:<20}" + "".join(f"{cell:>13}" for cell in cells).rstrip()


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs > 0 else "?"


def as_json(
    setting: Setting, taken: Mapping[str, Mapping[str, Sequence[Measurement]]]
) -> dict[str, Any]:
    """Every measurement of every round, by workload and server, in the units of their fields."""
    return {
        "setting": setting,
        "workloads": {
            workload: {
                server: [
                    {**dataclasses.asdict(m), "rate": m.rate, "us_a_delivery": m.cost}
                    for m in measurements
                ]
                for server, measurements in of_server.items()
            }
            for workload, of_server in taken.items()
        },
    }
