"""How fast and how cheaply a server delivers messages to everyone in a room.

Run from the root of the repository as `python -m bench.fanout`; README.md beside this
file says how to read what it prints.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import report
from bench.calibrate import calibrate
from bench.http2_frames import WireError
from bench.machine import describe, filesystem_of
from bench.servers import SERVERS, Journal, ServerError, running
from bench.workloads import WORKLOADS, Measurement, measure

if TYPE_CHECKING:
    from types import FrameType


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.fanout")
    add = parser.add_argument
    add("--workload", choices=WORKLOADS, action="append", help="may be repeated; default: all")
    add("--server", choices=SERVERS, action="append", help="may be repeated; default: all")
    add("--seconds", type=float, default=5, help="of each measured interval (default 5)")
    add("--warmup", type=float, default=1, help="seconds of talk before it (default 1)")
    add("--rounds", type=int, default=2, help="of all servers in turn; the median is shown")
    add("--senders", type=int, default=1, help="members of a room that speak (default 1)")
    add("--members-per-connection", type=int, metavar="N", help="at most 100; see README.md")
    add_journal_options(parser)
    add("--json", type=Path, metavar="FILE", help="write every measurement there")
    add("--calibrate", action="store_true", help="measure the load generator alone")
    return parser.parse_args()


def add_journal_options(parser: argparse.ArgumentParser) -> None:
    """Options on how our own server keeps its rooms, the same for every benchmark."""
    add = parser.add_argument
    add("--sync", choices=("full", "normal"), default="full", help="of our server's journal")
    add("--in-memory", action="store_true", help="our server without a journal on disk")
    add("--data-below", type=Path, metavar="DIR", help="where journals are (default: temporary)")
    add(
        "--option",
        action="append",
        default=[],
        help="one more option for our server, as --option=--x",
    )


def journal_of(chosen: argparse.Namespace) -> Journal:
    return Journal(
        in_memory=chosen.in_memory,
        sync=chosen.sync,
        below=chosen.data_below,
        options=tuple(chosen.option),
    )


def stop_cleanly() -> None:
    """Have every signal that asks to end do what Ctrl-C does, so that no server is left."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def run(chosen: argparse.Namespace) -> int:
    """Measure everything asked for and print it; the exit code."""
    journal = journal_of(chosen)
    setting: report.Setting = {
        **describe(),
        "journal": journal.describe(),
        "seconds": chosen.seconds,
        "rounds": chosen.rounds,
        "senders": chosen.senders,
    }
    if not journal.in_memory:
        below = journal.below or Path(tempfile.gettempdir())
        setting["journal_filesystem"] = filesystem_of(below)
    print(report.heading(setting), flush=True)
    servers = chosen.server or list(SERVERS)
    taken: dict[str, dict[str, list[Measurement]]] = {}
    for name in chosen.workload or WORKLOADS:
        workload = WORKLOADS[name]
        of_server = taken[name] = {server: [] for server in servers}
        per_connection = chosen.members_per_connection or workload.per_connection
        for number in range(chosen.rounds):
            for server in servers:
                print(f"  {name}: {server}, round {number + 1}", file=sys.stderr, flush=True)
                with running(server, journal) as process:
                    of_server[server].append(
                        measure(
                            workload,
                            process,
                            seconds=chosen.seconds,
                            warmup=chosen.warmup,
                            senders=chosen.senders,
                            per_connection=per_connection,
                        )
                    )
        print(report.table(workload, of_server, per_connection), flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps(report.as_json(setting, taken), indent=2) + "\n")
    exact = all(
        measurement.missing == 0
        for of_server in taken.values()
        for measurements in of_server.values()
        for measurement in measurements
    )
    return 0 if exact else 1


def main() -> int:
    chosen = arguments()
    stop_cleanly()
    try:
        if chosen.calibrate:
            print(calibrate(chosen.seconds))
            return 0
        return run(chosen)
    except (ServerError, WireError, OSError) as error:
        print(f"fanout: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
