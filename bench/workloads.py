"""The workloads: who is in which room, what is said, and what is measured meanwhile."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.machine import cpu_count, machine_busy
from bench.rooms import Place, Room, join_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bench.machine import ProcessCost
    from bench.rooms import Crowd
    from bench.sockets import Poll

DRAIN_SECONDS = 20
"""After the interval, what was sent has so long to reach everyone."""
BUSY = 0.85
"""Share of its CPU time above which something is called the limit."""

HELD = 0.5
"""Share of what is sent from which on flow control is called the limit."""


class Measured(Protocol):
    """A server whose cost is read."""

    def cost(self) -> ProcessCost:
        """What it has cost so far."""
        ...


@dataclass(frozen=True, slots=True)
class Workload:
    """Either `in_flight` messages are kept under way in each room, or `rate` a second are sent."""

    name: str
    title: str
    rooms: int
    members: int
    """In each room."""
    in_flight: int = 0
    rate: int = 0
    """Messages a second, all rooms together."""
    per_connection: int = 1
    """Members on one connection."""


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("room-100", "room of 100, 64 in flight", 1, 100, in_flight=64),
        Workload("rooms-20x10", "20 rooms of 10, 64 in flight each", 20, 10, in_flight=64),
        Workload(
            "room-1000", "room of 1,000, 16 in flight", 1, 1000, in_flight=16, per_connection=10
        ),
        Workload("steady-200", "100 members, 200 messages a second", 1, 100, rate=200),
    )
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One server under one workload for one interval."""

    seconds: float
    messages: int
    deliveries: int
    missing: int
    """Messages sent that had not reached every other member after the interval and the drain."""
    server_cpu: float
    """Seconds of CPU time of the server."""
    busiest_thread: float
    """Seconds of CPU time of that thread of the server which used most."""
    generator_cpu: float
    machine_cpu: float
    """Seconds of CPU time of everything on the machine, stolen time included."""
    p50_ms: float
    p99_ms: float
    samples: int
    resident: int
    """Bytes of the server at the end of the interval."""
    peak: int
    held: float = 0.0
    """Share of what was to be sent that flow control did not take at once."""

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of server CPU a delivery."""
        return self.server_cpu / max(1, self.deliveries) * 1e6

    @property
    def generator_cost(self) -> float:
        """Microseconds of the load generator's CPU a delivery."""
        return self.generator_cpu / max(1, self.deliveries) * 1e6

    @property
    def others(self) -> float:
        """CPUs that neither the server nor the load generator used, but something did."""
        ours = self.server_cpu + self.generator_cpu
        return max(0.0, self.machine_cpu - ours) / self.seconds

    def limit(self, workload: Workload) -> str:
        """What kept the deliveries from being more, as far as CPU time tells."""
        asked = workload.rate * (workload.members - 1) * self.seconds
        if workload.rate and self.deliveries >= 0.98 * asked:
            return "the rate asked for"
        if self.generator_cpu / self.seconds >= BUSY:
            return "the load generator"
        if self.machine_cpu / self.seconds >= BUSY * cpu_count():
            return "the machine: its CPUs were full; how much was not ours, says the last column"
        if max(self.busiest_thread, self.server_cpu / cpu_count()) / self.seconds >= BUSY:
            return "the server"
        if self.held >= HELD:
            return "windows: flow control kept those who speak from sending"
        return "waiting: no CPU was full, messages in flight wait for one another or the disk"


def measure(
    workload: Workload,
    server: Measured,
    crowd: Crowd[Any],
    *,
    seconds: float,
    warmup: float,
    senders: int = 1,
    per_connection: int | None = None,
) -> Measurement:
    """Fill the rooms of a fresh server, then talk for `warmup` and measure for `seconds`."""
    rooms = fill(crowd, workload, senders, per_connection)
    gc.collect()
    gc.disable()
    try:
        return talk(crowd.loop, workload, rooms, server, seconds=seconds, warmup=warmup)
    finally:
        gc.enable()


def fill(
    crowd: Crowd[Any], workload: Workload, senders: int = 1, per_connection: int | None = None
) -> list[Room]:
    """Create the rooms and join everyone."""
    speaking = min(senders, workload.members - 1)
    places = [
        Place(f"bench-{number}", f"member {place}", speaks=place < speaking)
        for number in range(workload.rooms)
        for place in range(workload.members)
    ]
    on_one = (per_connection or workload.per_connection) if crowd.shares_connections else 1
    connections = crowd.connect(math.ceil(len(places) / on_one))
    crowd.create(connections[0], dict.fromkeys(place.room_id for place in places))
    members = join_all(crowd, places, connections)
    size = workload.members
    return [Room(members[at : at + size], speaking) for at in range(0, len(members), size)]


@dataclass(frozen=True, slots=True)
class _Moment:
    """Everything that is counted, read at one time."""

    at: float
    deliveries: int
    messages: int
    server: ProcessCost
    generator: float
    machine: float
    writes: int
    held: int


def _moment(rooms: list[Room], server: Measured) -> _Moment:
    return _Moment(
        at=time.monotonic(),
        deliveries=sum(room.received() for room in rooms),
        messages=sum(room.sent for room in rooms),
        server=server.cost(),
        generator=time.process_time(),
        machine=machine_busy(),
        writes=sum(room.writes for room in rooms),
        held=sum(room.held() for room in rooms),
    )


def talk(
    loop: Poll,
    workload: Workload,
    rooms: list[Room],
    server: Measured,
    *,
    seconds: float,
    warmup: float,
) -> Measurement:
    """Talk in rooms that are full for `warmup` and measure for `seconds`; may be repeated."""
    latencies: list[int] = []
    for room in rooms:
        room.observe(loop)
        last = len(room.members) - 1
        for place in {last // 4, last // 2, last} if len(rooms) == 1 else {last}:
            room.members[place].tally.latencies = latencies
    begin = time.monotonic()
    if workload.rate:
        pace = _Pace(workload.rate, rooms, begin)
        turn: Callable[[float], float] = pace.turn
    else:
        turn = _unpaced
        for room in rooms:
            room.speaking = True
            room.send(workload.in_flight)
    _until(loop, turn, begin + warmup)
    latencies.clear()
    before = _moment(rooms, server)
    _until(loop, turn, before.at + seconds)
    after = _moment(rooms, server)
    sampled_latencies = sorted(latencies)
    for room in rooms:
        room.speaking = False
    missing = _drain(loop, rooms)
    threads = (
        used - before.server.threads.get(number, 0.0)
        for number, used in after.server.threads.items()
    )
    return Measurement(
        seconds=after.at - before.at,
        messages=after.messages - before.messages,
        deliveries=after.deliveries - before.deliveries,
        missing=missing,
        server_cpu=after.server.cpu - before.server.cpu,
        busiest_thread=max(threads, default=0.0),
        generator_cpu=after.generator - before.generator,
        machine_cpu=after.machine - before.machine,
        p50_ms=_percentile(sampled_latencies, 50) / 1e6,
        p99_ms=_percentile(sampled_latencies, 99) / 1e6,
        samples=len(sampled_latencies),
        resident=after.server.resident,
        peak=after.server.peak,
        held=(after.held - before.held) / max(1, after.writes - before.writes),
    )


class _Pace:
    """Sends at a fixed rate, whatever comes back."""

    def __init__(self, rate: int, rooms: list[Room], begin: float) -> None:
        self._period = 1 / rate
        self._rooms = rooms
        self._next = begin
        self._count = 0

    def turn(self, now: float) -> float:
        """Send what is due; seconds until the next is."""
        while self._next <= now:
            self._rooms[self._count % len(self._rooms)].send(1)
            self._count += 1
            self._next += self._period
        return self._next - now


def _unpaced(_now: float) -> float:
    return 1.0


def _until(loop: Poll, turn: Callable[[float], float], deadline: float) -> None:
    while (now := time.monotonic()) < deadline:
        loop.turn(min(turn(now), deadline - now))


def _drain(loop: Poll, rooms: list[Room]) -> int:
    """Wait until everything sent has arrived; deliveries that are missing, or too many."""
    deadline = time.monotonic() + DRAIN_SECONDS
    expected = sum(room.expected() for room in rooms)
    while True:
        missing = expected - sum(room.received() for room in rooms)
        if missing <= 0 or time.monotonic() > deadline:
            break
        loop.turn(0.1)
    while loop.turn(0.1) and time.monotonic() < deadline:
        pass  # anything that is too much would come now
    return expected - sum(room.received() for room in rooms)


def _percentile(ordered: list[int], percent: int) -> float:
    """The nearest-rank percentile; nan of nothing."""
    if not ordered:
        return math.nan
    return float(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)])
