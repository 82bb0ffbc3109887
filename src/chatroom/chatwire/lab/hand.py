"""A client that is played by hand: it sends exactly the frames that it is told to send."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from hpack import Encoder
from hyperframe.frame import (
    DataFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT

if TYPE_CHECKING:
    from types import TracebackType

    from google.protobuf.message import Message
    from hyperframe.frame import Frame


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

    async def send(self, *frames: Frame | bytes) -> None:
        """Send frames, or any bytes."""
        octets = (one if isinstance(one, bytes) else one.serialize() for one in frames)
        self._writer.write(b"".join(octets))
        await self._writer.drain()

    # ---- Frames to send ---------------------------------------------------------------

    def request(
        self, stream: int, path: str = CHAT, *more: tuple[str, str], end: bool = False
    ) -> HeadersFrame:
        """HEADERS that begin a gRPC call. Send it: the compression table counts on it."""
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *more,
        ]
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        return HeadersFrame(stream, data=self._encoder.encode(fields), flags=flags)

    async def _drop(self) -> None:
        with contextlib.suppress(OSError):
            while await self._reader.read(1 << 16):
                pass


def settings(**values: int) -> SettingsFrame:
    """SETTINGS with these names of RFC 9113, section 6.5.2, in capitals."""
    return SettingsFrame(0, {getattr(SettingsFrame, name): v for name, v in values.items()})


def settings_ack() -> SettingsFrame:
    """What each SETTINGS of the other side is answered with."""
    return SettingsFrame(0, flags=["ACK"])


def data(stream: int, *messages: Message, end: bool = False) -> DataFrame:
    """DATA with whole messages in their envelopes."""
    content = b"".join(envelope(message.SerializeToString()) for message in messages)
    return DataFrame(stream, content, flags=["END_STREAM"] if end else [])


def window_update(stream: int, by: int) -> WindowUpdateFrame:
    """Permission to send so many bytes more on a stream; 0: on the connection."""
    return WindowUpdateFrame(stream, window_increment=by)


def ping(opaque: bytes) -> PingFrame:
    """PING with these eight bytes."""
    return PingFrame(0, opaque_data=opaque)


def reset(stream: int, code: int) -> RstStreamFrame:
    """RST_STREAM with an error code of RFC 9113, section 7."""
    return RstStreamFrame(stream, error_code=code)
