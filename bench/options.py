"""Options that several benchmarks have, and how they begin and end."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.builds import BuildError, build_missing
from bench.contestants import BEFORE, BEFORE_REVISION, OURS, PEERS, Contest, Journal
from bench.servers import ServerError
from bench.sockets import WireError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

DEFAULT_PEERS = (OURS, "grpc-go", "redis")


def add_contest_options(
    parser: argparse.ArgumentParser, default: tuple[str, ...] = DEFAULT_PEERS
) -> None:
    """Options on which servers are compared, and how our own keep their rooms."""
    add = parser.add_argument
    add("--peers", choices=PEERS, nargs="+", metavar="PEER", default=list(default),
        help=f"what to measure: {', '.join(PEERS)} (default: {' '.join(default)})")  # fmt: skip
    add("--before", metavar="REV", nargs="?", const=BEFORE_REVISION,
        help=f"measure the server of this revision too (default {BEFORE_REVISION})")  # fmt: skip
    add("--sync", choices=("full", "normal"), default="normal", help="of our servers' journals")
    add("--in-memory", action="store_true", help="our servers without a journal on disk")
    add("--data-below", type=Path, metavar="DIR", help="where journals are (default: temporary)")
    add("--option", action="append", default=[],
        help="one more option for the server here, as --option=--x")  # fmt: skip
    add("--build", action="store_true", help="build Go servers that are missing, in minutes")


def contest_of(chosen: argparse.Namespace) -> tuple[Contest, list[str]]:
    """What the servers are run with, and which of those asked for can be run here."""
    if chosen.build:
        build_missing()
    journal = Journal(
        in_memory=chosen.in_memory,
        sync=chosen.sync,
        below=chosen.data_below,
        options=tuple(chosen.option),
    )
    contest = Contest(journal, chosen.before or BEFORE_REVISION)
    peers = list(dict.fromkeys(chosen.peers))
    if chosen.before and BEFORE not in peers:
        peers.append(BEFORE)
    return contest, contest.available(peers)


def run_cleanly(program: str, run: Callable[[], int]) -> int:
    """Run a benchmark, which any signal that asks to end ends as Ctrl-C does; its exit code.

    So no server is left. As many descriptors may be open as the system lets this process.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        return run()
    except (ServerError, BuildError, WireError, OSError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
