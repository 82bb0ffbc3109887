"""Members over Redis pub/sub: a room is a channel, a member a subscription to it.

The protocol is RESP2 (redis.io, "Redis serialization protocol specification"), in which a
connection that has subscribed cannot publish: a member that speaks does nothing else, and
a connection has a subscription to a channel once. Redis answers each PUBLISH with a
number, which is dropped unread, and tells nobody of a subscription but the subscriber.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bench.sockets import READ_BYTES, Poll, Socket, WireError
from bench.tally import AFTER_STAMP, BEFORE_STAMP, TEXT_BYTES, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.rooms import Place

SUBSCRIBED = b"\r\n$9\r\nsubscribe\r\n"
"""What the answer to a subscription begins with, after the number of its parts."""
ERROR = ord("-")


def command(*words: bytes) -> bytes:
    """A request: an array of bulk strings."""
    parts = (b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%b" % (len(words), b"".join(parts))


class RedisMember:
    """A subscription, or a member that speaks and only publishes."""

    __slots__ = ("_after", "_before", "connection", "entered", "listens", "tally")

    def __init__(self, connection: RedisConnection, place: Place) -> None:
        self.listens = not place.speaks
        self.entered = place.speaks
        self.tally = Tally()
        self.connection = connection
        self._before = (
            b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n%b"
            % (len(place.room_id), place.room_id.encode(), TEXT_BYTES, BEFORE_STAMP)
        )  # fmt: skip
        self._after = AFTER_STAMP + b"\r\n"

    def say(self, stamp: int, times: int) -> None:
        """Publish it, all times in one write."""
        self.connection.write((b"%b%016x%b" % (self._before, stamp, self._after)) * times)


class RedisConnection(Socket):
    """One connection: with subscriptions, or of a member that speaks.

    Only one of its members can be told apart while they talk: what comes is counted for
    the first.
    """

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        self._waiting: deque[RedisMember] = deque()
        self._kept = b""
        self._first: RedisMember | None = None

    def subscribe(self, member: RedisMember, channel: str) -> None:
        self._first = self._first or member
        self._waiting.append(member)
        self.write(command(b"SUBSCRIBE", channel.encode()))

    def readable(self) -> None:
        """Read once; everything in it is for one member, or answers to subscriptions."""
        buffer = self.loop.buffer
        try:
            end = self.socket.recv_into(buffer, READ_BYTES)
        except ConnectionResetError:
            end = 0
        if not end:
            self.closed_by_server()
        elif self._waiting:
            self._answered(bytes(buffer[:end]))
        elif self._first:
            self._first.tally.take(buffer, 0, end)
        elif buffer[0] == ERROR:
            raise WireError(f"Redis answers {bytes(buffer[:100])!r}")

    def _answered(self, octets: bytes) -> None:
        """Count the answers to subscriptions, which come in the order of asking."""
        if octets[0] == ERROR:
            raise WireError(f"Redis answers {octets[:100]!r}")
        octets = self._kept + octets
        *answers, rest = octets.split(SUBSCRIBED)
        for _ in answers:
            self._waiting.popleft().entered = True
        self._kept = rest[1 - len(SUBSCRIBED) :]


class RedisCrowd:
    """Members on the port of redis-server."""

    shares_connections = False

    def __init__(self, port: int) -> None:
        self.port = port
        self.loop = Poll()

    def open(self) -> RedisConnection:
        return RedisConnection(self.loop, self.port)

    def connect(self, count: int) -> list[RedisConnection]:
        return [self.open() for _ in range(count)]  # the server says nothing first

    def create(self, connection: RedisConnection, room_ids: Iterable[str]) -> None:
        """A channel is there once somebody is subscribed to it."""

    def join(self, connection: RedisConnection, place: Place) -> RedisMember:
        member = RedisMember(connection, place)
        if member.listens:
            connection.subscribe(member, place.room_id)
        return member
