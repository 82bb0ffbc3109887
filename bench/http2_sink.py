"""A minimal HTTP/2 client over plain sockets, made to receive cheaply.

It knows what a gRPC client of plaintext servers needs (RFC 9113) and no more. One loop
reads into one shared buffer; the payload of each DATA frame is handed to its stream as a
place in that buffer, so nothing is copied but frames that a read cut. Messages may share
a frame and span frames. Receive windows are 2^31-1 bytes unless asked for otherwise, and
given back when half is used, so flow control never holds a server back; towards the
server every window is honoured.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hpack import Decoder

from bench.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADER,
    HEADER_BYTES,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_WINDOW,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WireError,
    frame,
    request_headers,
)
from bench.http2_streams import Call
from bench.sockets import HOST, READ_BYTES, Poll, Socket
from bench.tally import MARKER
from chatroom.wire.envelopes import envelope, payload

if TYPE_CHECKING:
    from bench.http2_streams import Stream


class Connection(Socket):
    """One connection: its streams, and both flow-control windows.

    `stream_window` is how many bytes the server may send on a stream. They are given back
    from half of them on, or, where it is `held`, never: a stream is stuck once they are used.
    """

    def __init__(
        self, loop: Poll, port: int, stream_window: int = MAX_WINDOW, *, held: bool = False
    ) -> None:
        super().__init__(loop, port)
        self.streams: dict[int, Stream] = {}
        self.window = DEFAULT_WINDOW
        self.stream_window = DEFAULT_WINDOW
        """What the server lets us send on a new stream."""
        self.settled = False
        """The server's settings are known."""
        self._used = 0
        self._much = MAX_WINDOW if held else stream_window // 2
        """Bytes of a stream that are given back at once."""
        self._next = 1
        self._kept = b""
        self._decoder = Decoder()
        self._block = b""
        self._ends = False
        initial = struct.pack(">HI", INITIAL_WINDOW_SIZE, stream_window)
        more = struct.pack(">I", MAX_WINDOW - DEFAULT_WINDOW)
        self.write(PREFACE + frame(SETTINGS, 0, 0, initial) + frame(WINDOW_UPDATE, 0, 0, more))

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
        opening = frame(HEADERS, END_HEADERS, number, headers)
        if last or len(message) <= min(stream.window, self.window):
            stream.window -= len(message)
            self.window -= len(message)
            self.write(opening + frame(DATA, END_STREAM if last else 0, number, message))
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
        unpack = HEADER.unpack_from
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
                self._other(word & 0xFF, flags, number, bytes(buffer[start:stop]))
            at = stop
        self._kept = bytes(buffer[at:end])
        if self._used > MAX_WINDOW // 2:
            self._give_back(0, self._used)
            self._used = 0

    def _give_back(self, number: int, size: int) -> None:
        self.write(frame(WINDOW_UPDATE, 0, number, struct.pack(">I", size)))

    def _other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Take any frame but the plain DATA frame."""
        if kind == WINDOW_UPDATE:
            self._window_update(number, struct.unpack(">I", payload)[0])
        elif kind == PING and not flags & ACK:
            self.write(frame(PING, ACK, 0, payload))
        elif kind == SETTINGS and not flags & ACK:
            self._settings(payload)
            self.write(frame(SETTINGS, ACK, 0))
        elif kind in {HEADERS, CONTINUATION}:
            self._headers(kind, flags, number, payload)
        elif kind == DATA:
            self._last_data(flags, number, payload)
        elif kind == RST_STREAM and number in self.streams:
            code = int.from_bytes(payload, "big")
            self.streams.pop(number).ended({"rst_stream": str(code)})
        elif kind == GOAWAY:
            raise WireError(f"GOAWAY, error {payload[4:8].hex()}: {payload[8:]!r}")

    def _window_update(self, number: int, size: int) -> None:
        if number == 0:
            self.window += size
            for stream in self.streams.values():
                stream.flush()
        elif opened := self.streams.get(number):
            opened.window += size
            opened.flush()

    def _settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", payload):
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.window += value - self.stream_window
                    stream.flush()
                self.stream_window = value
        self.settled = True

    def _headers(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == HEADERS:
            if flags & PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            if flags & PRIORITY:
                payload = payload[5:]
            self._ends = bool(flags & END_STREAM)
            self._block = b""
        self._block += payload
        if not flags & END_HEADERS:
            return
        headers = {str(name): str(value) for name, value in self._decoder.decode(self._block)}
        if headers.get(":status", "200") != "200":
            raise WireError(f"the server answered {headers}")
        if self._ends and (stream := self.streams.pop(number, None)):
            stream.ended(headers)

    def _last_data(self, flags: int, number: int, payload: bytes) -> None:
        if flags & PADDED:
            raise WireError("padded DATA frames are not counted")
        stream = self.streams[number]
        self._used += len(payload)
        stream.received(bytearray(payload), 0, len(payload))
        if flags & END_STREAM:
            del self.streams[number]
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

    def call(self, connection: Connection, path: str, message: bytes) -> bytes:
        """Make a unary call; WireError when its status is not OK."""
        call = Call()
        authority = f"{HOST}:{connection.port}"
        connection.open(call, request_headers(path, authority), envelope(message), last=True)
        self.until(lambda: call.done, 10, path)
        return payload(bytes(call.answer))
