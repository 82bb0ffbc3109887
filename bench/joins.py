"""How soon a crowd is in that joins on connections of its own, as after a restart.

Run from the root of the repository as `python -m bench.joins`. The time of a join is from
opening the connection until the member has its own arrival; everybody else in its room is
told of it meanwhile (Redis tells nobody).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.contestants import crowd
from bench.machine import describe
from bench.options import add_contest_options, contest_of, run_cleanly
from bench.rooms import JOIN_SECONDS, Place
from bench.sockets import WireError

if TYPE_CHECKING:
    from bench.rooms import Crowd, Member
    from bench.servers import Server


@dataclass(frozen=True, slots=True)
class Storm:
    """One server, once everybody was in."""

    joins: int
    last: float
    """Seconds from the first connection until the last member was in."""
    p50: float
    """Seconds of a join."""
    p99: float
    server_cpu: float
    generator_cpu: float

    @property
    def rate(self) -> float:
        """Joins a second."""
        return self.joins / self.last


def measure(server: Server, members: Crowd[Any], places: list[Place], at_once: int) -> Storm:
    """Have everybody join, `at_once` at a time; nobody leaves before all are in."""
    rooms = dict.fromkeys(place.room_id for place in places)
    members.create(members.connect(1)[0], rooms)
    used = server.cost().cpu
    generator = time.process_time()
    begin = time.monotonic()
    todo = deque(places)
    took: list[float] = []
    waiting: list[tuple[float, Member]] = []
    while todo or waiting:
        while todo and len(waiting) < at_once:
            now = time.monotonic()
            waiting.append((now, members.join(members.open(), todo.popleft())))
        members.loop.turn(0.1)
        now = time.monotonic()
        took.extend(now - since for since, member in waiting if member.entered)
        waiting = [(since, member) for since, member in waiting if not member.entered]
        if now - begin > JOIN_SECONDS:
            raise WireError(f"{len(todo) + len(waiting)} members not in after {JOIN_SECONDS} s")
    last = time.monotonic() - begin
    took.sort()
    return Storm(
        joins=len(places),
        last=last,
        p50=took[len(took) // 2],
        p99=took[len(took) * 99 // 100],
        server_cpu=server.cost().cpu - used,
        generator_cpu=time.process_time() - generator,
    )


def heading(chosen: argparse.Namespace) -> str:
    machine = describe()
    return (
        f"{machine['cpus']} CPUs, Python {machine['python']}, {machine['system']}\n"
        f"{chosen.rooms * chosen.members:,} joins on connections of their own into"
        f" {chosen.rooms} rooms of {chosen.members}, {chosen.at_once} under way at once;"
        f" median of {chosen.rounds} rounds\n"
        f"  {'':<10}{'joins/s':>10}{'the last':>10}{'p50':>10}{'p99':>10}"
        f"{'server':>14}{'generator':>14}\n"
        f"  {'':<10}{'':>10}{'s':>10}{'ms':>10}{'ms':>10}{'CPU µs each':>14}{'CPU µs each':>14}"
    )


def row(peer: str, storms: list[Storm]) -> str:
    def median(values: list[float]) -> float:
        return statistics.median(values)

    return (
        f"  {peer:<10}{median([s.rate for s in storms]):>10,.0f}"
        f"{median([s.last for s in storms]):>10.2f}"
        f"{median([s.p50 * 1e3 for s in storms]):>10.1f}"
        f"{median([s.p99 * 1e3 for s in storms]):>10.1f}"
        f"{median([s.server_cpu / s.joins * 1e6 for s in storms]):>14,.0f}"
        f"{median([s.generator_cpu / s.joins * 1e6 for s in storms]):>14,.0f}"
    )


def run(chosen: argparse.Namespace) -> int:
    """Measure every server in turn, round by round, and print it."""
    contest, peers = contest_of(chosen)
    # Round the rooms, so that all of them fill at the same time.
    places = [
        Place(f"storm-{room}", f"member {number}")
        for number in range(chosen.members)
        for room in range(chosen.rooms)
    ]
    storms: dict[str, list[Storm]] = {peer: [] for peer in peers}
    for _ in range(chosen.rounds):
        for peer in peers:
            with contest.running(peer) as server, crowd(peer, server.port) as members:
                storms[peer].append(measure(server, members, places, chosen.at_once))
    print(heading(chosen))
    for peer in peers:
        print(row(peer, storms[peer]))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.joins")
    add = parser.add_argument
    add("--rooms", type=int, default=50)
    add("--members", type=int, default=100, help="of each room (default 100)")
    add("--at-once", type=int, default=256, help="joins under way (default 256)")
    add("--rounds", type=int, default=3, help="of all servers in turn; the median is shown")
    add_contest_options(parser)
    chosen = parser.parse_args()
    return run_cleanly("joins", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
