"""How much memory of the server a member costs that says nothing.

Run from the root of the repository as `python -m bench.idle_members`.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.fanout import add_journal_options, journal_of, stop_cleanly
from bench.http2_frames import WireError
from bench.http2_sink import Loop
from bench.machine import describe
from bench.members import Member, join_all
from bench.servers import SERVERS, Journal, Server, ServerError, running
from bench.workloads import CREATE
from chatroom.api.rpc import chat_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.machine import ProcessCost

STREAMS = 100
"""Members on one connection: what HTTP/2 servers commonly allow at once."""
KIB = 1024
MIB = 1024 * KIB
LEAVE_SECONDS = 60
STILL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the server in memory (VmRSS) at three moments, and at most (VmHWM)."""

    before: int
    """Connections and rooms are there, members not yet."""
    inside: int
    after: int
    """Everyone has gone."""
    peak: int
    seconds: float
    """From the first join until everyone was in and quiet."""
    members: int

    @property
    def each(self) -> float:
        """Bytes a member."""
        return (self.inside - self.before) / self.members


def create(server: Server, rooms: int) -> None:
    loop = Loop()
    try:
        (connection,) = loop.connect(server.port, 1)
        for number in range(rooms):
            request = chat_pb2.CreateChatRoomRequest(room_id=f"idle-{number}")
            loop.call(connection, CREATE, request.SerializeToString())
    finally:
        loop.close()


def measure(server: Server, members: int, rooms: int) -> Memory:
    """Bring `members` into the `rooms`, `STREAMS` on a connection; then all go."""
    loop = Loop()
    try:
        connections = loop.connect(server.port, -(-members // STREAMS))
        before = _still(server, lambda: loop.turn(0.1)).resident
        begin = time.monotonic()
        everyone = [Member(f"idle-{n % rooms}", f"member {n}") for n in range(members)]
        # Neighbours in a room are on different connections, as they would be.
        everyone.sort(key=lambda member: member.room_id)
        join_all(loop, everyone, connections)
        took = time.monotonic() - begin
        inside = _still(server, lambda: loop.turn(0.1))
    finally:
        loop.close()
    after = _still(server, lambda: time.sleep(0.1))
    return Memory(before, inside.resident, after.resident, after.peak, took, members)


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


def row(server: str, memory: Memory) -> str:
    return (
        f"  {server:<10}{memory.before / MIB:>12.0f}{memory.inside / MIB:>12.0f}"
        f"{memory.each / KIB:>14.1f}{memory.peak / MIB:>12.0f}{memory.after / MIB:>12.0f}"
        f"{memory.seconds:>12.1f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.idle_members")
    add = parser.add_argument
    add("--server", choices=SERVERS, action="append", help="may be repeated; default: all")
    add("--members", type=int, default=10_000)
    add(
        "--rooms",
        type=int,
        default=100,
        help="(default 100); with 1 the naive server is slow:"
        " it tells every member of every arrival",
    )
    add("--cycles", type=int, default=1, help="times that all come and go: does memory grow?")
    add_journal_options(parser)
    chosen = parser.parse_args()
    stop_cleanly()
    journal: Journal = journal_of(chosen)
    machine = describe()
    print(
        f"{chosen.members:,} idle members, {STREAMS} on a connection, in {chosen.rooms:,} rooms\n"
        f"{machine['cpus']} CPUs, Python {machine['python']}, {machine['system']};"
        f" chatroom's journal: {journal.describe()}\n\n"
        f"  {'':<10}{'RSS before':>12}{'with them':>12}{'KiB a member':>14}{'peak':>12}"
        f"{'after them':>12}{'joining':>12}\n"
        f"  {'':<10}{'MiB':>12}{'MiB':>12}{'':>14}{'MiB':>12}{'MiB':>12}{'s':>12}",
        flush=True,
    )
    try:
        for name in chosen.server or SERVERS:
            with running(name, journal) as server:
                create(server, chosen.rooms)
                for _ in range(chosen.cycles):
                    memory = measure(server, chosen.members, chosen.rooms)
                    print(row(name, memory), flush=True)
    except (ServerError, WireError, OSError) as error:
        print(f"idle_members: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
