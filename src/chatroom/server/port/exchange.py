"""An exchange: one request and its response, for a call that is pushed, not awaited.

The call is a `wire.http2.streams.Call`, whatever carries it. What it sends goes into an
`Exchange`: that of an HTTP/2 stream, or of an ASGI server's (`exchange_asgi`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from chatroom.wire.http2.frames import ErrorCode
from chatroom.wire.http2.headers import Headers, encode, encode_cached
from chatroom.wire.http2.streams import Call, Stream

from .http2 import Http2Protocol
from .log_names import LogName


class Exchange(Protocol):
    """What a call needs of its carrier."""

    @property
    def offer(self) -> Callable[[bytes], bool]:
        """Sends bytes, which may be shared by many, if they can go now; else False, and nothing."""

    @property
    def log_name(self) -> LogName:
        """What the log calls it."""

    @property
    def room(self) -> int:
        """How many bytes would go now."""

    @property
    def idle(self) -> bool:
        """Whether everything is gone that was sent."""

    def carry(self, call: Call) -> None:
        """Push what happens into a call from here on."""

    def begin(self, headers: Headers) -> None:
        """Send the response's head, with status 200."""

    def send(self, data: bytes) -> None:
        """Send bytes, as the peer takes them; everything sent before must be gone."""

    def wait(self, size: int) -> None:
        """Have `Call.writable` called when `size` bytes may go."""

    def end(self, trailers: Headers | None, last: bytes = b"") -> None:
        """End the response behind everything that was sent, and `last`, with trailers or not."""

    def whole(self, headers: Headers) -> None:
        """A response of a head alone, with status 200."""

    def acknowledge(self, size: int) -> None:
        """So many bytes of the request were read: as many more may come."""

    def abort(self) -> None:
        """End without a word."""

    def release(self) -> None:
        """The call is no longer at work."""


class StreamExchange:
    """Of an HTTP/2 stream."""

    __slots__ = ("_connection", "_loop", "_stream", "offer")

    def __init__(self, connection: Http2Protocol, stream: Stream) -> None:
        self._connection = connection
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self.offer = stream.offer

    def carry(self, call: Call) -> None:
        """Push what happens to the stream into a call from here on."""
        self._stream.call = call

    @property
    def log_name(self) -> LogName:
        return LogName(self._connection.peername, self._stream.stream_id)

    @property
    def room(self) -> int:
        return self._stream.room

    @property
    def idle(self) -> bool:
        return self._stream.idle

    def begin(self, headers: Headers) -> None:
        self._stream.headers(_ok(headers))

    def send(self, data: bytes) -> None:
        self._stream.send(data, self._loop.time())

    def wait(self, size: int) -> None:
        self._stream.wait(self._loop.time(), size)

    def end(self, trailers: Headers | None, last: bytes = b"") -> None:
        if last:
            self._stream.append(last, self._loop.time())
        self._stream.end(encode(trailers) if trailers is not None else None)

    def whole(self, headers: Headers) -> None:
        self._stream.headers(_ok(headers), end=True)

    def acknowledge(self, size: int) -> None:
        self._stream.acknowledge(size)

    def abort(self) -> None:
        self._connection.reset(self._stream, ErrorCode.INTERNAL_ERROR)

    def release(self) -> None:
        self._connection.release(self._stream)


def _ok(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return encode_cached(((b":status", b"200"), *headers))
