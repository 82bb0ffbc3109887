"""A connection, the server's side: bytes in, events out; calls on streams queue frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from . import frames
from .control import Control
from .events import Event, StreamReset
from .frames import (
    ACK,
    HEADER_BYTES,
    LARGEST_STREAM_ID,
    MAX_FRAME_BYTES,
    PREFACE,
    ConnectionFault,
    ErrorCode,
    Kind,
    StreamFault,
    unpack_header,
)
from .headers import BlockDecoder
from .limits import Http2Limits
from .output import SharedFrames
from .requests import Block, Requests
from .state import Phase
from .streams import Stream

STALLED = "its windows stay closed"
"""Why a stream was reset that has something to send."""


class Connection(Requests, Control):
    """One connection of a server.

    `receive_data` gives events; what streams send and the connection answers is queued in
    `output`. Whoever owns it calls `advance` and writes `data_to_send()` to the transport
    each turn, by turns until there is nothing more, tells `output` when the transport pauses
    and resumes, and calls `check` now and then.
    """

    def __init__(
        self,
        limits: Http2Limits,
        shared: SharedFrames,
        on_output: Callable[[], object],
        now: float,
        *,
        spread: float = 0.0,
    ) -> None:
        """See `ConnectionState`."""
        super().__init__(limits, shared, on_output, now, spread=spread)
        self._decoder = BlockDecoder(limits)
        self._block: Block | None = None

    # ---- In --------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the peer at `now`; what they mean. Never raises."""
        timing = self.timing
        timing.heard(now)
        events = self._events = []
        if self.phase is Phase.ENDED:
            return events
        if self._rest:
            data = self._rest + data
        try:
            at = self._preface(data) if self.phase is Phase.PREFACE else 0
            if self.phase is not Phase.PREFACE:
                at = self._frames(data, at, now)
            rest = self._rest = data[at:]
            if rest or self._block is not None:
                if at:
                    timing.frame_taken()
                header = self._block is not None or rest[3:4] == b"\1"
                timing.incomplete(now, header=header, partial=bool(rest))
            elif timing.within:
                timing.incomplete(now, header=False, partial=False)
        except ConnectionFault as fault:
            self._fail(fault)
        return events

    def _preface(self, data: bytes) -> int:
        size = len(PREFACE)
        if data[:size] != PREFACE[: len(data)]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the preface is not HTTP/2's")
        if len(data) < size:
            return 0
        self.phase = Phase.SETTINGS
        return size

    def _frames(self, data: bytes, at: int, now: float) -> int:
        """Take whole frames from `at` on; where what is not taken begins."""
        size = len(data)
        while size - at >= HEADER_BYTES:
            high, low, kind, flags, stream_id = unpack_header(data, at)
            length = high << 8 | low
            stream_id &= LARGEST_STREAM_ID
            if length > MAX_FRAME_BYTES:
                raise ConnectionFault(
                    ErrorCode.FRAME_SIZE_ERROR, "a frame is longer than MAX_FRAME_SIZE"
                )
            begin = at + HEADER_BYTES
            end = begin + length
            if end > size:
                break
            at = end
            if self._block is not None and kind != Kind.CONTINUATION:
                raise ConnectionFault(
                    ErrorCode.PROTOCOL_ERROR, "a header block is interrupted by another frame"
                )
            if self.phase is Phase.SETTINGS and (kind != Kind.SETTINGS or flags & ACK):
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            try:
                if kind == 0:
                    payload = data[begin:end]
                    if not flags and length and stream_id in self.streams:
                        payload, at = _run(data, at, stream_id, payload)
                    self._data(flags, stream_id, payload, now)
                else:
                    take = self._TAKE.get(kind)
                    if take is None:
                        self._buckets.take("idle_frames", now)
                    else:
                        take(self, flags, stream_id, data[begin:end], now)
                    if self.over:
                        return size
            except StreamFault as fault:
                self._reset(fault, now)
        return at

    # ---- Out -------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Tell calls whose bytes are gone; have streams send in turn, until the round is full."""
        if self.over:
            return
        output = self.output
        if output.done:
            done, output.done = output.done, {}
            for told in done:
                if told.call is not None and told.sendable:
                    told.call.writable()
        while (stream := output.next()) is not None:
            stream.waiting = False
            if not stream.idle:
                stream.advance(now)
            elif stream.call is not None:
                before = output.bytes
                stream.call.writable()
                if stream.waiting and stream not in output.stalled and output.bytes == before:
                    stream.hold_back(now)

    def data_to_send(self) -> bytes:
        """Everything for one write; empty if there is nothing, or the transport is paused."""
        return self.output.take()

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream at once; its owner knows."""
        if stream.stream_id in self.streams:
            self.output.queue(frames.rst_stream(stream.stream_id, code))
            stream.close(reset=True)

    def release(self, stream: Stream) -> None:
        """The call of a stream is no longer at work: another one may come in its place."""
        if stream.working:
            stream.working = False
            self.working -= 1

    # ---- Time ------------------------------------------------------------------------

    def check(self, now: float, *, unsent: bool) -> list[Event]:
        """Do what is due at `now`; `unsent`: bytes of ours wait for the kernel."""
        events = self._events = []
        if self.over:
            return events
        timing, limits = self.timing, self.limits
        try:
            if timing.ping_due(now, unsent=unsent):
                self.output.queue(frames.ping(b"are you?"))
        except ConnectionFault as fault:
            self._fail(fault)
            return events
        if timing.leaving_since is not None and now - timing.leaving_since >= limits.goaway_seconds:
            self._leave_finally()
        if self.output.stalled:
            for stream, since in list(self.output.stalled.items()):
                if now - since >= limits.stall_seconds:
                    self._stalled(stream)
                elif now - since >= limits.stall_seconds / 10.0 and stream.window > 0:
                    stream.squeeze()
        self._check_connection_window(now)
        if self.output.early:
            self.output.end_requests(now, limits.early_seconds)
        return events

    def _check_connection_window(self, now: float) -> None:
        output = self.output
        if output.window > 0 or output.paused or not output.turns:
            self._shut_since = None
        elif self._shut_since is None:
            self._shut_since = now
        elif now - self._shut_since >= self.limits.stall_seconds:
            self._shut_since = None
            for stream in list(output.turns):
                self._stalled(stream)

    def _stalled(self, stream: Stream) -> None:
        if stream.stream_id in self.streams:
            self.reset(stream, ErrorCode.CANCEL)
            self._events.append(StreamReset(stream, ErrorCode.CANCEL, STALLED, by_peer=False))

    _TAKE: ClassVar[dict[int, Callable[[Connection, int, int, bytes, float], None]]] = {
        Kind.HEADERS: Requests._headers,
        Kind.PRIORITY: Control._priority,
        Kind.RST_STREAM: Control._rst_stream,
        Kind.SETTINGS: Control._settings,
        Kind.PUSH_PROMISE: Control._push_promise,
        Kind.PING: Control._ping,
        Kind.GOAWAY: Control._goaway,
        Kind.WINDOW_UPDATE: Control._window_update,
        Kind.CONTINUATION: Requests._continuation,
    }


def _run(data: bytes, at: int, stream_id: int, payload: bytes) -> tuple[bytes, int]:
    """Join plain DATA frames of a stream that follow `payload` from `at` on; where they end.

    Where frames begin and end says nothing about what is in them (6.1), and what is done for
    a piece of a body costs more than cutting it. Empty frames are not joined: they count.
    """
    size = len(data)
    pieces = [payload]
    plain = _PLAIN_DATA + stream_id.to_bytes(4, "big")
    while True:
        begin = at + HEADER_BYTES
        if data[at + 3 : begin] != plain:
            break
        length = int.from_bytes(data[at : at + 3], "big")
        end = begin + length
        if not 0 < length <= MAX_FRAME_BYTES or end > size:
            break
        pieces.append(data[begin:end])
        at = end
    return (payload if len(pieces) == 1 else b"".join(pieces)), at


_PLAIN_DATA = bytes((Kind.DATA, 0))
"""The type and the flags of a DATA frame that is nothing but a payload."""
