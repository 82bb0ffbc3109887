"""One hostile connection: it sends any bytes, and notes what comes of them."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice

from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK, Kind
from chatroom.wire.http2.reader import Frame, FrameReader

SECONDS = 30.0
"""How long an answer may take; it never decides a test that passes."""
PIECES_AT_ONCE = 2_000
PATIENCE_SECONDS = 1.0
"""After so long without a byte taken the server is holding the sender back."""
CHUNK_BYTES = 64 * 1024


class Attacker:
    """A connection in clear text. The server may end it at any time; that is noted."""

    def __init__(
        self, port: int, *hello: bytes, reading: bool = True, receive_bytes: int = 0
    ) -> None:
        """`hello` is sent first. Not `reading`, its replies stay in the kernel's buffers.

        `receive_bytes` is the size of that buffer here; 0: the kernel's own choice.
        """
        self.reading = reading
        self.ended = False
        """The server has closed the connection."""
        self.held_back = False
        """The server did not take all that was sent."""
        self.goaway: int | None = None
        """The error code of the last GOAWAY."""
        self.resets: dict[int, int] = {}
        """Error codes by stream: of its first RST_STREAM."""
        self.kinds: Counter[int] = Counter()
        """How many frames of each type have come."""
        self.text = b""
        """All that has come, if it was HTTP/1.1."""
        self._reader = FrameReader()
        self._spoken = False
        """It has sent frames, not HTTP/1.1."""
        self._fields: dict[int, dict[str, str]] = {}
        self._pongs: set[bytes] = set()
        self._pings = 0
        self._socket = socket.socket()
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self.send(b"".join(hello))

    @classmethod
    def greeting(
        cls, port: int, *settings: bytes, reading: bool = True, receive_bytes: int = 0
    ) -> Attacker:
        """One that has sent the preface and SETTINGS (empty ones where none are given)."""
        hello = settings or (frames.settings(),)
        return cls(
            port,
            PREFACE,
            *hello,
            SETTINGS_ACK,
            reading=reading,
            receive_bytes=receive_bytes,
        )

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    # ---- Out ----------------------------------------------------------------------

    def send(self, octets: bytes) -> bool:
        """Send, reading meanwhile if it is `reading`; whether the server has taken all."""
        rest = memoryview(octets)
        while rest and not self.ended:
            readable, writable, _ = select.select(
                [self] if self.reading else [], [self], [], PATIENCE_SECONDS
            )
            if not readable and not writable:
                self.held_back = True
                return False
            if readable:
                self._read()
            if writable and not self.ended:
                try:
                    rest = rest[self._socket.send(rest[:CHUNK_BYTES]) :]
                except BlockingIOError:
                    pass
                except OSError:
                    self._drain()
                    self.ended = True
        return not rest

    def flood(self, pieces: Iterable[bytes]) -> bool:
        """Send one after the other until all are taken or it has ended; whether all are.

        They are made meanwhile: 200,000 take longer than a silent peer is waited for.
        """
        rest = iter(pieces)
        while octets := b"".join(islice(rest, PIECES_AT_ONCE)):
            if not self.send(octets):
                return False
        return True

    # ---- In -----------------------------------------------------------------------

    def until(self, done: Callable[[], bool]) -> bool:
        """Read until `done`, or the end, from here on; whether it is done."""
        self.reading = True
        deadline = time.monotonic() + SECONDS
        while not done() and not self.ended:
            ready, _, _ = select.select([self], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                break
            self._read()
        return done()

    def take_what_is_there(self) -> None:
        """Read all that has come, and do not wait for more."""
        self._drain()

    def answers(self) -> bool:
        """Whether the connection is alive: a PING is answered. It reads from here on."""
        self._pings += 1
        opaque = struct.pack(">Q", 1 << 63 | self._pings)
        self.reading = True
        self.send(frames.ping(opaque))
        return self.until(lambda: opaque in self._pongs)

    def status(self, stream: int) -> dict[str, str]:
        """The header fields that have come on a stream; of trailers too."""
        return self._fields.get(stream, {})

    # ---- Inside -------------------------------------------------------------------

    def _drain(self) -> None:
        while not self.ended and select.select([self], [], [], 0)[0]:
            self._read()

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(1 << 18)
        except OSError:
            chunk = b""
        if not chunk:
            self.ended = True
            return
        if self.text or (not self._spoken and chunk.startswith(b"HTTP/1.")):
            self.text += chunk
            return
        self._spoken = True
        for frame in self._reader.receive_data(chunk):
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        self.kinds[frame.kind] += 1
        if frame.kind == Kind.GOAWAY:
            self.goaway = frame.code
        elif frame.kind == Kind.RST_STREAM:
            self.resets.setdefault(frame.stream_id, frame.code)
        elif frame.kind == Kind.HEADERS:
            fields = {name.decode(): value.decode() for name, value in frame.headers}
            self._fields.setdefault(frame.stream_id, {}).update(fields)
        elif frame.kind == Kind.PING and frame.ack:
            self._pongs.add(frame.payload)
