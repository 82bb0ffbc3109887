"""Workloads in which people talk: rooms of every size, one stalled reader, minutes of it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contestants import crowd
from bench.everybody.entrants import LIMIT, Entrant
from bench.everybody.trials import Figure
from bench.sockets import Socket
from bench.workloads import WORKLOADS, Workload, fill, measure, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.contestants import Contest
    from bench.everybody.trials import Sample, Scale
    from bench.rooms import Member

MIB = 1024 * 1024
MANY = 1_000_000
CPU = Figure("us_a_delivery", "server CPU a delivery", "µs", ".2f")
RATE = Figure("rate", "deliveries a second", "", ",.0f", less_is_better=False)
P50 = Figure("p50_ms", "p50", "ms", ".2f")
P99 = Figure("p99_ms", "p99", "ms", ".2f")
RSS = Figure("resident_mib", "memory", "MiB", ".0f")


@dataclass(frozen=True, slots=True)
class Talking:
    """A workload of `workloads.py`."""

    workload: Workload
    small: Workload
    about: str
    most_rounds: int = MANY

    @property
    def name(self) -> str:
        return self.workload.name

    @property
    def title(self) -> str:
        return self.workload.title

    @property
    def figures(self) -> tuple[Figure, ...]:
        others = (P99, P50, RSS) if self.workload.rate else (RATE, P99, RSS)
        return (CPU, *others)

    def unfit(self, entrant: Entrant) -> str:
        del entrant
        return ""

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        workload = self.small if scale.small else self.workload
        with (
            contest.running(entrant.name) as server,
            crowd(entrant.name, server.port) as members,
        ):
            taken = measure(workload, server, members, seconds=scale.seconds, warmup=scale.warmup)
        return {
            **dataclasses.asdict(taken),
            "us_a_delivery": taken.cost,
            "rate": taken.rate,
            "resident_mib": taken.resident / MIB,
            "limit": taken.limit(workload).partition(":")[0],
        }


def _smaller(workload: Workload, rooms: int, members: int) -> Workload:
    return dataclasses.replace(workload, rooms=rooms, members=members)


PAIRS = Workload("rooms-1000x2", "1,000 rooms of 2, one message in flight each", 1000, 2, 1)

TALKING = (
    Talking(
        WORKLOADS["room-100"],
        _smaller(WORKLOADS["room-100"], 1, 8),
        "One of 100 members speaks; the next message is sent when one has landed with the member"
        " that joined last, so that 64 are always under way.",
    ),
    Talking(
        WORKLOADS["rooms-20x10"],
        _smaller(WORKLOADS["rooms-20x10"], 3, 4),
        "The same in 20 rooms at once, with 64 messages under way in each.",
    ),
    Talking(
        WORKLOADS["room-1000"],
        _smaller(WORKLOADS["room-1000"], 1, 20),
        "The same in one room of 1,000. Members over gRPC are ten on a connection, all others have"
        " connections of their own.",
    ),
    Talking(
        WORKLOADS["steady-200"],
        _smaller(WORKLOADS["steady-200"], 1, 8),
        "One of 100 members says 200 messages a second, whatever comes back: what people in a"
        " lively room would feel.",
    ),
    Talking(
        PAIRS,
        _smaller(PAIRS, 5, 2),
        "A thousand conversations at once: each message has one reader, so nothing is shared.",
    ),
)


@dataclass(frozen=True, slots=True)
class Stalled:
    """One of 100 members stops to read, without a word, and the others talk on."""

    name = "stalled-100"
    title = "one stalled reader among 100"
    about = (
        "A room of 100 talks with 64 messages in flight. Then one member stops to read, and the"
        " talk goes on for 15 s. Memory is what the server has grown by, at most. The rate is that"
        " of the others, as a share of what they had before; whatever else runs on the machine"
        " disturbs it most. Cut off: after how many seconds the server had closed the connection;"
        " where there is no figure, it had not."
    )
    figures = (
        Figure("grown_mib", "memory grown by", "MiB", ".1f"),
        Figure("rate_share", "rate of the others, of that before", "", ".2f", False, told=False),
        Figure("cut_off", "cut off after", "s", ".0f", told=False),
    )
    most_rounds = 3

    def unfit(self, entrant: Entrant) -> str:
        return "waits for every reader by design" if entrant.name == LIMIT else ""

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        workload = _smaller(WORKLOADS["room-100"], 1, scale.of(100, 8))
        slices = scale.of(15, 3)
        length = 1 if not scale.small else 0.2
        with (
            contest.running(entrant.name) as server,
            crowd(entrant.name, server.port) as members,
        ):
            rooms = fill(members, workload)

            def slice_of_talk(warmup: float) -> tuple[float, int, int]:
                taken = talk(members.loop, workload, rooms, server, seconds=length, warmup=warmup)
                return taken.rate, taken.resident, taken.missing

            with _without_collection():
                before = [slice_of_talk(scale.warmup if not n else 0) for n in range(3)]
                (room,) = rooms
                stalled = connection_of(room.members.pop(1))
                members.loop.remove(stalled)
                room.forget_counts()
                cut_off = 0.0
                after = []
                for second in range(slices):
                    after.append(slice_of_talk(0))
                    if not cut_off and not is_open(stalled, server.port):
                        cut_off = second + 1.0
                stalled.socket.close()
        sample: Sample = {
            "rate_share": statistics.median(one[0] for one in after)
            / statistics.median(one[0] for one in before),
            "grown_mib": (max(one[1] for one in after) - before[-1][1]) / MIB,
            "missing": before[-1][2] + after[-1][2],
            "limit": "",
        }
        if cut_off:
            sample["cut_off"] = cut_off
        return sample


def connection_of(member: Member) -> Socket:
    """The connection that a member has for itself."""
    assert isinstance(member.connection, Socket)
    return member.connection


def is_open(stalled: Socket, port: int) -> bool:
    """Whether the server of a port still has its end of a connection: /proc/net/tcp (proc(5)).

    The client cannot know: it does not read, so neither the end nor what was before it
    comes through.
    """
    mine = stalled.socket.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = [int(address.rpartition(":")[2], 16) for address in fields[1:3]]
        if ports == [port, mine]:
            return fields[9] != "0"  # no process has it where its inode is 0
    return False


@dataclass(frozen=True, slots=True)
class Lasting:
    """Steady load for minutes, to see whether anything grows."""

    name = "steady-long"
    title = "steady load for minutes"
    about = (
        "One of 100 members says 200 messages a second for minutes. Growth is the slope of the"
        " server's memory (least squares) after the first fifth, in which it still fills what is"
        " bounded. Drift is the CPU for a delivery in the last fifth, as a share of that in the"
        " second."
    )
    figures = (
        Figure("growth", "memory grows in an hour by", "MiB", ".1f"),
        Figure("drift", "CPU at the end, of that at the beginning", "", ".2f", told=False),
        Figure("first_mib", "memory after the first fifth", "MiB", ".0f", told=False),
        Figure("last_mib", "at the end", "MiB", ".0f", told=False),
        Figure("minutes", "measured for", "min", ".1f", told=False),
    )
    most_rounds = 1

    def unfit(self, entrant: Entrant) -> str:
        return "has no memory that could grow" if entrant.name == LIMIT else ""

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        workload = _smaller(WORKLOADS["steady-200"], 1, scale.of(100, 8))
        slices = scale.of(max(10, round(scale.leak_seconds / 10)), 10)
        length = scale.leak_seconds / slices
        series: list[list[float]] = []
        missing = 0
        with (
            contest.running(entrant.name) as server,
            crowd(entrant.name, server.port) as members,
        ):
            rooms = fill(members, workload)
            for number in range(slices):
                with _without_collection():
                    taken = talk(members.loop, workload, rooms, server, seconds=length, warmup=0)
                series.append([(number + 1) * length, taken.resident / MIB, taken.cost])
                missing = taken.missing
        fifth = slices // 5
        later = series[fifth:]
        slope = statistics.linear_regression(
            [one[0] for one in later], [one[1] for one in later]
        ).slope
        costs = [one[2] for one in series]
        return {
            "growth": slope * 3600,
            "drift": statistics.mean(costs[-fifth:]) / statistics.mean(costs[fifth : 2 * fifth]),
            "first_mib": later[0][1],
            "last_mib": later[-1][1],
            "minutes": slices * length / 60,
            "missing": missing,
            "limit": "",
            "series": series,
        }


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of what is measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
