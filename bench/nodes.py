"""What several nodes over one PostgreSQL deliver, and what that costs them and the database.

Run from the root of the repository as `python -m bench.nodes`. The same members are spread over
one node, two and three; beside them one node over SQLite. Everything is on one machine: with more
nodes the load generator, the nodes and the database want the same cores, so the CPU of a delivery
says more than deliveries a second.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.grpc_crowd import GrpcCrowd
from bench.machine import ProcessCost, describe, process_cost
from bench.options import run_cleanly
from bench.servers import launched, temporary
from bench.sockets import HOST
from bench.workloads import Measurement, Workload, measure
from tests.journal.postgres_server import Server as Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.http2_sink import Connection
    from bench.servers import Server

SQLITE = "SQLite"
WORKLOADS = {
    each.name: each
    for each in (
        Workload(
            "room-1000", "room of 1,000, 16 in flight", 1, 1000, in_flight=16, per_connection=10
        ),
        Workload("rooms-100x10", "100 rooms of 10, 4 in flight each", 100, 10, in_flight=4),
        Workload("steady-200", "100 members, 200 messages a second", 1, 100, rate=200),
    )
}
ACROSS = Workload("across", "one speaks, 99 listen at another node, 100 a second", 1, 100, rate=100)


class SpreadCrowd(GrpcCrowd):
    """Members whose connections go to the nodes in turn."""

    def __init__(self, ports: list[int], *, across: bool = False) -> None:
        """`across`: the first connection goes to the first node, all others to the last."""
        super().__init__(ports[0])
        self._ports = ports
        self._across = across
        self._opened = 0

    def connect(self, count: int) -> list[Connection]:
        connections = []
        for _ in range(count):
            connections += self.loop.connect(self._next(), 1)
        return connections

    def _next(self) -> int:
        ports = self._ports
        number, self._opened = self._opened, self._opened + 1
        if self._across:
            return ports[-1] if number else ports[0]
        return ports[number % len(ports)]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Some servers, measured as one."""

    nodes: list[Server]

    def cost(self) -> ProcessCost:
        """What all of them have cost."""
        costs = [node.cost() for node in self.nodes]
        return ProcessCost(
            cpu=sum(each.cpu for each in costs),
            threads={number: cpu for each in costs for number, cpu in each.threads.items()},
            resident=sum(each.resident for each in costs),
            peak=sum(each.peak for each in costs),
        )


def database_cpu(postmaster: int) -> float:
    """Seconds of CPU of all processes of a PostgreSQL that run now."""
    used = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if postmaster in (parent, int(process.name)):
                used += process_cost(int(process.name)).cpu
    return used


@contextlib.contextmanager
def running(count: int, directory: Path, database: Database | None) -> Iterator[Nodes]:
    """So many fresh nodes, over a database, or one over SQLite."""
    with contextlib.ExitStack() as stack:
        servers = []
        for number in range(count):
            where = directory / str(number)
            where.mkdir()
            kept = ["--data", str(where / "data"), "--sync", "full"]
            if database is not None:
                kept = ["--journal", database.url()]
            command = ["-m", "chatroom.server", "--bind", f"{HOST}:0", *kept, "--message-rate", "0"]
            servers.append(stack.enter_context(launched(command, where)))
        yield Nodes(servers)


def measured(kind: str, workload: Workload, seconds: float) -> tuple[Measurement, float]:
    """One round of fresh nodes and a fresh database, and the database's CPU for a delivery (us)."""
    with temporary() as directory:
        directory.chmod(0o755)  # the database may run as another user
        database = None if kind == SQLITE else Database(directory / "postgres")
        if database is not None:
            database.make()
            database.start()
        try:
            count = 1 if kind == SQLITE else int(kind)
            with running(count, directory, database) as nodes:
                ports = [node.port for node in nodes.nodes]
                crowd = SpreadCrowd(ports, across=workload.name == ACROSS.name)
                before = database_cpu(database.process_id) if database is not None else 0.0
                taken = measure(workload, nodes, crowd, seconds=seconds, warmup=1)
                used = database_cpu(database.process_id) - before if database is not None else 0.0
                all_deliveries = taken.deliveries * (seconds + 1) / seconds
                return taken, used / max(1.0, all_deliveries) * 1e6
        finally:
            if database is not None:
                database.stop()


def table(workload: Workload, taken: dict[str, list[tuple[Measurement, float]]]) -> str:
    heads = ("deliveries/s", "nodes us", "database us", "p50 ms", "p99 ms", "missing")
    lines = [workload.title, f"  {'':<10}" + "".join(f"{head:>14}" for head in heads)]
    for kind, rounds in taken.items():

        def median(name: str, rounds: list[tuple[Measurement, float]] = rounds) -> float:
            return statistics.median(float(getattr(one, name)) for one, _ in rounds)

        database = statistics.median(used for _, used in rounds)
        missing = sum(one.missing for one, _ in rounds)
        lines.append(
            f"  {kind:<10}{median('rate'):>14,.0f}{median('cost'):>14.2f}{database:>14.2f}"
            f"{median('p50_ms'):>14.1f}{median('p99_ms'):>14.1f}{missing:>14}"
        )
    return "\n".join(lines)


def run(chosen: argparse.Namespace) -> int:
    """Measure, and print tables."""
    print(" ".join(f"{name}: {value};" for name, value in describe().items()))
    print("(database us: with the joins, and those of its processes that run at the end)\n")
    missing = 0
    for name in chosen.workloads:
        workload = ACROSS if name == ACROSS.name else WORKLOADS[name]
        kinds = ["2"] if name == ACROSS.name else [SQLITE, "1", "2", "3"]
        taken: dict[str, list[tuple[Measurement, float]]] = {kind: [] for kind in kinds}
        for number in range(chosen.rounds):
            for kind in kinds:
                print(f"  {name}: {kind}, round {number + 1}", file=sys.stderr, flush=True)
                taken[kind].append(measured(kind, workload, chosen.seconds))
        print(table(workload, taken), flush=True)
        missing += sum(one.missing for rounds in taken.values() for one, _ in rounds)
    return int(bool(missing))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.nodes")
    names = [*WORKLOADS, ACROSS.name]
    parser.add_argument("--workloads", choices=names, nargs="+", metavar="WORKLOAD", default=names)
    parser.add_argument("--seconds", type=float, default=3, help="of each interval (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="the median is shown (default 3)")
    chosen = parser.parse_args()
    return run_cleanly("nodes", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
