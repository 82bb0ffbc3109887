"""What members have in common whose protocol is bytes on a connection of their own.

Joining is a conversation, and is read with care. From then on nothing is read but the
messages' markers: a connection counts everything that comes for the member that joined on it
first. So two members of a room that talks are not on one connection; silent ones may be, in
different rooms.
"""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING

from bench.sockets import READ_BYTES, Poll, Socket
from bench.tally import AFTER_STAMP, BEFORE_STAMP, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.rooms import Place


class PlainMember:
    """A member; what it says is the same bytes each time, but for the stamp."""

    __slots__ = ("_after", "_before", "connection", "entered", "listens", "place", "tally")

    def __init__(self, connection: PlainConnection, place: Place, *, listens: bool = True) -> None:
        """`listens`: what comes to it is counted. Else it is dropped."""
        self.connection = connection
        self.place = place
        self.listens = listens
        self.entered = False
        self.tally = Tally()
        around = connection.saying(self)
        self._before, self._after = around[0] + BEFORE_STAMP, AFTER_STAMP + around[1]

    def say(self, stamp: int, times: int) -> None:
        """Send it, all times in one write."""
        self.connection.write((b"%b%016x%b" % (self._before, stamp, self._after)) * times)


UNGREETED = 8
"""Connections that the server has not answered yet, at most: some keep as few as 10 waiting, and
the kernel tries the next only after a second."""
GREETING_SECONDS = 60


class PlainConnection(Socket):
    """One connection, and the members that join on it."""

    is_greeted = True
    """The server says something once it has accepted a connection."""

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        self.greeted = not self.is_greeted
        """It has said something, or will not before it is asked."""
        self.waiting: deque[PlainMember] = deque()
        """Those that have asked to be let in, in the order of asking."""
        self.members: list[PlainMember] = []
        self._kept = b""

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        """What stands before and after a text that the member says."""
        raise NotImplementedError

    def ask(self, member: PlainMember) -> None:
        """Have the member join, now or as soon as the connection is that far."""
        raise NotImplementedError

    def answered(self, octets: bytes) -> bytes:
        """Read what came while somebody waits; what is left of it, to be read with the next."""
        raise NotImplementedError

    def dropped(self, buffer: bytearray, end: int) -> None:
        """What came for a member that does not listen; WireError where the server complains."""

    def came(self, buffer: bytearray, end: int) -> None:
        """Take what came while nobody waits."""
        if not self.members:
            self._kept = self.answered(self._kept + bytes(buffer[:end]))
        elif (first := self.members[0]).listens:
            first.tally.take(buffer, 0, end)
        else:
            self.dropped(buffer, end)

    def settled(self) -> None:
        """Everybody is in: what is left of the answers may be the beginning of a message."""
        octets, self._kept = bytearray(self._kept), b""
        if octets and self.members[0].listens:
            self.members[0].tally.take(octets, 0, len(octets))

    def join(self, member: PlainMember) -> None:
        self.members.append(member)
        self.waiting.append(member)
        self.ask(member)

    def readable(self) -> None:
        """Read once."""
        buffer = self.loop.buffer
        try:
            end = self.socket.recv_into(buffer, READ_BYTES)
        except ConnectionResetError:
            end = 0
        self.greeted = True
        if not end:
            self.closed_by_server()
        elif self.waiting:
            self._kept = self.answered(self._kept + bytes(buffer[:end]))
            if not self.waiting:
                self.settled()
        else:
            self.came(buffer, end)


class PlainCrowd:
    """Members on a port. Subclasses say what their connections and members are."""

    shares_connections = False
    connection: type[PlainConnection]
    deaf_speakers = False
    """Who speaks would hear itself, or is no reader: nothing that comes to it is counted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.loop = Poll()

    def open(self) -> PlainConnection:
        return self.connection(self.loop, self.port)

    def connect(self, count: int) -> list[PlainConnection]:
        """Open connections, few at a time where the server greets, so that none has to wait."""
        connections = [self.open() for _ in range(min(count, UNGREETED))]
        for number in range(count):
            greeted = functools.partial(getattr, connections[number], "greeted")
            self.loop.until(greeted, GREETING_SECONDS, "a greeting")
            if len(connections) < count:
                connections.append(self.open())
        return connections

    def create(self, connection: PlainConnection, room_ids: Iterable[str]) -> None:
        """A room is there once somebody is in it."""

    def join(self, connection: PlainConnection, place: Place) -> PlainMember:
        listens = not (place.speaks and self.deaf_speakers)
        member = PlainMember(connection, place, listens=listens)
        connection.join(member)
        return member
