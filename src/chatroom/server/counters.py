"""Counters: what the server did, how often it met its limits, and what it refused.

Plain numbers since the server began. Whoever shows them sums and names them where they are read:
nothing is done for that while a message is on its way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from chatroom.core.refusals import Refusal

TURN_ENTRIES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
APPEND_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""A redo log takes below a millisecond, a disk that spins some ten, a database far away more."""
FAN_OUT_SECONDS = APPEND_SECONDS


class Histogram:
    """How often a value was at most so large."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` rise; what is above the last one is counted as well."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Of the values up to each bound, and above the one before."""
        self.total = 0.0
        """Of all values."""

    def note(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Calls:
    """Calls by the path of their method, and the messages of those that answer once.

    Each that has begun ends once, whatever becomes of it.
    """

    __slots__ = ("handled", "received", "sent", "started")

    def __init__(self) -> None:
        self.started: dict[str, int] = {}
        self.handled: dict[tuple[str, int], int] = {}
        """By path and status code; cancelled: the peer was gone before it had a status."""
        self.received: dict[str, int] = {}
        self.sent: dict[str, int] = {}

    def begin(self, path: str) -> None:
        """A call has come."""
        self.started[path] = self.started.get(path, 0) + 1

    def end(self, path: str, code: int) -> None:
        """It has its status."""
        self.handled[path, code] = self.handled.get((path, code), 0) + 1

    def receive(self, path: str) -> None:
        """A message of a request was taken."""
        self.received[path] = self.received.get(path, 0) + 1

    def send(self, path: str) -> None:
        """A message was sent."""
        self.sent[path] = self.sent.get(path, 0) + 1


class Streamed:
    """Messages of `Chat`, or of `Subscribe`.

    What a stream is handed of the log is not counted when it is: its cursor says how much that
    was. `passed` has the cursors of streams that have ended, less those with which all began; so
    with those of open streams it is what all were handed.
    """

    __slots__ = ("beside", "heard", "passed")

    def __init__(self) -> None:
        self.heard = 0
        """Messages that were taken from streams."""
        self.passed = 0
        self.beside = 0
        """Messages beside the log, and history; less what was left out of the log for whom it
        was their own."""

    def begin(self, cursor: int) -> None:
        """A stream is handed what follows a cursor."""
        self.passed -= cursor

    def end(self, cursor: int) -> None:
        """It was handed everything up to this one."""
        self.passed += cursor


class Http2Counts:
    """How streams and connections of HTTP/2 came to an end before they were over."""

    __slots__ = ("floods", "resets", "server_resets", "stalled_connections", "stalled_streams")

    def __init__(self) -> None:
        self.floods: dict[str, int] = {}
        """Connections that were cut off, by what there was too much of; all are sentences of
        `wire.http2`."""
        self.resets = 0
        """Streams that peers have reset: cancelled calls."""
        self.server_resets = 0
        """Streams that we have reset, for what peers did or did not."""
        self.stalled_streams = 0
        """Of those: their windows stayed closed."""
        self.stalled_connections = 0
        """Connections that were ended because their peers took nothing."""

    def reset(self, *, by_peer: bool, stalled: bool) -> None:
        """Count a stream that was reset."""
        self.resets += by_peer
        self.server_resets += not by_peer
        self.stalled_streams += stalled

    def flood(self, reason: str) -> None:
        """Count a connection that was cut off."""
        what = reason.removeprefix("too many ").replace(" ", "_")
        self.floods[what] = self.floods.get(what, 0) + 1


class Counters:
    """One object for all parts of a server."""

    __slots__ = (
        "address_connections", "append_failures", "append_seconds", "calls", "chat",
        "connections", "endings", "fan_out_seconds", "http2", "member_pauses", "refusals",
        "refused_messages", "resumes", "room_pauses", "subscribe", "trimmed_bytes", "turn_entries",
    )  # fmt: skip

    def __init__(self) -> None:
        self.calls = Calls()
        self.http2 = Http2Counts()
        self.chat = Streamed()
        self.subscribe = Streamed()
        self.endings: dict[str, int] = {}
        """Streams that were in a room, by how they ended: a reason as in ErrorInfo, the name of a
        status, or GONE: the peer was."""
        self.resumes: dict[str, int] = {}
        """Joins with a session: complete, partial, fresh or refused."""
        self.refused_messages: dict[str, int] = {}
        """Messages that were refused, by reason, while their stream went on."""
        self.refusals: dict[str, int] = {}
        """Calls and streams that ended with a refusal, by the reason in ErrorInfo."""
        self.connections = 0
        """Times that nobody was accepted, because there were as many connections as may be."""
        self.address_connections = 0
        """Connections that were closed at once, because their address had as many."""
        self.member_pauses = 0
        """Times that a stream was not read, because its member was above its rate."""
        self.room_pauses = 0
        """The same, because all in its room together were above theirs."""
        self.trimmed_bytes = 0
        """Of messages that were deleted, because more was kept than may be."""
        self.turn_entries = Histogram(TURN_ENTRIES)
        """Entries of each turn that was stored, in all rooms together."""
        self.append_seconds = Histogram(APPEND_SECONDS)
        """What the journal took for each of those."""
        self.fan_out_seconds = Histogram(FAN_OUT_SECONDS)
        """From the end of each until all its readers that could take something had it."""
        self.append_failures = 0
        """Turns that could not be stored."""

    def refuse(self, refusal: Refusal) -> None:
        """Count a refusal."""
        self.refusals[refusal.reason] = self.refusals.get(refusal.reason, 0) + 1

    def refuse_message(self, refusal: Refusal) -> None:
        """Count a message that was refused."""
        known = self.refused_messages
        known[refusal.reason] = known.get(refusal.reason, 0) + 1

    def end(self, how: str) -> None:
        """Count a stream that has ended."""
        self.endings[how] = self.endings.get(how, 0) + 1

    def resume(self, outcome: str) -> None:
        """Count somebody who came with a session."""
        self.resumes[outcome] = self.resumes.get(outcome, 0) + 1
