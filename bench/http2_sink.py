"""An HTTP/2 client over plain sockets, made to receive cheaply.

It knows what a gRPC client of plaintext servers needs (RFC 9113) and no more. Frames are
written and read by `chatroom.wire.http2`, all but plain DATA frames as they come in: of
these a frame object each would cost more than the server spends on them. One loop reads
into one shared buffer; the payload of each DATA frame is handed to its stream as a
place in that buffer, so nothing is copied but frames that a read cut. Messages may share
a frame and span frames. Receive windows are 2^31-1 bytes unless asked for otherwise, and
given back when half is used, so flow control never holds a server back; towards the
server every window is honoured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.http2_streams import Call
from bench.sockets import HOST, READ_BYTES, Poll, Socket, WireError
from bench.tally import MARKER
from chatroom.wire.envelopes import envelope, payload
from chatroom.wire.grpc import request_headers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import (
    DEFAULT_WINDOW,
    HEADER_BYTES,
    LARGEST_WINDOW,
    PADDED,
    PREFACE,
    Kind,
    Setting,
    unpack_word,
)
from chatroom.wire.http2.headers import encode_cached
from chatroom.wire.http2.reader import FrameReader

if TYPE_CHECKING:
    from bench.http2_streams import Stream
    from chatroom.wire.http2.reader import Frame

DATA = int(Kind.DATA)
"""The loop below compares with it a million times a second: the interpreter is quicker at a
plain number than at a member of an enumeration."""


class Connection(Socket):
    """One connection: its streams, and both flow-control windows.

    `stream_window` is how many bytes the server may send on a stream. They are given back
    from half of them on, or, where it is `held`, never: a stream is stuck once they are used.
    """

    def __init__(
        self, loop: Poll, port: int, stream_window: int = LARGEST_WINDOW, *, held: bool = False
    ) -> None:
        super().__init__(loop, port)
        self.streams: dict[int, Stream] = {}
        self.window = DEFAULT_WINDOW
        self.stream_window = DEFAULT_WINDOW
        """What the server lets us send on a new stream."""
        self.settled = False
        """The server's settings are known."""
        self._used = 0
        self._much = LARGEST_WINDOW if held else stream_window // 2
        """Bytes of a stream that are given back at once."""
        self._next = 1
        self._kept = b""
        self._reader = FrameReader()
        initial = frames.settings((Setting.INITIAL_WINDOW_SIZE, stream_window))
        more = frames.window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW)
        self.write(PREFACE + initial + more)

    def open(self, stream: Stream, headers: bytes, message: bytes, *, last: bool = False) -> None:
        """Start a call with its first message; `last` half-closes it.

        Before the server's settings are known its windows are HTTP/2's default (RFC 9113,
        6.9.2).
        """
        stream.connection = self
        stream.number = number = self._next
        stream.window = self.stream_window
        self._next += 2
        self.streams[number] = stream
        opening = frames.headers(number, headers)
        if last or len(message) <= min(stream.window, self.window):
            stream.window -= len(message)
            self.window -= len(message)
            self.write(opening + frames.data(number, message, end=last))
        else:
            self.write(opening)
            stream.send(message)

    def readable(self) -> None:
        """Read once and hand on every whole frame."""
        buffer = self.loop.buffer
        kept = len(self._kept)
        try:
            if kept:
                buffer[:kept] = self._kept
                end = kept + self.socket.recv_into(self.loop.view[kept:], READ_BYTES)
            else:
                end = self.socket.recv_into(buffer, READ_BYTES)
        except ConnectionResetError:
            end = kept
        if end == kept:
            self.closed_by_server()
            return
        streams = self.streams
        unpack = unpack_word
        at = 0
        while at + HEADER_BYTES <= end:
            word, flags, number = unpack(buffer, at)
            start = at + HEADER_BYTES
            stop = start + (word >> 8)
            if stop > end:
                break
            if word & 0xFF == DATA and not flags:
                stream = streams[number]
                size = stop - start
                if stream.skims:
                    while stop + HEADER_BYTES <= end and buffer[stop - 1] not in MARKER:
                        word, flags, following = unpack(buffer, stop)
                        length = word >> 8
                        if following != number or flags or word & 0xFF != DATA:
                            break
                        if stop + HEADER_BYTES + length > end:
                            break
                        stop += HEADER_BYTES + length
                        size += length
                self._used += size
                stream.used += size
                stream.received(buffer, start, stop)
                if stream.used > self._much:
                    self._give_back(number, stream.used)
                    stream.used = 0
            else:
                for frame in self._reader.receive_data(bytes(buffer[at:stop])):
                    self._other(frame)
            at = stop
        self._kept = bytes(buffer[at:end])
        if self._used > LARGEST_WINDOW // 2:
            self._give_back(0, self._used)
            self._used = 0

    def _give_back(self, number: int, size: int) -> None:
        self.write(frames.window_update(number, size))

    def _other(self, frame: Frame) -> None:
        """Take any frame but the plain DATA frame."""
        kind, number = frame.kind, frame.stream_id
        if kind == Kind.WINDOW_UPDATE:
            self._window_update(number, frame.number)
        elif kind == Kind.PING and not frame.ack:
            self.loop.pings += 1
            self.write(frames.ping(frame.payload, ack=True))
        elif kind == Kind.SETTINGS and not frame.ack:
            self._settings(frame.payload)
            self.write(frames.SETTINGS_ACK)
        elif kind == Kind.HEADERS:
            self._headers(frame)
        elif kind == Kind.DATA:
            self._last_data(frame)
        elif kind == Kind.RST_STREAM and number in self.streams:
            self.streams.pop(number).ended({"rst_stream": str(frame.code)})
        elif kind == Kind.GOAWAY:
            raise WireError(f"GOAWAY, error {frame.code}: {frame.debug!r}")

    def _window_update(self, number: int, size: int) -> None:
        if number == 0:
            self.window += size
            for stream in self.streams.values():
                stream.flush()
        elif opened := self.streams.get(number):
            opened.window += size
            opened.flush()

    def _settings(self, payload: bytes) -> None:
        for name, value in frames.settings_of(payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.window += value - self.stream_window
                    stream.flush()
                self.stream_window = value
        self.settled = True

    def _headers(self, frame: Frame) -> None:
        headers = {name.decode(): value.decode() for name, value in frame.headers}
        if headers.get(":status", "200") != "200":
            raise WireError(f"the server answered {headers}")
        if frame.end and (stream := self.streams.pop(frame.stream_id, None)):
            stream.ended(headers)

    def _last_data(self, frame: Frame) -> None:
        if frame.flags & PADDED:
            raise WireError("padded DATA frames are not counted")
        stream = self.streams[frame.stream_id]
        self._used += len(frame.payload)
        stream.received(bytearray(frame.payload), 0, len(frame.payload))
        if frame.end:
            del self.streams[frame.stream_id]
            stream.ended({})


class Loop(Poll):
    """The loop of a gRPC client."""

    def connect(self, port: int, count: int) -> list[Connection]:
        """Open connections to this machine's `port` and wait for the server's settings."""
        connections = []
        for _ in range(count):
            connections.append(Connection(self, port))
            self.turn(0)
        self.until(lambda: all(c.settled for c in connections), 30, "the server's settings")
        return connections

    def call(
        self, connection: Connection, path: str, message: bytes, *more: tuple[bytes, bytes]
    ) -> bytes:
        """Make a unary call; WireError when its status is not OK."""
        call = Call()
        authority = f"{HOST}:{connection.port}"
        headers = encode_cached(request_headers(path, authority, *more))
        connection.open(call, headers, envelope(message), last=True)
        self.until(lambda: call.done, 10, path)
        return payload(bytes(call.answer))
