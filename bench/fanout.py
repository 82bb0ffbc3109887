"""How fast and how cheaply a server delivers messages to everyone in a room.

Run from the root of the repository as `python -m bench.fanout`; README.md beside this
file says how to read what it prints.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import report
from bench.calibrate import calibrate
from bench.contestants import crowd
from bench.machine import describe, filesystem_of
from bench.options import add_contest_options, contest_of, run_cleanly
from bench.workloads import WORKLOADS, Measurement, measure

if TYPE_CHECKING:
    from bench.contestants import Contest
    from bench.workloads import Workload


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.fanout")
    add = parser.add_argument
    add("--workloads", choices=WORKLOADS, nargs="+", metavar="WORKLOAD", default=list(WORKLOADS),
        help=f"{', '.join(WORKLOADS)} (default: all)")  # fmt: skip
    add_contest_options(parser)
    add("--seconds", type=float, default=5, help="of each measured interval (default 5)")
    add("--warmup", type=float, default=1, help="seconds of talk before it (default 1)")
    add("--rounds", type=int, default=5, help="of all servers in turn; the median is shown")
    add("--senders", type=int, default=1, help="members of a room that speak (default 1)")
    add("--members-per-connection", type=int, metavar="N", help="at most 100; see README.md")
    add("--json", type=Path, metavar="FILE", help="write every measurement there")
    add("--calibrate", action="store_true", help="measure the load generator alone")
    return parser.parse_args()


def run(chosen: argparse.Namespace) -> int:
    """Measure everything asked for and print it; the exit code."""
    contest, peers = contest_of(chosen)
    setting: report.Setting = {
        **describe(),
        "journal": contest.journal.describe(),
        "before": contest.before,
        "seconds": chosen.seconds,
        "rounds": chosen.rounds,
        "senders": chosen.senders,
    }
    if not contest.journal.in_memory:
        below = contest.journal.below or Path(tempfile.gettempdir())
        setting["journal_filesystem"] = filesystem_of(below)
    print(report.heading(setting), flush=True)
    taken: dict[str, dict[str, list[Measurement]]] = {}
    for name in chosen.workloads:
        taken[name] = {peer: [] for peer in peers}
        for number in range(chosen.rounds):
            for peer in peers:
                print(f"  {name}: {peer}, round {number + 1}", file=sys.stderr, flush=True)
                taken[name][peer].append(measured(contest, peer, WORKLOADS[name], chosen))
        print(report.table(WORKLOADS[name], taken[name]), flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps(report.as_json(setting, taken), indent=2) + "\n")
    print(report.summary(taken), flush=True)
    exact = all(
        measurement.missing == 0
        for of_peer in taken.values()
        for measurements in of_peer.values()
        for measurement in measurements
    )
    return 0 if exact else 1


def measured(
    contest: Contest, peer: str, workload: Workload, chosen: argparse.Namespace
) -> Measurement:
    """One round of a fresh server."""
    with contest.running(peer) as server, crowd(peer, server.port) as members:
        return measure(
            workload,
            server,
            members,
            seconds=chosen.seconds,
            warmup=chosen.warmup,
            senders=chosen.senders,
            per_connection=chosen.members_per_connection,
        )


def main() -> int:
    chosen = arguments()

    def asked() -> int:
        if not chosen.calibrate:
            return run(chosen)
        print(calibrate(chosen.seconds))
        return 0

    return run_cleanly("fanout", asked)


if __name__ == "__main__":
    sys.exit(main())
