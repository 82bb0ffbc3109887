"""Measure ours beside servers of every kind, and write docs/benchmarks.md.

Run from the root of the repository as `python -m bench.everybody`, or `make benchmarks`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import exact
from bench.builds import ROOT, BuildError, UnavailableError, build_missing
from bench.contestants import OURS, Contest, Journal, crowd
from bench.everybody.entrants import ENTRANTS, Entrant
from bench.everybody.page import write_page
from bench.everybody.results import MixedError, Results
from bench.everybody.trials import Scale, Trial
from bench.everybody.workloads import TRIALS
from bench.machine import describe, filesystem_of, machine_busy
from bench.options import run_cleanly
from bench.servers import ServerError
from bench.sockets import WireError

SMOKE = Scale(seconds=0.3, warmup=0.1, leak_seconds=2, small=True)
LASTING = "steady-long"
FAULTS = (ServerError, WireError, OSError, subprocess.SubprocessError)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.everybody")
    add = parser.add_argument
    add("--peers", choices=ENTRANTS, nargs="+", metavar="PEER", default=list(ENTRANTS),
        help=f"{', '.join(ENTRANTS)} (default: all that are there)")  # fmt: skip
    add("--workloads", choices=TRIALS, nargs="+", metavar="WORKLOAD", default=list(TRIALS),
        help=f"{', '.join(TRIALS)} (default: all)")  # fmt: skip
    add("--rounds", type=int, default=5, help="of all servers in turn (default 5)")
    add("--seconds", type=float, default=5, help="of each measured interval (default 5)")
    add("--warmup", type=float, default=1, help="seconds of talk before it (default 1)")
    add("--leak-seconds", type=float, default=600, help=f"of {LASTING} (default 600)")
    add("--leak-peers", choices=ENTRANTS, nargs="+", metavar="PEER", default=[OURS],
        help=f"who lasts in {LASTING} (default {OURS})")  # fmt: skip
    add("--build", action="store_true", help="build Go servers that are missing, in minutes")
    add("--into", type=Path, default=ROOT / "docs", metavar="DIR",
        help="where benchmarks.md and benchmarks/ are written (default docs)")  # fmt: skip
    add(
        "--add",
        action="store_true",
        help="keep what an earlier run of as many rounds has that is not measured anew",
    )
    add("--smoke", action="store_true",
        help="a short round with few members; only counts are looked at")  # fmt: skip
    add("--page", action="store_true", help="write the page anew from benchmarks/results.json")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    try:
        return run_cleanly("everybody", lambda: page(chosen) if chosen.page else run(chosen))
    except MixedError as error:
        print(f"everybody: {error}", file=sys.stderr)
        return 2


def page(chosen: argparse.Namespace) -> int:
    """Write the page from what an earlier run has kept."""
    write_page(Results.read(chosen.into / "benchmarks" / "results.json"), chosen.into)
    return 0


def run(chosen: argparse.Namespace) -> int:
    """Measure everything that was asked for; 1 where a message was lost or doubled."""
    if chosen.build:
        build_missing()
    kept = chosen.into / "benchmarks"
    scale = SMOKE
    if not chosen.smoke:
        scale = Scale(chosen.seconds, chosen.warmup, chosen.leak_seconds, small=False)
    rounds = 1 if chosen.smoke else chosen.rounds
    contest = Contest(Journal())
    results = Results(setting=setting_of(chosen, scale, rounds))
    if chosen.add:
        results.take(Results.read(kept / "results.json"), chosen.workloads, chosen.peers)
    entrants = available(chosen.peers, results)
    kept.mkdir(parents=True, exist_ok=True)
    before = results.setting["minutes"]
    begin = time.monotonic()
    faults = self_test(contest, entrants, results)
    for name in chosen.workloads:
        trial = TRIALS[name]
        for number in range(min(rounds, trial.most_rounds)):
            for entrant in entrants:
                if name != LASTING or entrant.name in chosen.leak_peers:
                    measure(results, trial, entrant, contest, scale, number)
                results.setting["minutes"] = before + (time.monotonic() - begin) / 60
                results.setting["load_after"] = os.getloadavg()[0]
                results.write(kept / "results.json")  # so that an interrupted run is not lost
    write_page(results, chosen.into)
    for line in faults + results.inexact():
        print(f"NOT EXACT: {line}")
    for line in results.failed():
        print(f"FAILED: {line}")
    return 1 if faults or results.inexact() or (chosen.smoke and results.failed()) else 0


def available(names: list[str], results: Results) -> list[Entrant]:
    """Those who can be run here; the others are named, with what they want."""
    able = []
    contest = Contest(Journal())
    for name in dict.fromkeys(names):
        entrant = ENTRANTS[name]
        try:
            contest.prepare(name)
        except (UnavailableError, BuildError) as reason:
            results.missing[name] = str(reason)
            print(f"{name} is left out: {reason}", file=sys.stderr, flush=True)
            continue
        able.append(entrant)
        results.missing.pop(name, None)
        results.entrants[name] = {
            "title": entrant.title,
            "version": entrant.version(),
            "keeps": entrant.keeps.value,
        }
    return able


def self_test(contest: Contest, entrants: list[Entrant], results: Results) -> list[str]:
    """Whether every server delivers every message once and in order; what was not so."""
    wrong = []
    for entrant in entrants:
        say(f"self-test: {entrant.name}")
        with contest.running(entrant.name) as server, crowd(entrant.name, server.port) as members:
            found = exact.faults(members, rooms=2, members=4, messages=200)
        wrong += [f"self-test: {entrant.name}: {fault}" for fault in found]
    results.setting["self_test"] = "failed" if wrong else "passed"
    return wrong


def measure(
    results: Results, trial: Trial, entrant: Entrant, contest: Contest, scale: Scale, number: int
) -> None:
    """One round of one server, kept with what else the machine did."""
    cell = results.cell(trial.name, entrant.name)
    if unfit := trial.unfit(entrant):
        cell["unfit"] = unfit
    if "unfit" in cell or "failed" in cell:
        return
    say(f"{trial.name}: {entrant.name}, round {number + 1}")
    begin, busy, used = time.monotonic(), machine_busy(), _own_cpu()
    try:
        sample = trial.run(entrant, contest, scale)
    except FAULTS as fault:
        cell["failed"] = str(fault).strip().splitlines()[0]
        say(f"  failed: {fault}")
        return
    took = time.monotonic() - begin
    sample["others"] = max(0.0, machine_busy() - busy - _own_cpu() + used) / took
    results.add(trial.name, entrant.name, sample)


def _own_cpu() -> float:
    """Seconds of CPU of this process, and of the servers that have ended."""
    own, ended = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def setting_of(chosen: argparse.Namespace, scale: Scale, rounds: int) -> dict[str, Any]:
    """What a reader has to know, before anything was measured."""
    now = dt.datetime.now(dt.UTC)
    words = sys.argv[1:]
    if "--into" in words:
        at = words.index("--into")
        del words[at : at + 2]
    return {
        **describe(),
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "command": shlex.join(["python", "-m", "bench.everybody", *words]),
        "rounds": rounds,
        "seconds": scale.seconds,
        "smoke": chosen.smoke,
        "minutes": 0.0,
        "filesystem": filesystem_of(Path(tempfile.gettempdir())),
        "load_before": os.getloadavg()[0],
    }


def say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
