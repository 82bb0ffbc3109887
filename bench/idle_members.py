"""How much memory of the server a member costs that says nothing.

Run from the root of the repository as `python -m bench.idle_members`. It is the resident
memory of the server's process; what the kernel keeps for its sockets is not in it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.contestants import crowd
from bench.machine import describe
from bench.options import DEFAULT_PEERS, add_contest_options, contest_of, run_cleanly
from bench.rooms import Place, join_all
from bench.sockets import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.machine import ProcessCost
    from bench.rooms import Crowd
    from bench.servers import Server

KIB = 1024
MIB = 1024 * KIB
WARM = 20
"""Members who come and go before anything is measured: what a server makes once is there."""
LEAVE_SECONDS = 60
STILL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """How many members there are, and on how many connections."""

    members: int
    connections: int

    def describe(self) -> str:
        on = f"{self.connections:,} connections" if self.shared else "connections of their own"
        return f"{self.members:,} idle members on {on}"

    @property
    def shared(self) -> bool:
        return self.connections < self.members


LAYOUTS = {"shared": Layout(10_000, 100), "own": Layout(2_000, 2_000)}


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the server in memory (VmRSS) at three moments, and at most (VmHWM)."""

    before: int
    """The rooms are there; connections and members are not yet."""
    inside: int
    after: int
    """Everyone has gone."""
    peak: int
    seconds: float
    """From the first join until everyone was in and quiet."""
    members: int

    @property
    def each(self) -> float:
        """Bytes a member, its part of a connection with it."""
        return (self.inside - self.before) / self.members


def create(peer: str, server: Server, rooms: int) -> None:
    """Make the rooms, and have a few members come and go."""
    with crowd(peer, server.port) as members:
        connections = members.connect(WARM)
        members.create(connections[0], [f"idle-{number}" for number in range(rooms)])
        places = [Place(f"idle-{n % rooms}", f"early member {n}") for n in range(WARM)]
        join_all(members, places, connections)


def measure(peer: str, server: Server, layout: Layout, rooms: int) -> Memory:
    """Bring everyone into the `rooms`; then all go."""
    before = _still(server, lambda: time.sleep(0.1)).resident
    with crowd(peer, server.port) as members:
        took, inside = _inside(members, server, layout, rooms)
    after = _still(server, lambda: time.sleep(0.1))
    return Memory(before, inside.resident, after.resident, after.peak, took, layout.members)


def _inside(
    members: Crowd[Any], server: Server, layout: Layout, rooms: int
) -> tuple[float, ProcessCost]:
    """Seconds that the joins took, and what the server costs with everyone inside."""
    if not members.shares_connections and layout.members > layout.connections * rooms:
        raise WireError("this server wants a connection for each member of a room")
    places = [Place(f"idle-{n % rooms}", f"member {n}") for n in range(layout.members)]
    # Neighbours in a room are on different connections, as they would be.
    places.sort(key=lambda place: place.room_id)
    connections = members.connect(layout.connections)
    begin = time.monotonic()
    joined = join_all(members, places, connections)
    took = time.monotonic() - begin
    inside = _still(server, lambda: members.loop.turn(0.1))
    assert all(member.entered for member in joined)
    return took, inside


def _still(server: Server, wait: Callable[[], object]) -> ProcessCost:
    """Wait until the server used next to no CPU for `STILL_SECONDS`; then what it costs."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while True:
        used = server.cost().cpu
        until = time.monotonic() + STILL_SECONDS
        while time.monotonic() < until:
            wait()
        cost = server.cost()
        if cost.cpu - used < 0.05 * STILL_SECONDS or time.monotonic() > deadline:
            return cost


def heading(layout: Layout, rooms: int) -> str:
    return (
        f"\n{layout.describe()}, in {rooms:,} rooms\n"
        f"  {'':<10}{'RSS before':>12}{'with them':>12}{'KiB a member':>14}{'peak':>12}"
        f"{'after them':>12}{'joining':>12}\n"
        f"  {'':<10}{'MiB':>12}{'MiB':>12}{'':>14}{'MiB':>12}{'MiB':>12}{'s':>12}"
    )


def row(peer: str, memory: Memory) -> str:
    return (
        f"  {peer:<10}{memory.before / MIB:>12.0f}{memory.inside / MIB:>12.0f}"
        f"{memory.each / KIB:>14.1f}{memory.peak / MIB:>12.0f}{memory.after / MIB:>12.0f}"
        f"{memory.seconds:>12.1f}"
    )


def run(chosen: argparse.Namespace) -> int:
    """Measure every layout with every server, and print it."""
    contest, peers = contest_of(chosen)
    machine = describe()
    print(
        f"{machine['cpus']} CPUs, Python {machine['python']}, {machine['system']};"
        f" chatroom's journal: {contest.journal.describe()}"
    )
    for name in chosen.layouts:
        layout = LAYOUTS[name]
        print(heading(layout, chosen.rooms), flush=True)
        for peer in peers:
            with contest.running(peer) as server:
                create(peer, server, chosen.rooms)
                for _ in range(chosen.cycles):
                    print(row(peer, measure(peer, server, layout, chosen.rooms)), flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.idle_members")
    add = parser.add_argument
    add("--layouts", choices=LAYOUTS, nargs="+", metavar="LAYOUT", default=list(LAYOUTS),
        help="; ".join(f"{name}: {one.describe()}" for name, one in LAYOUTS.items()))  # fmt: skip
    add(
        "--rooms",
        type=int,
        default=100,
        help="(default 100); with 1 the naive server is slow:"
        " it tells every member of every arrival",
    )
    add("--cycles", type=int, default=1, help="times that all come and go: does memory grow?")
    add_contest_options(parser, DEFAULT_PEERS)
    chosen = parser.parse_args()
    return run_cleanly("idle_members", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
