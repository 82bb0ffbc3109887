"""Frames that say how the connection goes on (RFC 9113, 6.3 to 6.9), and leaving it."""

from __future__ import annotations

from . import frames
from .events import ConnectionEnded, StreamReset
from .frames import (
    ACK,
    LARGEST_STREAM_ID,
    LARGEST_WINDOW,
    MAX_FRAME_BYTES,
    ConnectionFault,
    ErrorCode,
    Setting,
    StreamFault,
)
from .state import ConnectionState, End, Phase

_LEAVING = b"leaving\0"
"""The PING between two GOAWAYs: its answer tells that the first one has come."""


class Control(ConnectionState):
    """All frames but those of which requests consist, and GOAWAY of ours."""

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
        if stream_id in self.output.early:
            del self.output.early[stream_id]  # it has its answer: nothing is cancelled
        else:
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

    # ---- Leaving ---------------------------------------------------------------------

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
