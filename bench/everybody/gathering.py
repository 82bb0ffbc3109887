"""Workloads in which nobody talks: people who only sit there, and a crowd that comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import idle_members, joins
from bench.contestants import crowd
from bench.everybody.trials import Figure, limited
from bench.idle_members import Layout
from bench.rooms import Place

if TYPE_CHECKING:
    from bench.contestants import Contest
    from bench.everybody.entrants import Entrant
    from bench.everybody.trials import Sample, Scale

KIB = 1024
MIB = 1024 * KIB
ROOMS = 100
STORM_ROOMS, STORM_MEMBERS = 50, 100
AT_ONCE = 256
SHARED = (
    " A member is a stream of its own over gRPC; with a broker it is a subscription of its"
    " connection, with IRC and XMPP a room in which the one nick of its connection is."
)


@dataclass(frozen=True, slots=True)
class Idle:
    """Members who say nothing, and the server's memory."""

    name: str
    layout: Layout
    small: Layout
    most_rounds = 2
    figures = (
        Figure("kib_a_member", "memory a member", "KiB", ".1f"),
        Figure("seconds", "until all were in", "s", ".1f"),
        Figure("resident_mib", "memory with everybody", "MiB", ".0f"),
        Figure("after_mib", "after they went", "MiB", ".0f", told=False),
    )

    @property
    def title(self) -> str:
        return self.layout.describe()

    @property
    def about(self) -> str:
        return (
            f"{self.layout.members:,} members come into {ROOMS} rooms and say nothing. The"
            " memory is what the server's process has more than before they came (resident; what"
            " the kernel keeps for its sockets is not in it)."
            + (SHARED if self.layout.shared else "")
        )

    def unfit(self, entrant: Entrant) -> str:
        if self.layout.shared and not entrant.shares_idle:
            return "has one member on a connection"
        return ""

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        layout = self.small if scale.small else self.layout
        rooms = scale.of(ROOMS, 10)
        with contest.running(entrant.name) as server:
            idle_members.create(entrant.name, server, rooms)
            taken = idle_members.measure(entrant.name, server, layout, rooms)
        return {
            "kib_a_member": taken.each / KIB,
            "seconds": taken.seconds,
            "resident_mib": taken.inside / MIB,
            "after_mib": taken.after / MIB,
            "missing": 0,  # who is not in is an error
            "limit": "",
        }


@dataclass(frozen=True, slots=True)
class Storm:
    """Everybody joins at once."""

    name = "joins-5000"
    title = "a join storm of 5,000"
    about = (
        f"5,000 members open connections of their own and join {STORM_ROOMS} rooms of"
        f" {STORM_MEMBERS}, {AT_ONCE} of them at once. A chat room tells everybody inside of every"
        " arrival (chatroom, grpc-go, ngIRCd and Prosody do); a broker tells nobody, and has that"
        " much less to do."
    )
    figures = (
        Figure("us_a_join", "server CPU a join", "µs", ",.0f"),
        Figure("rate", "joins a second", "", ",.0f", less_is_better=False),
        Figure("p99_ms", "p99", "ms", ",.0f"),
    )
    most_rounds = 3

    def unfit(self, entrant: Entrant) -> str:
        del entrant
        return ""

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        rooms, members = scale.of(STORM_ROOMS, 4), scale.of(STORM_MEMBERS, 10)
        # Round the rooms, so that all of them fill at the same time.
        places = [
            Place(f"storm-{room}", f"member {number}")
            for number in range(members)
            for room in range(rooms)
        ]
        with (
            contest.running(entrant.name) as server,
            crowd(entrant.name, server.port) as storming,
        ):
            taken = joins.measure(server, storming, places, AT_ONCE)
        return {
            "us_a_join": taken.server_cpu / taken.joins * 1e6,
            "rate": taken.rate,
            "p99_ms": taken.p99 * 1e3,
            "generator_cpu": taken.generator_cpu,
            "server_cpu": taken.server_cpu,
            "seconds": taken.last,
            "missing": 0,
            "limit": limited(taken.last, taken.server_cpu, taken.generator_cpu),
        }


GATHERING = (
    Idle("idle-shared", Layout(10_000, 100), Layout(100, 10)),
    Idle("idle-own", Layout(10_000, 10_000), Layout(100, 100)),
    Storm(),
)
