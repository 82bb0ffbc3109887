"""One connection of a replay: its own stream ids, header table and windows."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hpack import Encoder, NeverIndexedHeaderTuple

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.names import SETTINGS
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.passage import Chunk, Ended, Opened, Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import (
    DEFAULT_TABLE_BYTES,
    DEFAULT_WINDOW,
    MAX_FRAME_BYTES,
    PREFACE,
    SETTINGS_ACK,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from chatroom.chatwire.decode.records import Field, Frame
    from chatroom.chatwire.passage import Passage
    from chatroom.wire.addresses import Address

READ_BYTES = 64 * 1024
NUMBERS = {name: number for number, name in SETTINGS.items()}


class Connection:
    """Sends what it is told to, as far as the server's windows let it.

    `observe` is given everything that passes, in both directions; what the decoder makes of that
    comes back by `take`, which acknowledges SETTINGS and PING.
    """

    def __init__(self, number: int, to: Address, observe: Callable[[Passage], None]) -> None:
        self.number = number
        self.over = False
        """Whether the server has ended it."""
        self.greeted = False
        """Whether the server's SETTINGS have come."""
        self.most_streams: int | None = None
        """That the server takes at once."""
        self._to = to
        self._observe = observe
        self._encoder = Encoder()
        self._next = 1
        self._id_of: dict[int, int] = {}
        self._recorded: dict[int, int] = {}
        """Recorded stream ids by those of now."""
        self._initial = DEFAULT_WINDOW
        self._window = DEFAULT_WINDOW
        self._windows: dict[int, int] = {}
        self._frame_bytes = MAX_FRAME_BYTES
        self._closed: dict[int, set[Side]] = {}
        """By stream id of now, of those that are not over."""
        self._ended = False

    async def open(
        self, tls: ssl.SSLContext | None, settings: Iterable[tuple[str, int]] = ()
    ) -> None:
        """Connect, and say the preface with these SETTINGS. Raises OSError."""
        host, port = self._to
        self._reader, self._writer = await asyncio.open_connection(
            host, port, ssl=tls, server_hostname=host if tls else None
        )
        client = self._writer.get_extra_info("sockname")[:2]
        self._observe(
            Opened(connection=self.number, time=time.time_ns(), client=client, server=self._to)
        )
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self.send(PREFACE + _settings(settings))

    async def close(self) -> None:
        """End it if it has not ended, and wait until what was sent is read no more."""
        self.finish(reset=False)
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.transport.abort()

    def finish(self, *, reset: bool) -> None:
        """Nothing more is sent: by a FIN or by a reset."""
        if self._ended:
            return
        self._ended = True
        now = time.time_ns()
        if reset or self.over:
            self._writer.transport.abort()
        elif self._writer.can_write_eof():
            self._writer.write_eof()
        else:
            self._writer.close()
        self._observe(Ended(connection=self.number, time=now, sender=Side.CLIENT, reset=reset))

    # ---- What is sent ------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        """Send bytes, unless there are none or the connection is over."""
        if self.over or self._ended or not octets:
            return
        self._writer.write(octets)
        now = time.time_ns()
        self._observe(Chunk(connection=self.number, time=now, sender=Side.CLIENT, content=octets))

    async def drain(self) -> None:
        """Wait until the system has taken what was sent."""
        try:
            await self._writer.drain()
        except OSError:
            return  # the end of the connection is told by `_read`

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._closed)

    def is_open(self, recorded: int) -> bool:
        """Whether something may still be sent on the stream that stands for this one."""
        stream = self._id_of.get(recorded)
        return stream in self._closed and Side.CLIENT not in self._closed[stream]

    def is_over(self, recorded: int) -> bool:
        """Whether the stream that stands for this one was begun, and nothing more passes on it."""
        stream = self._id_of.get(recorded)
        return stream is not None and stream not in self._closed

    def recorded(self, stream: int | None) -> int:
        """Which recorded stream one of now stands for; 0 for the connection."""
        return self._recorded.get(stream or 0, 0)

    def headers(self, recorded: int, fields: Iterable[Field], *, end: bool) -> None:
        """Begin a stream, or send its trailers."""
        stream = self._id_of.get(recorded)
        if stream is None:
            stream = self._id_of[recorded] = self._next
            self._next += 2
            self._recorded[stream] = recorded
            self._closed[stream] = set()
            self._windows[stream] = self._initial
        block = self._encoder.encode([_tuple(field) for field in fields])
        self.send(frames.headers(stream, block, end=end))
        if end:
            self._close(stream, Side.CLIENT)

    def room(self, recorded: int) -> int:
        """Bytes of DATA that may be sent at once on a stream."""
        stream = self._id_of[recorded]
        return max(0, min(self._window, self._windows.get(stream, 0), self._frame_bytes))

    def data(self, recorded: int, payload: bytes, *, end: bool) -> None:
        """Send DATA. There must be room for it."""
        stream = self._id_of[recorded]
        self._window -= len(payload)
        self._windows[stream] -= len(payload)
        self.send(frames.data(stream, payload, end=end))
        if end:
            self._close(stream, Side.CLIENT)

    def reset(self, recorded: int, code: int) -> None:
        """End a stream at once."""
        stream = self._id_of[recorded]
        self.send(frames.rst_stream(stream, code))
        self._forget(stream)

    def settings(self, values: Iterable[tuple[str, int]]) -> None:
        """Send SETTINGS by their names."""
        self.send(_settings(values))

    def window_update(self, recorded: int, increment: int) -> None:
        """Give the server more window; on a stream that has begun."""
        stream = self._id_of.get(recorded) if recorded else 0
        if stream is not None and increment:
            self.send(frames.window_update(stream, increment))

    # ---- What comes --------------------------------------------------------------------

    def take(self, frame: Frame) -> None:
        """A frame that the server has sent."""
        detail = frame.detail
        match detail:
            case records.Settings(acknowledges=False):
                self._obey(dict(detail.values))
                self.greeted = True
                self.send(SETTINGS_ACK)
            case records.Ping(acknowledges=False):
                self.send(frames.ping(detail.opaque, ack=True))
            case records.WindowUpdate(stream=0):
                self._window += detail.increment
            case records.WindowUpdate() if detail.stream in self._windows:
                self._windows[detail.stream] += detail.increment
            case records.Ended():
                self.over = True
        if frame.kind is Kind.RST_STREAM:
            self._forget(frame.stream or 0)
        elif frame.ends_stream:
            self._close(frame.stream or 0, Side.SERVER)

    def _obey(self, values: dict[str, int]) -> None:
        if (initial := values.get("INITIAL_WINDOW_SIZE")) is not None:
            for stream in self._windows:
                self._windows[stream] += initial - self._initial
            self._initial = initial
        if (table := values.get("HEADER_TABLE_SIZE")) is not None:
            self._encoder.header_table_size = min(table, DEFAULT_TABLE_BYTES)
        self._frame_bytes = values.get("MAX_FRAME_SIZE", self._frame_bytes)
        self.most_streams = values.get("MAX_CONCURRENT_STREAMS", self.most_streams)

    def _close(self, stream: int, side: Side) -> None:
        closed = self._closed.get(stream)
        if closed is not None:
            closed.add(side)
            if closed == set(Side):
                self._forget(stream)

    def _forget(self, stream: int) -> None:
        self._closed.pop(stream, None)
        self._windows.pop(stream, None)

    async def _read(self) -> None:
        reset = False
        try:
            while content := await self._reader.read(READ_BYTES):
                now = time.time_ns()
                self._observe(
                    Chunk(connection=self.number, time=now, sender=Side.SERVER, content=content)
                )
        except OSError:
            reset = True
        now = time.time_ns()
        self._observe(Ended(connection=self.number, time=now, sender=Side.SERVER, reset=reset))


def _settings(values: Iterable[tuple[str, int]]) -> bytes:
    return frames.settings(*((NUMBERS.get(name) or int(name, 16), value) for name, value in values))


def _tuple(field: Field) -> tuple[bytes, bytes]:
    name = field.name.encode("utf-8", "surrogateescape")
    value = field.value.encode("utf-8", "surrogateescape")
    return NeverIndexedHeaderTuple(name, value) if field.never_indexed else (name, value)
