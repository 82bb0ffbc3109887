"""What waits to be written on a connection, and whose turn it is to write.

Control frames and what streams send stand in one list in the order of their making; it is
joined for one write a turn. It takes at most a round's bytes (`Http2Limits.round_bytes`)
before it is handed over, so nothing waits behind more than that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from .frames import DEFAULT_TABLE_BYTES, DEFAULT_WINDOW, ErrorCode, data_prefix, rst_stream
from .headers import TABLE_UPDATE

S = TypeVar("S")
"""A stream; what waits here is told by identity alone."""

_MOST_FRAMES = 64
"""Stream ids whose frame of the same bytes is kept: connections are alike, their ids few."""


class SharedFrames:
    """The DATA frames of the bytes that were sent last, by stream id.

    It exists to keep one fact: members of a room whose stream has the same id, each on a
    connection of its own, are handed the very same frame.
    """

    __slots__ = ("_prefix", "frames", "payload")

    def __init__(self) -> None:
        self.payload = b""
        self.frames: dict[bytes, bytes] = {}
        """Of `payload`, by the four bytes of a stream's id."""
        self._prefix = data_prefix(0)

    def of(self, payload: bytes, stream_id: bytes) -> bytes:
        """The frame of a payload for a stream, whose id is given as its four bytes."""
        if payload is not self.payload:
            self.payload = payload
            self._prefix = data_prefix(len(payload))
            self.frames = {}
        elif len(self.frames) >= _MOST_FRAMES:
            self.frames = {}
        frame = self.frames[stream_id] = b"%b%b%b" % (self._prefix, stream_id, payload)
        return frame


class Output(Generic[S]):
    """The writing side of a connection: frames, the connection's window, turns."""

    __slots__ = (
        "_marked", "_most_early", "_on_output", "_round_bytes", "_table_update", "bytes", "clear",
        "direct", "done", "early", "frames", "initial_window", "least", "least_data", "on_closed",
        "paused", "shared", "stalled", "turns", "window",
    )  # fmt: skip

    def __init__(
        self,
        on_output: Callable[[], object],
        on_closed: Callable[[S, bool], object],
        shared: SharedFrames,
        *,
        round_bytes: int,
        least_data: int,
        most_early: int,
    ) -> None:
        """`on_output` is called once when there is something to write; `take` arms it again.

        `on_closed` hears of a stream that can neither send nor receive any more, and whether
        we have reset it.
        """
        self.on_closed = on_closed
        self._on_output = on_output
        self._round_bytes = round_bytes
        self._most_early = most_early
        self.frames: list[bytes] = []
        """What waits to be written."""
        self.direct: Callable[[bytes], object] | None = None
        """Writes at once, for the owner to set: where one stream alone has something to say,
        waiting for the turn's end gains nothing. It may not be used while frames wait."""
        self._marked = False
        self._table_update: bool | None = None
        """Whether the next header block begins with a table update; None: it never needed to."""
        self.shared = shared
        self.bytes = 0
        """In frames that were not taken yet."""
        self.window = DEFAULT_WINDOW
        """Bytes of DATA that the connection may still send."""
        self.initial_window = DEFAULT_WINDOW
        """What a new stream may send."""
        self.least_data = least_data
        self.least = least_data
        """A window below this is closed to who has more to send."""
        self.paused = False
        """The transport takes nothing now."""
        self.clear = True
        """Whether a stream may send at once: neither paused, nor the round full, nor others
        waiting for their turn."""
        self.stalled: dict[S, float] = {}
        """Streams that have something to send and a closed window; since when."""
        self.done: dict[S, None] = {}
        """Streams whose call is to be told that everything is gone that it sent."""
        self.early: dict[int, float | None] = {}
        """Streams whose response has ended before the request, by id: since when, if a tick has
        come. Neither the peer nor we have ended their requests."""
        self.turns: deque[S] = deque()
        """Streams that have something to send and wait for their turn."""

    def let_go(self) -> None:
        """The connection is gone: nobody is told of anything any more, and no stream waits.

        Who was told holds this; all of it would wait for the garbage collector.
        """
        self._on_output = self.on_closed = _nothing
        self.direct = None
        for streams in (self.stalled, self.done, self.turns):
            streams.clear()

    def queue(self, frame: bytes) -> None:
        """Put a frame behind the others."""
        if not self._marked:
            self._marked = True
            self._on_output()
        self.frames.append(frame)
        self.bytes += len(frame)
        if self.bytes >= self._round_bytes:
            self.clear = False

    def touch(self) -> None:
        """Have the connection flushed: a stream may be able to go on."""
        if not self._marked:
            self._marked = True
            self._on_output()

    def table_changed(self, size: int) -> None:
        """The peer's HPACK table has so many bytes from here on (RFC 7541, 4.2)."""
        if size < DEFAULT_TABLE_BYTES and self._table_update is None:
            self._table_update = True

    def block(self, block: bytes) -> bytes:
        """A header block as it is to be sent now: our table is empty, and that is said once."""
        if not self._table_update:
            return block
        self._table_update = False
        return TABLE_UPDATE + block

    def take(self) -> bytes:
        """Everything that waits, for one write; empty while the transport is paused."""
        self._marked = False
        if self.paused or not self.frames:
            return b""
        out, self.frames = self.frames, []
        self.bytes = 0
        self.clear = not self.turns
        return out[0] if len(out) == 1 else b"".join(out)

    def pause(self) -> None:
        """The transport takes nothing until `resume`."""
        self.paused = True
        self.clear = False

    def resume(self) -> None:
        """The transport takes bytes again."""
        self.paused = False
        self._settle()
        self.touch()

    def _settle(self) -> None:
        self.clear = not (self.paused or self.turns or self.bytes >= self._round_bytes)

    def resize(self, initial_window: int) -> None:
        """The peer has said another initial window; its streams are the connection's to move."""
        self.initial_window = initial_window
        self.least = min(self.least_data, max(initial_window // 2, 1))

    def stall(self, stream: S, now: float) -> None:
        """A stream has something to send and a closed window."""
        self.stalled.setdefault(stream, now)

    def line_up(self, stream: S) -> None:
        """A stream has something to send and is to have its turn."""
        self.turns.append(stream)
        self.clear = False
        self.touch()

    def tell(self, stream: S) -> None:
        """Everything is gone that a stream had to send; its call is told in the next turn."""
        self.done[stream] = None
        self.touch()

    def end_early(self, stream_id: int) -> None:
        """A response has ended before its request; the peer is told later, unless it ends it.

        RST_STREAM with NO_ERROR (8.1) right behind a response loses it behind HAProxy, which
        drops what it has not passed on yet (its issue 1219, mended in 2025).
        """
        if len(self.early) >= self._most_early:
            oldest = next(iter(self.early))
            del self.early[oldest]
            self.queue(rst_stream(oldest, ErrorCode.NO_ERROR))
        self.early[stream_id] = None

    def end_requests(self, now: float, seconds: float) -> None:
        """A tick: tell the peer to send no more of requests that were answered so long ago."""
        for stream_id, since in list(self.early.items()):
            if since is None:
                self.early[stream_id] = now
            elif now - since >= seconds:
                del self.early[stream_id]
                self.queue(rst_stream(stream_id, ErrorCode.NO_ERROR))

    def forget(self, stream: S) -> None:
        """A stream is not to be asked any more."""
        self.done.pop(stream, None)
        if self.stalled.pop(stream, None) is None and stream in self.turns:
            self.turns.remove(stream)
            self._settle()

    def next(self) -> S | None:
        """Whose turn it is; None while nobody may send."""
        if self.paused or self.bytes >= self._round_bytes or self.window <= 0 or not self.turns:
            self._settle()
            return None
        self.clear = True  # for the one whose turn it is
        return self.turns.popleft()


def _nothing(*_: object) -> None:
    pass
