"""Rooms and their members as the load generator plays them, whatever protocol they speak."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from bench.sockets import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.sockets import Poll
    from bench.tally import Tally

JOINS_AT_ONCE = 64
"""Joins under way at once."""
JOIN_SECONDS = 90
"""Who is not in by then is not waited for."""
QUIET_SECONDS = 0.3
"""Arrivals have all been delivered when nothing came for so long."""

C = TypeVar("C")


class Member(Protocol):
    """One member of a room."""

    @property
    def entered(self) -> bool:
        """True once the server has said that it is in."""
        ...

    @property
    def listens(self) -> bool:
        """True when what others say comes to it."""
        ...

    tally: Tally
    """What counts that which comes to it."""

    @property
    def connection(self) -> object:
        """Its connection, or that which it shares with others."""
        ...

    def say(self, stamp: int, times: int) -> None:
        """Send a text of `TEXT_BYTES` that holds the stamp, `times` times."""
        ...


class Crowd(Protocol[C]):
    """What members need of a protocol; `C` is its connection."""

    @property
    def loop(self) -> Poll: ...

    @property
    def shares_connections(self) -> bool:
        """True when several members of one room may be on one connection."""
        ...

    def open(self) -> C:
        """Open a connection; whoever joins need not wait for what the server says first."""
        ...

    def connect(self, count: int) -> list[C]:
        """Open connections, and wait for what the server says first."""
        ...

    def create(self, connection: C, room_ids: Iterable[str]) -> None:
        """Make the rooms."""
        ...

    def join(self, connection: C, place: Place) -> Member:
        """Begin to join; the member tells when it has `entered`."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Who is to join which room; one that `speaks` does so later."""

    room_id: str
    name: str
    speaks: bool = False


def join_all(crowd: Crowd[C], places: Sequence[Place], connections: Sequence[C]) -> list[Member]:
    """Bring everyone in, the n-th on connection n modulo their number, and let it settle.

    Afterwards everyone has entered and nothing but PING came for `QUIET_SECONDS`.
    """
    loop = crowd.loop
    deadline = time.monotonic() + JOIN_SECONDS
    members: list[Member] = []
    waiting: list[Member] = []
    while len(members) < len(places) or waiting:
        while len(members) < len(places) and len(waiting) < JOINS_AT_ONCE:
            connection = connections[len(members) % len(connections)]
            member = crowd.join(connection, places[len(members)])
            members.append(member)
            waiting.append(member)
        loop.turn(0.1)
        waiting = [member for member in waiting if not member.entered]
        if time.monotonic() > deadline:
            missing = len(places) - len(members) + len(waiting)
            raise WireError(f"{missing} members not in after {JOIN_SECONDS} s")
    since = time.monotonic()
    while (now := time.monotonic()) - since < QUIET_SECONDS:
        pings = loop.pings
        if loop.turn(QUIET_SECONDS) > loop.pings - pings:
            since = time.monotonic()
        if now > deadline:
            raise WireError(f"arrivals still come after {JOIN_SECONDS} s")
    return members


@dataclass(slots=True)
class Room:
    """The members of one room, and those that speak: the first `senders`.

    The observer is the member that joined last: where a server writes to its
    members in the order of their joining, a message has landed with everyone then.
    """

    members: list[Member]
    senders: int
    speaking: bool = False
    """While true, each message that landed is replaced by a new one."""
    sent: int = 0
    writes: int = 0
    """Times that a member was told to say something."""
    _turn: int = field(default=0, init=False)
    _landed: int = field(default=0, init=False)
    """Messages that the present read of the observer has brought so far."""

    def observe(self, loop: Poll) -> None:
        """Have the observer tell what landed, and replace what one read brought at once."""

        def replace() -> None:
            count, self._landed = self._landed, 0
            if self.speaking:
                self.send(count)

        def landed(count: int) -> None:
            if not self._landed:
                loop.after_read(replace)
            self._landed += count

        self.members[-1].tally.landed = landed

    def send(self, count: int) -> None:
        """Send `count` messages now, shared out among the senders in turn."""
        stamp = time.monotonic_ns()
        self.sent += count
        each, left = divmod(count, self.senders)
        for place in range(self.senders if each else left):
            sender = self.members[(self._turn + place) % self.senders]
            sender.say(stamp, each + (place < left))
            self.writes += 1
        self._turn = (self._turn + left) % self.senders

    def held(self) -> int:
        """How many of the `writes` the server's windows or the kernel did not take at once."""
        speaking = self.members[: self.senders]
        return sum(
            getattr(member, "held", 0) + getattr(member.connection, "held", 0)
            for member in speaking
        )

    def forget_counts(self) -> None:
        """Begin to count anew: everything that was said has arrived, or its members changed."""
        self.sent = 0
        for member in self.members:
            member.tally.count = 0

    def received(self) -> int:
        return sum(member.tally.count for member in self.members)

    def expected(self) -> int:
        """Deliveries of all that was sent: nobody gets what it said itself."""
        listening = sum(member.listens for member in self.members)
        return self.sent * (listening - self.members[0].listens)
