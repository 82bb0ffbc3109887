"""What a delivery to a browser costs the server, beside one to a native member.

Run from the root of the repository as `python -m bench.subscribers`. One room, everybody on
a connection of their own. The members are native ones (`Chat` over gRPC), then subscribers
in Connect's JSON: over HTTP/2, as a browser behind TLS is, and over HTTP/1.1, as one in
clear text is. Somebody else speaks in the room, who is native each time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import TYPE_CHECKING, Any

from bench.connect_crowd import ConnectCrowd
from bench.contestants import OURS, Contest, Journal
from bench.grpc_crowd import GrpcCrowd
from bench.machine import describe
from bench.options import run_cleanly
from bench.workloads import Measurement, Workload, measure

if TYPE_CHECKING:
    from bench.rooms import Crowd

NATIVE = "native"
KINDS = (NATIVE, "json-http2", "json-http1")
MOST = 2.0
"""How many times a native delivery one to a browser may cost."""


def crowd_of(kind: str, port: int) -> Crowd[Any]:
    """Members of one kind for a port."""
    return GrpcCrowd(port) if kind == NATIVE else ConnectCrowd(port, http2=kind == KINDS[1])


def measured(contest: Contest, kind: str, workload: Workload, seconds: float) -> Measurement:
    """One round of a fresh server."""
    with contest.running(OURS) as server:
        crowd = crowd_of(kind, server.port)
        try:
            return measure(workload, server, crowd, seconds=seconds, warmup=1)
        finally:
            crowd.loop.close()


def table(workload: Workload, taken: dict[str, list[Measurement]]) -> str:
    heads = ("deliveries/s", "server µs", "of native", "p50 ms", "p99 ms", "generator µs")
    lines = [workload.title, f"  {'':<12}" + "".join(f"{head:>14}" for head in heads)]

    def median(kind: str, name: str) -> float:
        return statistics.median(float(getattr(one, name)) for one in taken[kind])

    for kind in taken:
        of_native = median(kind, "cost") / median(NATIVE, "cost")
        lines.append(
            f"  {kind:<12}{median(kind, 'rate'):>14,.0f}{median(kind, 'cost'):>14.2f}"
            f"{of_native:>14.2f}{median(kind, 'p50_ms'):>14.1f}{median(kind, 'p99_ms'):>14.1f}"
            f"{median(kind, 'generator_cost'):>14.2f}"
        )
    return "\n".join(lines) + "\n"


def run(chosen: argparse.Namespace) -> int:
    """Measure every kind in turn, round by round; 1 where one costs too much, or was inexact."""
    contest = Contest(Journal(sync=chosen.sync))
    machine = describe()
    members = f"1 speaker and {chosen.members:,} others on connections of their own"
    print(
        f"{machine['cpus']} CPUs, Python {machine['python']}, {machine['system']}\n"
        f"{members}; median of {chosen.rounds} rounds of {chosen.seconds:g} s\n",
        flush=True,
    )
    people = chosen.members + 1
    workloads = (
        Workload("steady", f"{chosen.rate} messages a second", 1, people, rate=chosen.rate),
        Workload("flight", f"{chosen.in_flight} in flight", 1, people, in_flight=chosen.in_flight),
    )
    good = True
    for workload in workloads:
        taken: dict[str, list[Measurement]] = {kind: [] for kind in KINDS}
        for number in range(chosen.rounds):
            for kind, measurements in taken.items():
                print(f"  {kind}, round {number + 1}", file=sys.stderr, flush=True)
                measurements.append(measured(contest, kind, workload, chosen.seconds))
        print(table(workload, taken), flush=True)
        native = statistics.median(one.cost for one in taken[NATIVE])
        for kind, measurements in taken.items():
            good &= statistics.median(one.cost for one in measurements) <= MOST * native
            if missing := sum(abs(one.missing) for one in measurements):
                print(f"  NOT EXACT: {missing:,} deliveries to {kind} are missing, or too many")
                good = False
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.subscribers")
    add = parser.add_argument
    add("--members", type=int, default=500, help="who listen (default 500)")
    add("--rate", type=int, default=20, help="messages a second, steadily (default 20)")
    add("--in-flight", type=int, default=16, help="kept under way (default 16)")
    add("--seconds", type=float, default=5, help="of each measured interval (default 5)")
    add("--rounds", type=int, default=5, help="of all kinds in turn; the median is shown")
    add("--sync", choices=("full", "normal"), default="normal", help="of the server's journal")
    chosen = parser.parse_args()
    return run_cleanly("subscribers", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
