"""A minimal HTTP/2 client over plain sockets, made to receive cheaply.

It knows what a gRPC client of plaintext servers needs (RFC 9113) and no more. One
epoll loop reads into one shared buffer; the payload of each DATA frame is handed to
its stream as a place in that buffer, so nothing is copied but frames that a read cut.
Receive windows are 2^31-1 bytes and given back when half is used, so flow control
never holds a server back; towards the server every window is honoured.
Linux only (epoll).
"""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING

from hpack import Decoder

from bench.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    FRAME_LIMIT,
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
from chatroom.wire.envelopes import envelope, payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.http2_streams import Stream

RECEIVE_BYTES = 256 * 1024
"""Bytes asked of the kernel in one read."""


class Connection:
    """One connection: its streams, both flow-control windows, and what waits to be sent."""

    def __init__(self, loop: Loop, port: int) -> None:
        self.loop = loop
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.streams: dict[int, Stream] = {}
        self.window = DEFAULT_WINDOW
        self.stream_window = DEFAULT_WINDOW
        self.settled = False
        """The server's settings are known."""
        self._used = 0
        self._next = 1
        self._kept = b""
        self._unsent = b""
        self._decoder = Decoder()
        self._block = b""
        self._ends = False
        self.at_end: Callable[[], None] | None = None
        """Called when the server closes the connection; without it that is an error."""
        loop.add(self)
        initial = struct.pack(">HI", INITIAL_WINDOW_SIZE, MAX_WINDOW)
        self.write(PREFACE + frame(SETTINGS, 0, 0, initial))
        self._give_back(0, MAX_WINDOW - DEFAULT_WINDOW)

    def open(self, stream: Stream, headers: bytes, message: bytes, *, last: bool = False) -> None:
        """Start a call with its first message; `last` half-closes it. Needs `settled`."""
        stream.connection = self
        stream.number = number = self._next
        stream.window = self.stream_window
        self._next += 2
        self.streams[number] = stream
        self.write(frame(HEADERS, END_HEADERS, number, headers))
        if last:
            self.window -= len(message)
            self.write(frame(DATA, END_STREAM, number, message))
        else:
            stream.send(message)

    def write(self, octets: bytes) -> None:
        """Send now what the kernel takes, the rest when it takes more."""
        if self._unsent:
            self._unsent += octets
            return
        try:
            sent = self.socket.send(octets)
        except BlockingIOError:
            sent = 0
        if sent < len(octets):
            self._unsent = octets[sent:]
            self.loop.want_write(self, wanted=True)

    def writable(self) -> None:
        octets, self._unsent = self._unsent, b""
        self.write(octets)
        if not self._unsent:
            self.loop.want_write(self, wanted=False)

    def readable(self) -> None:
        """Read once and hand on every whole frame."""
        buffer = self.loop.buffer
        kept = len(self._kept)
        try:
            if kept:
                buffer[:kept] = self._kept
                end = kept + self.socket.recv_into(self.loop.view[kept:], RECEIVE_BYTES)
            else:
                end = self.socket.recv_into(buffer, RECEIVE_BYTES)
        except ConnectionResetError:
            end = kept
        if end == kept:
            self._closed()
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
                self._used += size
                stream.used += size
                stream.received(buffer, start, stop)
                if stream.used > MAX_WINDOW // 2:
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

    def _closed(self) -> None:
        self.close()
        if self.at_end is None:
            raise WireError("the server closed a connection")
        self.at_end()

    def close(self) -> None:
        self.loop.remove(self)
        self.socket.close()

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
                if stream.pending:
                    stream.flush()
        elif stream_ := self.streams.get(number):
            stream_.window += size
            if stream_.pending:
                stream_.flush()

    def _settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", payload):
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.window += value - self.stream_window
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


class Loop:
    """Reads and writes every connection as it becomes ready, in one thread."""

    def __init__(self) -> None:
        self.buffer = bytearray(RECEIVE_BYTES + FRAME_LIMIT + HEADER_BYTES)
        """Shared by all connections: what one read brought, after what it left the last time."""
        self.view = memoryview(self.buffer)
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}

    def add(self, connection: Connection) -> None:
        descriptor = connection.socket.fileno()
        self._connections[descriptor] = connection
        self._epoll.register(descriptor, select.EPOLLIN)

    def remove(self, connection: Connection) -> None:
        descriptor = connection.socket.fileno()
        if self._connections.pop(descriptor, None):
            self._epoll.unregister(descriptor)

    def want_write(self, connection: Connection, *, wanted: bool) -> None:
        events = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
        self._epoll.modify(connection.socket.fileno(), events)

    def turn(self, timeout: float) -> int:
        """Serve every connection that is ready within `timeout` seconds; how many were."""
        ready = self._epoll.poll(max(0.0, timeout))
        for descriptor, events in ready:
            connection = self._connections.get(descriptor)
            if connection is None:
                continue
            if events & select.EPOLLOUT:
                connection.writable()
            if events & ~select.EPOLLOUT:
                connection.readable()
        return len(ready)

    def until(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        """Turn until `done`; WireError when that takes more than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not done():
            if time.monotonic() > deadline:
                raise WireError(f"waited {timeout:g} s in vain for {what}")
            self.turn(0.1)

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
        authority = f"127.0.0.1:{connection.port}"
        connection.open(call, request_headers(path, authority), envelope(message), last=True)
        self.until(lambda: call.done, 10, path)
        return payload(bytes(call.answer))

    def close(self) -> None:
        """Close every connection at once."""
        for connection in list(self._connections.values()):
            connection.close()
        self._epoll.close()
