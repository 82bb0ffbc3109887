"""Workloads of those who come for what was said before: a replay, and a resume after a restart."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.contestants import crowd
from bench.everybody.entrants import OF_OURS, Entrant
from bench.everybody.trials import Figure, limited
from bench.grpc_returning import ReturningCrowd
from bench.peers.peer import Keeps
from bench.rooms import Place, join_all
from bench.servers import STOP_SECONDS, started, temporary
from bench.sockets import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bench.contestants import Contest
    from bench.everybody.trials import Sample, Scale
    from bench.rooms import Member

ROOMS = 10
MEMBERS = 100
"""Of each room."""
AT_ONCE = 256
"""Members that have asked and do not have everything yet."""
IN_A_WRITE = 50
SECONDS = 120
QUIET_SECONDS = 0.3
SPEAKER, WITNESS = 0, 1
"""Two members of each room are no part of what is measured: one speaks, one tells what landed."""


@contextlib.contextmanager
def returning(entrant: Entrant, port: int) -> Iterator[Any]:
    """Members of the kinds that this file needs; afterwards their connections are closed."""
    if entrant.name in OF_OURS:
        ours = ReturningCrowd(port)
        try:
            yield ours
        finally:
            ours.loop.close()
    else:
        with crowd(entrant.name, port) as members:
            yield members


def say_all(members: Any, speakers: list[Member], witnesses: list[Member], count: int) -> None:
    """Every speaker says `count` messages, which have reached its room afterwards."""
    begin = [witness.tally.count for witness in witnesses]
    for said in range(0, count, IN_A_WRITE):
        now = min(count, said + IN_A_WRITE)
        for speaker in speakers:
            speaker.say(time.monotonic_ns(), now - said)

        def landed(now: int = now) -> bool:
            pairs = zip(witnesses, begin, strict=True)
            return all(witness.tally.count >= before + now for witness, before in pairs)

        members.loop.until(landed, SECONDS, "what was said")


def storm(
    members: Any, asking: Iterable[Callable[[], Member]], each: int
) -> tuple[float, list[Member]]:
    """Have all ask, `AT_ONCE` at a time, until everyone has `each` messages; seconds, and they."""
    todo = deque(asking)
    asked: list[Member] = []
    waiting: list[Member] = []
    begin = time.monotonic()
    while todo or waiting:
        while todo and len(waiting) < AT_ONCE:
            member = todo.popleft()()
            asked.append(member)
            waiting.append(member)
        members.loop.turn(0.1)
        waiting = [member for member in waiting if member.tally.count < each]
        if time.monotonic() - begin > SECONDS:
            raise WireError(f"{len(todo) + len(waiting)} do not have all after {SECONDS} s")
    took = time.monotonic() - begin
    while members.loop.turn(QUIET_SECONDS) and time.monotonic() - begin < SECONDS:
        pass  # what is too much would come now
    return took, asked


def missing(asked: list[Member], each: int) -> int:
    """Deliveries that did not come; what is too much at one does not make up for another's."""
    return sum(abs(each - member.tally.count) for member in asked)


def sample(took: float, used: float, generator: float, asked: list[Member], each: int) -> Sample:
    messages = len(asked) * each
    return {
        "us_a_message": used / messages * 1e6,
        "seconds": took,
        "rate": messages / took,
        "server_cpu": used,
        "generator_cpu": generator,
        "missing": missing(asked, each),
        "limit": limited(took, used, generator),
    }


@dataclass(frozen=True, slots=True)
class Replay:
    """Everybody comes and wants to read what was said before."""

    name = "replay-1000x1000"
    title = "1,000 members replay 1,000 messages each"
    about = (
        "Ten rooms of which each has 1,000 messages. A hundred members for each come in on"
        f" connections of their own, {AT_ONCE} at once, and read all of them."
    )
    figures = (
        Figure("us_a_message", "server CPU a replayed message", "µs", ".2f"),
        Figure("seconds", "until everybody had all", "s", ".2f"),
        Figure("rate", "replayed messages a second", "", ",.0f", less_is_better=False),
    )
    most_rounds = 3

    def unfit(self, entrant: Entrant) -> str:
        if entrant.replays:
            return ""
        return "keeps nothing" if entrant.keeps is Keeps.NOTHING else "cannot replay"

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        rooms, count = scale.of(ROOMS, 2), scale.of(MEMBERS, 10)
        each = scale.of(1_000, 100)
        first = [
            Place(f"replay-{room}", f"early {number}", speaks=number == SPEAKER)
            for room in range(rooms)
            for number in (SPEAKER, WITNESS)
        ]
        places = [
            Place(f"replay-{room}", f"member {number}")
            for number in range(count)
            for room in range(rooms)
        ]
        with (
            contest.running(entrant.name) as server,
            returning(entrant, server.port) as members,
        ):
            connections = members.connect(len(first))
            members.create(connections[0], [f"replay-{room}" for room in range(rooms)])
            early = join_all(members, first, connections)
            say_all(members, early[SPEAKER::2], early[WITNESS::2], each)
            connections = members.connect(len(places))
            used, generator = server.cost().cpu, time.process_time()
            asking = [
                functools.partial(members.replay, connection, place)
                for connection, place in zip(connections, places, strict=True)
            ]
            took, asked = storm(members, asking, each)
            return sample(
                took,
                server.cost().cpu - used,
                time.process_time() - generator,
                asked,
                each,
            )


@dataclass(frozen=True, slots=True)
class Resume:
    """The server is restarted under a thousand members, and all come back at once."""

    name = "resume-1000"
    title = "1,000 members resume after a restart"
    about = (
        "Ten rooms of a hundred are told to go on after a restart of the server (SIGTERM, then the"
        " same program on the same files). Before anybody else is back, 100 messages are said in"
        f" each room. Then all come, {AT_ONCE} at once, and read what they missed: exactly these."
    )
    figures = (
        Figure("seconds", "until everybody had what it missed", "s", ".2f"),
        Figure("us_a_message", "server CPU a missed message", "µs", ".2f"),
        Figure("ready", "from the start of the server until it listened", "s", ".2f"),
    )
    most_rounds = 3

    def unfit(self, entrant: Entrant) -> str:
        if entrant.resumes:
            return ""
        return "forgets" if entrant.keeps in {Keeps.NOTHING, Keeps.MEMORY} else "cannot resume"

    def run(self, entrant: Entrant, contest: Contest, scale: Scale) -> Sample:
        rooms, count, each = scale.of(ROOMS, 2), scale.of(MEMBERS, 6), scale.of(100, 10)
        with temporary(contest.journal.below) as directory:
            earlier = _remembered(entrant, contest, directory, rooms, count)
            begin = time.monotonic()
            program = contest.program(entrant.name, directory / "data")
            with (
                started(program, directory) as server,
                returning(entrant, server.port) as members,
            ):
                ready = time.monotonic() - begin
                first = [room[place] for room in earlier for place in (SPEAKER, WITNESS)]
                early = [
                    members.resume(connection, one, early=True)
                    for connection, one in zip(members.connect(len(first)), first, strict=True)
                ]
                members.loop.until(lambda: all(one.entered for one in early), SECONDS, "the first")
                say_all(members, early[SPEAKER::2], early[WITNESS::2], each)
                others = [one for row in zip(*earlier, strict=True) for one in row][2 * rooms :]
                used, generator = server.cost().cpu, time.process_time()
                asking = [functools.partial(_back, members, one) for one in others]
                took, asked = storm(members, asking, each)
                taken = sample(
                    took,
                    server.cost().cpu - used,
                    time.process_time() - generator,
                    asked,
                    each,
                )
        return {**taken, "ready": ready}


def _back(members: Any, earlier: Any) -> Any:
    """Come back on a new connection."""
    return members.resume(members.open(), earlier, early=False)


def _remembered(
    entrant: Entrant, contest: Contest, directory: Any, rooms: int, count: int
) -> list[list[Any]]:
    """Fill the rooms, talk, and stop the server; its members, who know how far they are."""
    places = [
        Place(f"resume-{room}", f"member {number}", speaks=number == SPEAKER)
        for room in range(rooms)
        for number in range(count)
    ]
    program = contest.program(entrant.name, directory / "data")
    with (
        started(program, directory) as server,
        returning(entrant, server.port) as members,
    ):
        connections = members.connect(len(places))
        members.create(connections[0], [f"resume-{room}" for room in range(rooms)])
        inside: list[Any] = []
        for connection, place in zip(connections, places, strict=True):
            inside.append(members.remember(connection, place))
            members.loop.turn(0)
        members.loop.until(lambda: all(one.entered for one in inside), SECONDS, "the members")
        in_rooms = [inside[at : at + count] for at in range(0, len(inside), count)]
        speakers = [room[SPEAKER] for room in in_rooms]
        say_all(members, speakers, [room[WITNESS] for room in in_rooms], 10)
        while members.loop.turn(QUIET_SECONDS):
            pass
        server.cost()  # it is still there
        members.loop.close()
        server.process.terminate()
        server.process.wait(STOP_SECONDS)
    return in_rooms


RETURNING = (Replay(), Resume())
