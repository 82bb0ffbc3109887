"""Members of rooms as the load generator plays them: plain clients that count exactly.

Every message of a workload holds `MARKER` once and nothing else on the wire does, so
the messages in a piece of a stream are counted by counting markers. A marker that
two DATA frames share is found by looking at the joint between them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.http2_frames import WireError, request_headers
from bench.http2_streams import Stream
from chatroom.api.rpc import chat_pb2
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.http2_sink import Connection, Loop

TEXT_BYTES = 64
MARKER = b"|~~~~~~~~~~~"
"""No end of it is also its beginning, so no two occurrences overlap."""
LONG = len(MARKER)
STAMP = 16
"""Hexadecimal digits of the nanoseconds (`time.monotonic_ns`) that follow the marker."""
ENTERED = "Has entered the chat"
JOIN_WINDOW = 64
"""Joins under way at once."""
JOIN_SECONDS = 240
QUIET_SECONDS = 0.3
"""Arrivals have all been delivered when nothing came for so long."""

_STAMPED = re.compile(re.escape(MARKER) + b"([0-9a-f]{%d})" % STAMP)
_PADDING = b"." * (TEXT_BYTES - LONG - STAMP)
_EXAMPLE = chat_pb2.ChatMessage(
    message=chat_pb2.Message(message=(MARKER + b"0" * STAMP + _PADDING).decode())
)
_BEFORE, _AFTER = envelope(_EXAMPLE.SerializeToString()).split(b"0" * STAMP)


def stamped() -> bytes:
    """An enveloped message of 64 bytes of text that says when it was made."""
    return b"%b%016x%b" % (_BEFORE, time.monotonic_ns(), _AFTER)


class Sink(Stream):
    """Counts the messages that arrive on one stream."""

    __slots__ = ("_carry", "count", "landed", "latencies")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.landed: Callable[[int], None] | None = None
        """Told how many messages came, of an observer."""
        self.latencies: list[int] | None = None
        """Nanoseconds from sending to receiving, of a sampled member."""
        self._carry = b""
        """The end of the stream so far, if a marker may have begun there."""

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        found = buffer.count(MARKER, start, stop)
        tail = buffer[max(start, stop - LONG + 1) : stop]
        if self._carry:
            joint = self._carry + buffer[start : min(stop, start + LONG - 1)]
            if MARKER in joint:
                found += 1
            if stop - start < LONG - 1:
                tail = bytearray(joint[1 - LONG :])
        begun = tail.find(MARKER[0])
        self._carry = bytes(tail[begun:]) if begun >= 0 else b""
        if found:
            self.count += found
            if self.latencies is not None:
                self._sample(self.latencies, buffer, start, stop)
            if self.landed is not None:
                self.landed(found)

    def _sample(self, latencies: list[int], buffer: bytearray, start: int, stop: int) -> None:
        """Note the age of every message but those whose stamp two frames share."""
        now = time.monotonic_ns()
        latencies.extend(now - int(stamp, 16) for stamp in _STAMPED.findall(buffer, start, stop))


class Member(Sink):
    """A member of a room; `entered` once its own arrival has come back to it."""

    __slots__ = ("_arrival", "_before", "entered", "name", "room_id")

    def __init__(self, room_id: str, name: str) -> None:
        super().__init__()
        self.room_id = room_id
        self.name = name
        self.entered = False
        self._before = bytearray()
        self._arrival = chat_pb2.Message(name=name, message=ENTERED).SerializeToString()

    def join(self, connection: Connection, headers: bytes) -> None:
        """Send the join of a plain client: no feature, so nothing of its own comes back."""
        request = chat_pb2.ChatMessage(join=chat_pb2.JoinChat(room_id=self.room_id, name=self.name))
        connection.open(self, headers, envelope(request.SerializeToString()))

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        if self.entered:
            super().received(buffer, start, stop)
            return
        self._before += buffer[start:stop]
        if self._arrival in self._before:
            self.entered = True
            self._before.clear()

    def ended(self, headers: dict[str, str]) -> None:
        try:
            super().ended(headers)
        except WireError as error:
            raise WireError(f"{self.name} in room {self.room_id}: {error}") from None


def join_all(loop: Loop, members: list[Member], connections: list[Connection]) -> None:
    """Bring all members in, the n-th on connection n modulo their number, and let it settle.

    Afterwards everyone has its own arrival and nothing came for `QUIET_SECONDS`.
    """
    headers = request_headers(CHAT, f"127.0.0.1:{connections[0].port}")
    deadline = time.monotonic() + JOIN_SECONDS
    waiting: list[Member] = []
    todo = list(enumerate(members))[::-1]
    while todo or waiting:
        while todo and len(waiting) < JOIN_WINDOW:
            number, member = todo.pop()
            member.join(connections[number % len(connections)], headers)
            waiting.append(member)
        loop.turn(0.1)
        waiting = [member for member in waiting if not member.entered]
        if time.monotonic() > deadline:
            raise WireError(f"{len(todo) + len(waiting)} members not in after {JOIN_SECONDS} s")
    while loop.turn(QUIET_SECONDS):
        if time.monotonic() > deadline:
            raise WireError(f"arrivals still come after {JOIN_SECONDS} s")


@dataclass(slots=True)
class Room:
    """The members of one room, and those that speak.

    The observer is the member that joined last: where a server writes to its
    members in the order of their joining, a message has landed with everyone then.
    """

    members: list[Member]
    senders: int
    speaking: bool = False
    """While true, each message that landed is replaced by a new one."""
    sent: int = 0
    _turn: int = field(default=0, init=False)

    def observe(self) -> None:
        """Have the observer tell what landed."""
        self.members[-1].landed = self._landed

    def _landed(self, count: int) -> None:
        if self.speaking:
            self.send(count)

    def send(self, count: int) -> None:
        """Send `count` messages now, shared out among the senders in turn."""
        message = stamped()
        self.sent += count
        each, left = divmod(count, self.senders)
        for place in range(self.senders if each else left):
            sender = self.members[(self._turn + place) % self.senders]
            sender.send(message, each + (place < left))
        self._turn = (self._turn + left) % self.senders

    def received(self) -> int:
        return sum(member.count for member in self.members)
