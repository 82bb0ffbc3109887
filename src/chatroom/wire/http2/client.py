"""A client's side of a connection that does what it is told: for tests, tools and load.

It refuses nothing. What it queues is what was asked for, legal or not; `send` alone heeds
flow control. What has come is told as `reader.FrameReader` tells it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hpack import Encoder

from . import frames
from .frames import (
    DEFAULT_WINDOW,
    END_STREAM,
    MAX_FRAME_BYTES,
    PADDED,
    PREFACE,
    ErrorCode,
    Kind,
    Setting,
)
from .reader import Frame, FrameReader


class Client:
    """One connection. `receive_data` gives frames; `data_to_send` has what is to be written."""

    def __init__(
        self,
        *settings: tuple[int, int],
        connection_window: int = DEFAULT_WINDOW,
        answers: bool = True,
        gives_back: bool = True,
    ) -> None:
        """Preface, these SETTINGS and, if the window is to be larger, an update are queued.

        `answers`: acknowledge SETTINGS and PINGs. `gives_back`: return window as DATA comes.
        """
        self.answers = answers
        self.gives_back = gives_back
        self.window = DEFAULT_WINDOW
        """Bytes of DATA that may still be sent on the connection."""
        self.initial_window = DEFAULT_WINDOW
        """As the server's SETTINGS say."""
        self.windows: dict[int, int] = {}
        """And on each stream that was begun by `request`."""
        self._encoder = Encoder()
        self._reader = FrameReader()
        self._out: list[bytes] = [PREFACE, frames.settings(*settings)]
        self._next = 1
        self._waiting: dict[int, deque[tuple[bytes, bool]]] = {}
        if connection_window > DEFAULT_WINDOW:
            self.window_update(0, connection_window - DEFAULT_WINDOW)

    # ---- Out ---------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """All that was queued since the last call."""
        out, self._out = self._out, []
        return b"".join(out)

    def raw(self, octets: bytes) -> None:
        """Queue any bytes."""
        self._out.append(octets)

    def frame(self, kind: int, flags: int, stream_id: int, payload: bytes = b"") -> None:
        """Queue any frame."""
        self._out.append(frames.frame(kind, flags, stream_id, payload))

    def block(self, headers: Iterable[tuple[bytes, bytes]], *, huffman: bool = False) -> bytes:
        """A header block. It must be sent: the compression table counts on it."""
        return self._encoder.encode(list(headers), huffman=huffman)

    def request(
        self,
        headers: Iterable[tuple[bytes, bytes]],
        *,
        end: bool = False,
        stream_id: int | None = None,
    ) -> int:
        """Begin a stream with exactly these headers; its id, by default the next one."""
        if stream_id is None:
            stream_id = self._next
        self._next = max(self._next, stream_id + 2)
        self.windows[stream_id] = self.initial_window
        self.headers(stream_id, headers, end=end)
        return stream_id

    def headers(
        self, stream_id: int, headers: Iterable[tuple[bytes, bytes]], *, end: bool = True
    ) -> None:
        """Queue HEADERS on a stream: trailers, unless something else is meant."""
        self._out.append(frames.headers(stream_id, self.block(headers), end=end))

    def data(
        self, stream_id: int, payload: bytes, *, end: bool = False, padding: int | None = None
    ) -> None:
        """Queue one DATA frame, whatever the windows are; they are counted."""
        flags = END_STREAM if end else 0
        if padding is not None:
            flags |= PADDED
            payload = bytes((padding,)) + payload + bytes(padding)
        self.window -= len(payload)
        if stream_id in self.windows:
            self.windows[stream_id] -= len(payload)
        self.frame(Kind.DATA, flags, stream_id, payload)

    def send(self, stream_id: int, payload: bytes, *, end: bool = False) -> None:
        """Send DATA within the windows; what they do not hold follows as they open."""
        self._waiting.setdefault(stream_id, deque()).append((payload, end))
        self._pump(stream_id)

    def unsent(self, stream_id: int) -> bool:
        """Whether something that was given to `send` still waits for window."""
        return stream_id in self._waiting

    def reset(self, stream_id: int, code: int = ErrorCode.CANCEL) -> None:
        """Queue RST_STREAM; what waits on the stream is forgotten."""
        self._waiting.pop(stream_id, None)
        self._out.append(frames.rst_stream(stream_id, code))

    def ping(self, opaque: bytes) -> None:
        """Queue PING with these eight bytes."""
        self._out.append(frames.ping(opaque))

    def window_update(self, stream_id: int, increment: int) -> None:
        """Give the server window on a stream; 0: on the connection."""
        self._out.append(frames.window_update(stream_id, increment))

    def settings(self, *values: tuple[int, int]) -> None:
        """Queue SETTINGS."""
        self._out.append(frames.settings(*values))

    def acknowledge_settings(self) -> None:
        """Queue the answer to SETTINGS, for who does not have it given (`answers`)."""
        self._out.append(frames.SETTINGS_ACK)

    def goaway(self, code: int = ErrorCode.NO_ERROR, debug: bytes = b"") -> None:
        """Queue GOAWAY."""
        self._out.append(frames.goaway(0, code, debug))

    def _pump(self, stream_id: int) -> None:
        waiting = self._waiting[stream_id]
        while waiting:
            payload, end = waiting[0]
            room = min(self.window, self.windows[stream_id], MAX_FRAME_BYTES)
            if payload and room <= 0:
                return
            piece, rest = payload[: max(room, 0)], payload[max(room, 0) :]
            self.data(stream_id, piece, end=end and not rest)
            if rest:
                waiting[0] = rest, end
            else:
                waiting.popleft()
        del self._waiting[stream_id]

    # ---- In ----------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> list[Frame]:
        """Take bytes of the server; the frames that they complete.

        Raises HPACKError, ConnectionFault for frames that are none.
        """
        came = self._reader.receive_data(data)
        for frame in came:
            self._take(frame)
        return came

    def _take(self, frame: Frame) -> None:
        kind = frame.kind
        if kind == Kind.DATA:
            self._give_back(frame)
        elif kind == Kind.SETTINGS and not frame.ack:
            self._take_settings(frame)
        elif kind == Kind.PING and not frame.ack and self.answers:
            self._out.append(frames.ping(frame.payload, ack=True))
        elif kind == Kind.WINDOW_UPDATE:
            self._widen(frame)
        elif kind == Kind.RST_STREAM:
            self._waiting.pop(frame.stream_id, None)

    def _give_back(self, frame: Frame) -> None:
        if frame.flow_bytes and self.gives_back:
            self.window_update(0, frame.flow_bytes)
            if not frame.end:
                self.window_update(frame.stream_id, frame.flow_bytes)

    def _take_settings(self, frame: Frame) -> None:
        for key, value in frames.settings_of(frame.payload):
            if key == Setting.INITIAL_WINDOW_SIZE:
                for stream_id in self.windows:
                    self.windows[stream_id] += value - self.initial_window
                self.initial_window = value
            elif key == Setting.HEADER_TABLE_SIZE:
                self._encoder.header_table_size = min(value, frames.DEFAULT_TABLE_BYTES)
        if self.answers:
            self.acknowledge_settings()
        for stream_id in list(self._waiting):
            self._pump(stream_id)

    def _widen(self, frame: Frame) -> None:
        if frame.stream_id:
            if frame.stream_id in self.windows:
                self.windows[frame.stream_id] += frame.number
            if frame.stream_id in self._waiting:
                self._pump(frame.stream_id)
            return
        self.window += frame.number
        for stream_id in list(self._waiting):
            self._pump(stream_id)
