"""What is known of each stream now: rates, windows, round trips, and who waits for whom."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.messages import Part
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.passage import SIDES, Side
from chatroom.chatwire.show.summary import completes_message, status_of

if TYPE_CHECKING:
    from chatroom.chatwire.decode.records import Frame

STREAMS = 10_000
"""That are followed; of more, those that were silent longest are forgotten."""
CONNECTIONS = 10_000
SECOND = 10**9
SHOWN_AFTER_THE_END = 5 * SECOND
"""How long a stream that is over is still listed."""
PINGS = 64
"""Of one connection that wait for an answer; of more, the oldest are forgotten."""


def _counts() -> dict[Side, int]:
    return dict.fromkeys(Side, 0)


@dataclass(slots=True)
class Stream:
    """A stream, or an exchange of HTTP/1.1. Times in nanoseconds since 1970."""

    connection: int
    number: int
    begun: int
    call: str = ""
    latest: int = 0
    speaker: Side | None = None
    """Who spoke last: a head, DATA, a body."""
    spoke: int = 0
    messages: dict[Side, int] = field(default_factory=_counts)
    bytes: dict[Side, int] = field(default_factory=_counts)
    """Since the last reading."""
    windows: dict[Side, int | None] = field(default_factory=lambda: dict.fromkeys(Side))
    """What each may still send on the stream."""
    closed_since: dict[Side, int] = field(default_factory=dict)
    """Since when a side may send nothing more: its window, or the connection's, is 0."""
    half: set[Side] = field(default_factory=set)
    over: int = 0
    ending: str = ""


@dataclass(slots=True)
class Connection:
    """What is known of all its streams together."""

    windows: dict[Side, int | None] = field(default_factory=lambda: dict.fromkeys(Side))
    pings: dict[tuple[Side, bytes], int] = field(default_factory=dict)
    """By who sent them: when those were sent that are not answered."""
    round_trip: int | None = None
    """Nanoseconds; from the tap to who answered the last PING, and back."""
    streams: set[int] = field(default_factory=set)
    """That are open."""


@dataclass(frozen=True, slots=True)
class Line:
    """A stream as it is shown. Rates are a second's."""

    connection: int
    stream: int
    call: str
    age: float
    """Seconds."""
    messages: tuple[float, float]
    """From the client, from the server; so are those below."""
    bytes: tuple[float, float]
    windows: tuple[int | None, int | None]
    """What each may still send: on the stream and on the connection, whichever is less."""
    round_trip: float | None
    """Seconds; of a PING that is not answered yet, how long it has waited, if that is more."""
    waits: str
    """Who waits for whom, and since when; "" for nobody. Of a stream that is over, its end."""


class Table:
    """Takes frames; `read` gives the lines and begins to count anew."""

    def __init__(self) -> None:
        self._streams: OrderedDict[tuple[int, int], Stream] = OrderedDict()
        """The most silent first."""
        self._connections: OrderedDict[int, Connection] = OrderedDict()
        self._read_at: int | None = None
        self.frames = 0
        """Since the last reading."""
        self.unreached = 0
        """Connections for which the server could not be reached."""
        self.opened = 0
        """Connections so far."""

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    def take(self, frame: Frame) -> None:
        """Count a frame."""
        self.frames += 1
        detail = frame.detail
        if frame.kind is Kind.OPENED:
            self.opened += 1
            self._connections[frame.connection] = Connection()
            if len(self._connections) > CONNECTIONS:
                self._close(next(iter(self._connections)), frame.time, "forgotten")
            return
        connection = self._connections.get(frame.connection)
        if connection is None:
            return
        if isinstance(detail, records.Ended):
            self.unreached += any("cannot be reached" in note for note in frame.notes)
            how = "reset" if detail.reset else "ended"
            self._close(frame.connection, frame.time, f"connection {how} by the {frame.sender}")
        elif isinstance(detail, records.Ping):
            self._ping(connection, frame, detail)
        elif isinstance(detail, records.WindowUpdate) and not frame.stream:
            self._allow(connection, frame.sender.other, detail.window, frame)
        elif frame.stream:
            self._stream(connection, frame)

    def read(self, now: int) -> list[Line]:
        """The lines, the busiest first, then the newest. `now`: nanoseconds since 1970."""
        before = now if self._read_at is None else self._read_at
        seconds = max((now - before) / SECOND, 0.001)
        for key, stream in list(self._streams.items()):
            if stream.over and now - stream.over > SHOWN_AFTER_THE_END:
                del self._streams[key]
        lines = [self._line(stream, now, seconds) for stream in self._streams.values()]
        for stream in self._streams.values():
            stream.messages, stream.bytes = _counts(), _counts()
        self._read_at = now
        self.frames = 0
        lines.sort(key=lambda line: (-sum(line.bytes), line.age, line.connection, line.stream))
        return lines

    # ---- Counting ----------------------------------------------------------------------

    def _stream(self, connection: Connection, frame: Frame) -> None:
        assert frame.stream is not None
        key = frame.connection, frame.stream
        stream = self._streams.get(key)
        detail = frame.detail
        if stream is None:
            if frame.kind in (Kind.WINDOW_UPDATE, Kind.PRIORITY, Kind.RST_STREAM):
                return  # of one that is over
            stream = self._streams[key] = Stream(*key, begun=frame.time)
            connection.streams.add(frame.stream)
            self._surplus()
        else:
            self._streams.move_to_end(key)
        stream.call = frame.call or stream.call
        stream.latest = frame.time
        side = frame.sender
        if isinstance(detail, records.Data):
            stream.bytes[side] += frame.length
            stream.windows[side] = detail.window.stream
            self._allow(connection, side, detail.window, frame)
        elif isinstance(detail, records.WindowUpdate):
            stream.windows[side.other] = detail.window.stream
            self._allow(connection, side.other, detail.window, frame)
        elif isinstance(detail, records.Body) and not detail.complete:
            stream.bytes[side] += frame.length
        if frame.kind not in (Kind.WINDOW_UPDATE, Kind.PRIORITY, Kind.RST_STREAM):
            stream.speaker, stream.spoke = side, frame.time
        parts = [message.part for message in frame.messages]
        stream.messages[side] += parts.count(Part.MESSAGE)
        self._ends(connection, stream, frame)

    def _ends(self, connection: Connection, stream: Stream, frame: Frame) -> None:
        if status := status_of(frame):
            stream.ending = status.name
        if isinstance(frame.detail, records.Reset):
            stream.ending = stream.ending or f"RST_STREAM {frame.detail.error}"
            stream.half = set(Side)
        elif frame.ends_stream or completes_message(frame):
            stream.half.add(frame.sender)
        if len(stream.half) == SIDES and not stream.over:
            stream.over = frame.time
            connection.streams.discard(stream.number)

    def _allow(
        self, connection: Connection, side: Side, window: records.Window, frame: Frame
    ) -> None:
        connection.windows[side] = window.connection
        # The connection's window stops every stream of it.
        numbers = connection.streams if not frame.stream or not window.connection else ()
        for number in {*numbers, frame.stream or 0}:
            stream = self._streams.get((frame.connection, number))
            if stream is None:
                continue
            left = _least(stream.windows[side], window.connection)
            if left is not None and left <= 0:
                stream.closed_since.setdefault(side, frame.time)
            else:
                stream.closed_since.pop(side, None)

    def _ping(self, connection: Connection, frame: Frame, ping: records.Ping) -> None:
        if not ping.acknowledges:
            connection.pings[frame.sender, ping.opaque] = frame.time
            if len(connection.pings) > PINGS:
                del connection.pings[next(iter(connection.pings))]
            return
        connection.pings.pop((frame.sender.other, ping.opaque), None)
        if ping.round_trip is not None:
            connection.round_trip = ping.round_trip

    def _close(self, number: int, now: int, why: str) -> None:
        connection = self._connections.pop(number)
        for each in connection.streams:
            if stream := self._streams.get((number, each)):
                stream.over = now
                stream.ending = stream.ending or why

    def _surplus(self) -> None:
        if len(self._streams) > STREAMS:
            (number, stream), _ = self._streams.popitem(last=False)
            if connection := self._connections.get(number):
                connection.streams.discard(stream)

    # ---- Lines -------------------------------------------------------------------------

    def _line(self, stream: Stream, now: int, seconds: float) -> Line:
        connection = self._connections.get(stream.connection) or Connection()
        client, server = Side
        left = {side: _least(stream.windows[side], connection.windows[side]) for side in Side}
        return Line(
            connection=stream.connection,
            stream=stream.number,
            call=stream.call,
            age=(now - stream.begun) / SECOND,
            messages=(stream.messages[client] / seconds, stream.messages[server] / seconds),
            bytes=(stream.bytes[client] / seconds, stream.bytes[server] / seconds),
            windows=(left[client], left[server]),
            round_trip=_round_trip(connection, now),
            waits=stream.ending or "ended" if stream.over else _waits(stream, now),
        )


def _least(*windows: int | None) -> int | None:
    known = [window for window in windows if window is not None]
    return min(known) if known else None


def _round_trip(connection: Connection, now: int) -> float | None:
    known = [] if connection.round_trip is None else [connection.round_trip]
    if connection.pings:
        waiting = now - min(connection.pings.values())
        if not known or waiting > known[0]:
            known = [waiting]
    return known[0] / SECOND if known else None


def _waits(stream: Stream, now: int) -> str:
    """Who waits for whom. A closed window is certain; who spoke last is only likely."""
    for side, since in stream.closed_since.items():
        return f"{side} for window, {(now - since) / SECOND:.1f} s"
    if stream.speaker is Side.CLIENT:
        return f"client for server, {(now - stream.spoke) / SECOND:.1f} s"
    return ""
