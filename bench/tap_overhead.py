"""What the tap costs a conversation: the workloads of `bench.fanout`, with it and without.

`--faults` compares the plain tap with `chatwire fault` and a plan that fits nothing: one rule
about the messages of a service that nobody calls.

Run from the root of the repository as `python -m bench.tap_overhead`. Both ways are
measured in turn in one run, so that the ratio is of the same machine and minute. With 2
CPUs the server, the load generator, the tap and the process that decodes share them: the
ratio of deliveries is then mostly that of CPU time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.contestants import OURS, Contest, Journal, crowd
from bench.machine import describe, process_cost
from bench.options import run_cleanly
from bench.servers import Server, launched, temporary
from bench.workloads import WORKLOADS, Measurement, Workload, measure

WAYS = ("direct", "tapped")
WITH_FAULTS = ("tapped", "faulty")
NOTHING = ("fault", "--drop", 'method /nobody.Calls/* text "this"')


@dataclass(frozen=True, slots=True)
class Taken:
    """One measurement, and the CPU seconds of the tap and of its decoding process meanwhile."""

    measured: Measurement
    passing: float = 0.0
    decoding: float = 0.0
    seconds: float = 1.0
    """Of those: from the first join to the last delivery."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.tap_overhead")
    add = parser.add_argument
    add("--workload", choices=WORKLOADS, action="append", help="may be repeated; default: two")
    add("--seconds", type=float, default=5, help="of each measured interval (default 5)")
    add("--warmup", type=float, default=1, help="seconds of talk before it (default 1)")
    add("--rounds", type=int, default=2, help="of both ways in turn; the median is shown")
    add("--faults", action="store_true", help="compare the plain tap with an idle plan")
    return parser.parse_args()


def taken(way: str, workload: Workload, chosen: argparse.Namespace) -> Taken:
    """Measure one way with a fresh server, which keeps its rooms in memory."""
    with Contest(Journal(in_memory=True)).running(OURS) as server:
        if way == "direct":
            return Taken(measured(server, workload, chosen))
        with temporary() as directory:
            command = ["-m", "chatroom.chatwire", *(NOTHING if way == "faulty" else ()),
                       "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{server.port}"]  # fmt: skip
            with launched(command, directory) as tap:
                (child,) = children(tap.process.pid)
                before = process_cost(tap.process.pid).cpu, process_cost(child).cpu
                through = replace(server, port=tap.port)
                begin = time.monotonic()
                result = measured(through, workload, chosen)
                seconds = time.monotonic() - begin
                after = tap.cost().cpu, process_cost(child).cpu
                return Taken(result, after[0] - before[0], after[1] - before[1], seconds)


def measured(server: Server, workload: Workload, chosen: argparse.Namespace) -> Measurement:
    with crowd(OURS, server.port) as members:
        return measure(workload, server, members, seconds=chosen.seconds, warmup=chosen.warmup)


def children(pid: int) -> list[int]:
    """The processes that a process has started (Linux)."""
    return [
        int(number)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for number in (task / "children").read_text().split()
    ]


def shown(workload: Workload, of_way: dict[str, list[Taken]]) -> str:
    """A table with the ratio below it."""
    lines = [
        f"\n{workload.title}",
        f"{'':8} deliveries/s   p50 ms   p99 ms  CPUs: passing  decoding",
    ]
    rates, halves, costs, wholes = {}, {}, {}, {}
    for way, every in of_way.items():
        rates[way] = statistics.median(one.measured.rate for one in every)
        halves[way] = statistics.median(one.measured.p50_ms for one in every)
        p99 = statistics.median(one.measured.p99_ms for one in every)
        passing = statistics.median(one.passing / one.seconds for one in every)
        decoding = statistics.median(one.decoding / one.seconds for one in every)
        lines.append(
            f"{way:8} {rates[way]:12,.0f} {halves[way]:8.2f} {p99:8.2f}"
            f" {passing:14.2f} {decoding:9.2f}"
        )
        costs[way] = passing / rates[way]
        wholes[way] = (passing + decoding) / rates[way]
    before, after = of_way
    lines.append(
        f"{after} : {before}   deliveries {rates[after] / rates[before]:.2f}, "
        f"p50 {halves[after] / halves[before]:.2f}"
        + (
            f", CPU of passing a delivery {costs[after] / costs[before]:.2f}, "
            f"of passing and decoding it {wholes[after] / wholes[before]:.2f}"
            if costs[before]
            else ""
        )
    )
    return "\n".join(lines)


def run(chosen: argparse.Namespace) -> int:
    """Measure and print; the exit code: 1 if a message did not arrive."""
    about = describe()
    print(f"{about['cpus']} CPUs ({about['cpu']}), Python {about['python']}, {about['system']}")
    exact = True
    for name in chosen.workload or ("room-100", "steady-200"):
        workload = WORKLOADS[name]
        ways = WITH_FAULTS if chosen.faults else WAYS
        of_way: dict[str, list[Taken]] = {way: [] for way in ways}
        for _ in range(chosen.rounds):
            for way in ways:
                of_way[way].append(taken(way, workload, chosen))
                exact = exact and of_way[way][-1].measured.missing == 0
        print(shown(workload, of_way), flush=True)
    return 0 if exact else 1


def main() -> int:
    chosen = arguments()
    return run_cleanly("tap_overhead", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
