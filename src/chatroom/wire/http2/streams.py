"""A stream: its state, its windows, and what it has still to send (RFC 9113, 5.1 and 5.2)."""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Protocol

from . import frames
from .frames import MAX_FRAME_BYTES
from .output import Output
from .windows import ReceiveWindow


class State(enum.Enum):
    """5.1, as the server's side sees it. Idle streams are no objects."""

    OPEN = "open"
    HALF_CLOSED_REMOTE = "half-closed (remote)"
    """The request has ended."""
    CLOSED = "closed"
    """Also from the moment the response ends before the request. If the peer does not end it
    either, it is soon told to (`Output.early`), so that half-closed (local) never lasts."""


@lru_cache(maxsize=1024)
def _four_bytes(stream_id: int) -> bytes:
    """One object for all streams of an id: it is looked at for each delivery, and stays near."""
    return stream_id.to_bytes(4, "big")


_NO_WINDOW = -(1 << 62)


class Call(Protocol):
    """A call on one stream: what happens to the stream is pushed into it by its owner."""

    def hear(self, data: bytes, *, end: bool) -> None:
        """A piece of the request's body; who has read it calls `Stream.acknowledge`."""

    def writable(self) -> None:
        """Everything is gone that was sent, or there is room that it has waited for.

        It sends what `Stream.room` allows, of a payload that is larger a part, or waits again.
        Who has room, sends nothing and waits, is asked again only once the peer gives more.
        """

    def gone(self) -> None:
        """The peer has cancelled, or the connection is over: nobody is left to tell."""

    def check(self, now: float) -> None:
        """A tick of the clock, at `now` in seconds."""

    def leaving(self) -> None:
        """The connection is to close; its calls may tell their peers."""

    def leave(self) -> None:
        """The connection closes: end, with a status, unless that comes by itself."""


class Stream:
    """One stream of a server's connection."""

    __slots__ = (
        "_body_left", "_ending", "_id_bytes", "_need", "_offset", "_pending", "call", "counted",
        "output", "receive", "state", "stream_id", "waiting", "window", "working",
    )  # fmt: skip

    def __init__(
        self, stream_id: int, output: Output[Stream], receive_size: int, body: int | None
    ) -> None:
        """`body` is the request's content-length, if it has one."""
        self.stream_id = stream_id
        self._id_bytes = _four_bytes(stream_id)
        self.output = output
        self.state = State.OPEN
        self.window = output.initial_window
        """Bytes of DATA that the stream may still send; may be negative (6.9.2)."""
        self.receive = ReceiveWindow(receive_size)
        self.call: Call | None = None
        """Whose stream it is; for the owner to set."""
        self.working = True
        """Whether its call is still at work: it then counts as open, whatever its state."""
        self.waiting = False
        """Whether it stands among the stalled or in a turn."""
        self._body_left = body
        self.counted = body is not None
        """Whether the body has a length to come to."""
        self._pending: bytes | None = None
        self._offset = 0
        self._need = 0
        """Bytes of window below which it stays among the stalled."""
        self._ending: bytes | None = None
        """The trailers that are to follow what is pending, and end the response; empty: none."""

    # ---- Upwards -------------------------------------------------------------------

    def count(self, size: int, *, end: bool) -> bool:
        """Count bytes of the body; False if they are unlike the content-length (8.1.1)."""
        if self._body_left is None:
            return True
        self._body_left -= size
        return self._body_left == 0 if end else self._body_left >= 0

    def acknowledge(self, size: int) -> None:
        """Give the window of bytes back that were read."""
        increment = self.receive.give_back(size)
        if increment and self.state is State.OPEN:
            self.output.queue(frames.window_update(self.stream_id, increment))

    def settled(self, size: int) -> None:
        """The peer has acknowledged our initial window of `size` bytes (6.9.2)."""
        increment = self.receive.resize(size)
        if increment and self.state is State.OPEN:
            self.output.queue(frames.window_update(self.stream_id, increment))

    # ---- Downwards -----------------------------------------------------------------

    @property
    def sendable(self) -> bool:
        """Whether the response may still go on."""
        return self._ending is None and self.state is not State.CLOSED

    @property
    def idle(self) -> bool:
        """Whether everything is gone that was sent."""
        return self._pending is None

    def headers(self, block: bytes, *, end: bool = False) -> None:
        """Send a block of response headers."""
        if self.sendable:
            output = self.output
            output.queue(frames.headers(self.stream_id, output.block(block), end=end))
            if end:
                self._response_over()

    def offer(self, payload: bytes) -> bool:
        """Send a payload as one frame if that can be done now; else False, and nothing is sent.

        The payload, at most 16 KiB, may be shared by many: so is its frame. The hot path.
        """
        size = len(payload)
        output = self.output
        if (
            output.clear
            and size <= MAX_FRAME_BYTES
            and self.window >= size
            and output.window >= size
            and self._pending is None
        ):
            self.window -= size
            output.window -= size
            shared = output.shared
            frame = shared.frames.get(self._id_bytes) if payload is shared.payload else None
            if frame is None:
                frame = shared.of(payload, self._id_bytes)
            if output.direct is not None and not output.bytes:
                output.direct(frame)
            else:
                output.queue(frame)
            return True
        return False

    @property
    def room(self) -> int:
        """How many bytes `offer` would take now; 0 while it would take none."""
        output = self.output
        if not output.clear or self._pending is not None:
            return 0
        return max(min(self.window, output.window, MAX_FRAME_BYTES), 0)

    def wait(self, now: float, size: int = 1) -> None:
        """Have `Call.writable` called when `size` bytes may be sent (at most 1 KiB of them)."""
        if self.waiting or self.state is State.CLOSED:
            return
        self.waiting = True
        output = self.output
        self._need = need = min(size, output.least)
        if self.window < need:
            output.stall(self, now)
        else:
            output.line_up(self)

    def widen(self, change: int) -> None:
        """The peer gives window, or takes it back by a smaller initial one (6.9.2)."""
        self.window += change
        if self in self.output.stalled and self.window >= self._need:
            del self.output.stalled[self]
            self.output.line_up(self)

    def hold_back(self, now: float) -> None:
        """It had its turn and did not use it: its next one comes with more window."""
        self.output.forget(self)
        self._need = self.window + 1
        self.output.stall(self, now)

    def squeeze(self) -> None:
        """Go on although the window is small: it seems to be all that the peer will give."""
        del self.output.stalled[self]
        self._need = 1
        self.output.line_up(self)

    def send(self, payload: bytes, now: float) -> None:
        """Send all of a payload, as the windows open; `idle` says when it is gone.

        What was sent before must be gone.
        """
        if self._pending is not None:
            raise RuntimeError("a stream sends one payload after the other")
        if not self.sendable or not payload:
            return
        self._pending = payload
        self._offset = 0
        if self.output.clear:
            self.advance(now)
        else:
            self.wait(now, len(payload))

    def append(self, payload: bytes, now: float) -> None:
        """As `send`, behind what is still to go."""
        if self._pending is None:
            self.send(payload, now)
        elif self.sendable:
            self._pending = self._pending[self._offset :] + payload
            self._offset = 0

    def end(self, block: bytes | None = None) -> None:
        """End the response after everything that was sent, with trailers or without.

        Who has not sent the request's end by then is told to send no more of it (8.1).
        """
        if not self.sendable:
            return
        self._ending = block if block is not None else b""
        if self._pending is None:
            self._end_now()

    def _end_now(self) -> None:
        block, self._ending = self._ending, None
        output = self.output
        if block:
            output.queue(frames.headers(self.stream_id, output.block(block), end=True))
        else:
            output.queue(frames.data(self.stream_id, b"", end=True))
        self._response_over()

    def advance(self, now: float) -> None:
        """Send at most one frame of what is pending; then wait for the next turn."""
        payload = self._pending
        if payload is None:
            return
        output = self.output
        left = len(payload) - self._offset
        size = min(left, self.window, output.window, MAX_FRAME_BYTES)
        if size <= 0 or (size < left and self.window < min(output.least, self._need or left)):
            self.wait(now, left)
            return
        self.window -= size
        output.window -= size
        output.queue(frames.data(self.stream_id, payload[self._offset : self._offset + size]))
        self._offset += size
        self._need = 0
        if size < left:
            self.wait(now, left - size)
            return
        self._pending = None
        if self._ending is not None:
            self._end_now()
        elif self.call is not None:
            self.output.tell(self)

    # ---- The end -------------------------------------------------------------------

    def request_over(self) -> None:
        """The peer has ended its side."""
        if self.state is State.OPEN:
            self.state = State.HALF_CLOSED_REMOTE

    def _response_over(self) -> None:
        unread = self.state is State.OPEN
        if unread:
            self.output.end_early(self.stream_id)
        self.close(reset=unread)

    def close(self, *, reset: bool) -> None:
        """Forget what was to be sent; nothing is from here on. `reset`: we have said so."""
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self.window = _NO_WINDOW
            self._pending = self._ending = None
            self.waiting = False
            self.output.forget(self)
            self.output.on_closed(self, reset)
