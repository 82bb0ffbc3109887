"""A client that is played by hand: it sends exactly the frames that it is told to send."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from hpack import Encoder

from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import SETTINGS_ACK, Setting

if TYPE_CHECKING:
    from types import TracebackType

    from google.protobuf.message import Message


class Hand:
    """A connection. What comes is taken from the socket and dropped: the tap has seen it.

    So the TCP connection never stalls; but no window is given back, no SETTINGS and no
    PING acknowledged, unless the scene does it.
    """

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._authority = address
        self._reader = reader
        self._writer = writer
        self._encoder = Encoder()

    @classmethod
    async def connect(cls, address: str) -> Self:
        """Connect to HOST:PORT. Raises OSError."""
        return cls(address, *await asyncio.open_connection(*Address.parse(address)))

    async def __aenter__(self) -> Self:
        self._dropping = asyncio.create_task(self._drop())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        await self._dropping

    async def send(self, *octets: bytes) -> None:
        """Send frames, or any bytes."""
        self._writer.write(b"".join(octets))
        await self._writer.drain()

    # ---- Frames to send ---------------------------------------------------------------

    def request(
        self, stream: int, path: str = CHAT, *more: tuple[str, str], end: bool = False
    ) -> bytes:
        """HEADERS that begin a gRPC call. Send it: the compression table counts on it."""
        fields = request_headers(
            path, self._authority, *((name.encode(), value.encode()) for name, value in more)
        )
        return frames.headers(stream, self._encoder.encode(fields), end=end)

    async def _drop(self) -> None:
        with contextlib.suppress(OSError):
            while await self._reader.read(1 << 16):
                pass


def settings(**values: int) -> bytes:
    """SETTINGS with these names of RFC 9113, section 6.5.2, in capitals."""
    return frames.settings(*((Setting[name], value) for name, value in values.items()))


def settings_ack() -> bytes:
    """What each SETTINGS of the other side is answered with."""
    return SETTINGS_ACK


def data(stream: int, *messages: Message, end: bool = False) -> bytes:
    """DATA with whole messages in their envelopes."""
    content = b"".join(envelope(message.SerializeToString()) for message in messages)
    return frames.data(stream, content, end=end)


def window_update(stream: int, by: int) -> bytes:
    """Permission to send so many bytes more on a stream; 0: on the connection."""
    return frames.window_update(stream, by)


def ping(opaque: bytes) -> bytes:
    """PING with these eight bytes."""
    return frames.ping(opaque)
