"""A connection, the server's side: bytes in, events out; calls on streams queue frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from . import frames
from .events import ConnectionEnded, Event, StreamReset
from .frames import (
    ACK,
    HEADER_BYTES,
    LARGEST_STREAM_ID,
    LARGEST_WINDOW,
    MAX_FRAME_BYTES,
    PREFACE,
    ConnectionFault,
    ErrorCode,
    Kind,
    Setting,
    StreamFault,
    unpack_header,
)
from .headers import BlockDecoder
from .limits import Http2Limits
from .output import SharedFrames
from .requests import Block, Requests
from .state import End, Phase
from .streams import Stream

_LEAVING = b"leaving\0"
"""The PING between two GOAWAYs: its answer tells that the first one has come."""


class Connection(Requests):
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
        self._leave_when_open = False
        """GOAWAY is to be said as soon as the peer has begun."""
        self._shut_since: float | None = None
        """Since when the connection's window holds up who has something to send."""

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
                    self._data(flags, stream_id, data[begin:end], now)
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

    def _priority(self, _flags: int, stream_id: int, payload: bytes, now: float) -> None:
        self._buckets.take("idle_frames", now)
        if not stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY of no stream")
        if len(payload) != 5:
            code, reason = ErrorCode.FRAME_SIZE_ERROR, "PRIORITY is not of 5 bytes"
        elif int.from_bytes(payload[:4], "big") & LARGEST_STREAM_ID == stream_id:
            code, reason = ErrorCode.PROTOCOL_ERROR, "a stream depends on itself"
        else:
            return
        if stream_id in self.streams:
            raise StreamFault(stream_id, code, reason)
        raise ConnectionFault(code, reason)  # an idle stream cannot be reset (6.4)

    def _rst_stream(self, _flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if len(payload) != 4:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM is not of 4 bytes")
        self._check_not_idle(stream_id, "RST_STREAM")
        self._buckets.take("resets", now)
        stream = self.streams.get(stream_id)
        if stream is not None:
            code = int.from_bytes(payload, "big")
            stream.close(reset=False)
            self._events.append(StreamReset(stream, code, "the peer has reset it", by_peer=True))
        elif stream_id in self._closed:
            # Whoever has reset it first: now the peer knows too, and nothing of it may follow.
            self._closed[stream_id] = End.OTHERWISE

    def _settings(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS of a stream")
        if flags & ACK:
            if payload:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS ACK has a payload")
            if self.timing.settled:
                self._buckets.take("settings", now)
            else:
                self.timing.settled = True
                self._window_acknowledged = self.limits.stream_window
                for stream in self.streams.values():
                    stream.settled(self.limits.stream_window)
            return
        self._buckets.take("settings", now)
        if self.phase is Phase.SETTINGS:
            self.phase = Phase.OPEN
            self.timing.opened()
        window: int | None = None
        for key, value in frames.settings_of(payload):
            if key == Setting.INITIAL_WINDOW_SIZE:
                if value > LARGEST_WINDOW:
                    raise ConnectionFault(
                        ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is out of range"
                    )
                window = value
            elif key == Setting.HEADER_TABLE_SIZE:
                self.output.table_changed(value)
            elif key == Setting.ENABLE_PUSH:
                if value > 1:
                    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is not 0 or 1")
            elif key == Setting.MAX_FRAME_SIZE and not MAX_FRAME_BYTES <= value < 1 << 24:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE is out of range")
        if window is not None:
            self._resize(window)
        self.output.queue(frames.SETTINGS_ACK)
        if self._leave_when_open:
            self.leave(now)

    def _resize(self, value: int) -> None:
        """Move all streams' windows (6.9.2): once for a frame, however often it says it."""
        change = value - self.output.initial_window
        self.output.resize(value)
        for stream in self.streams.values():
            if stream.window + change > LARGEST_WINDOW:
                raise ConnectionFault(
                    ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE overflows a window"
                )
            stream.widen(change)

    def _ping(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING of a stream")
        if len(payload) != 8:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PING is not of 8 bytes")
        self._buckets.take("pings", now)
        if flags & ACK:
            if payload == _LEAVING:
                self._leave_finally()
            return
        self.output.queue(frames.ping(payload, ack=True))

    def _goaway(self, _flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY of a stream")
        if len(payload) < 8:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY is shorter than 8 bytes")
        self._buckets.take("settings", now)
        code = int.from_bytes(payload[4:8], "big")
        if code:
            self.phase = Phase.ENDED
            reason = payload[8:136].decode("latin-1")
            self._events.append(ConnectionEnded(code, reason, by_peer=True))

    def _window_update(self, _flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if len(payload) != 4:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE is not of 4 bytes")
        increment = int.from_bytes(payload, "big") & LARGEST_WINDOW
        if increment < self.limits.least_data:
            self._buckets.take("small_updates", now)
        output = self.output
        if not stream_id:
            if not increment:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            if output.window + increment > LARGEST_WINDOW:
                raise ConnectionFault(
                    ErrorCode.FLOW_CONTROL_ERROR, "WINDOW_UPDATE overflows the connection's window"
                )
            output.window += increment
            self._shut_since = None
            if output.turns:
                output.touch()
            return
        self._check_not_idle(stream_id, "WINDOW_UPDATE")
        stream = self.streams.get(stream_id)
        if stream is None:
            if increment >= self.limits.least_data:
                self._buckets.take("small_updates", now)
            return
        if not increment:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        if stream.window + increment > LARGEST_WINDOW:
            raise StreamFault(
                stream_id, ErrorCode.FLOW_CONTROL_ERROR, "WINDOW_UPDATE overflows the window"
            )
        stream.widen(increment)

    def _push_promise(self, _flags: int, _stream_id: int, _payload: bytes, _now: float) -> None:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a client sent PUSH_PROMISE")

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

    def leave(self, now: float) -> None:
        """Say GOAWAY, in two steps (6.8): requests that are on their way are still served."""
        if self.phase in (Phase.PREFACE, Phase.SETTINGS):
            self._leave_when_open = True
        elif self.phase is Phase.OPEN:
            self.phase = Phase.LEAVING
            self.timing.leaving_since = now
            self.output.queue(frames.goaway(LARGEST_STREAM_ID, ErrorCode.NO_ERROR))
            self.output.queue(frames.ping(_LEAVING))

    def _leave_finally(self) -> None:
        if self.phase is Phase.LEAVING and self._last_served == LARGEST_STREAM_ID:
            self._last_served = self._highest
            self.output.queue(frames.goaway(self._highest, ErrorCode.NO_ERROR))

    @property
    def left(self) -> bool:
        """Whether it has said both GOAWAYs, and no call is open."""
        return (
            self.phase is Phase.LEAVING
            and self._last_served != LARGEST_STREAM_ID
            and not self.streams
            and not self.working
        )

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
            self._events.append(
                StreamReset(stream, ErrorCode.CANCEL, "its windows stay closed", by_peer=False)
            )

    _TAKE: ClassVar = {
        Kind.HEADERS: Requests._headers,
        Kind.PRIORITY: _priority,
        Kind.RST_STREAM: _rst_stream,
        Kind.SETTINGS: _settings,
        Kind.PUSH_PROMISE: _push_promise,
        Kind.PING: _ping,
        Kind.GOAWAY: _goaway,
        Kind.WINDOW_UPDATE: _window_update,
        Kind.CONTINUATION: Requests._continuation,
    }
