"""The way down: what a protocol writes becomes TLS records in the transport below."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

RECORD_BYTES = 16 * 1024
"""What one record holds at most (RFC 8446, 5.1). More is never encrypted at a time, so the
BIOs, which never shrink, stay at this size."""
DEFAULT_HIGH_BYTES = 64 * 1024


class Stage(enum.Enum):
    """Where a connection is. It only moves down this list; REFUSED comes after HANDSHAKE."""

    HANDSHAKE = enum.auto()
    REFUSED = enum.auto()
    """The handshake failed and the alert is sent; what still comes is thrown away, since a
    socket that is closed with bytes unread may take the alert with it (RFC 9112, 9.6)."""
    OPEN = enum.auto()
    FLUSHING = enum.auto()
    """`close` was called: what was written before goes out, then close_notify."""
    CLOSED = enum.auto()
    """The transport below was told to close, or is gone."""


class TlsTransport(asyncio.Transport):
    """What a protocol above TLS has for a transport.

    What is written is encrypted and handed down at once, unless the transport below is
    paused. Then it waits unencrypted. So of a reader that stalls we hold what the protocol
    writes in spite of `pause_writing`, and of records the limit set here and one more.
    """

    __slots__ = (
        "_high",
        "_inner",
        "_on_reading",
        "_outgoing",
        "_paused",
        "_raw",
        "_told_paused",
        "_waiting",
        "_waiting_bytes",
        "reading",
        "stage",
        "tls",
    )

    def __init__(self, context: ssl.SSLContext, incoming: ssl.MemoryBIO) -> None:
        super().__init__()
        self.stage = Stage.HANDSHAKE
        self.reading = True
        """False between `pause_reading` and `resume_reading`."""
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(incoming, self._outgoing, server_side=True)
        self._raw: asyncio.Transport
        self._inner: asyncio.BaseProtocol | None = None
        self._on_reading: Callable[[], None] | None = None
        self._waiting: deque[memoryview] = deque()
        """Not yet encrypted; empty unless the transport below is paused."""
        self._waiting_bytes = 0
        self._high = DEFAULT_HIGH_BYTES
        self._paused = False
        """By the transport below."""
        self._told_paused = False
        """What the inner protocol was last told."""

    # asyncio.Transport: for the protocol above

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; after `close` and on a lost connection what is written is dropped."""
        if self.stage is not Stage.OPEN or not data:
            return
        if self._paused or len(data) > RECORD_BYTES:
            self._wait(data)
            self._pump()
        else:
            self._encrypt(data)
            self._raw.write(self._outgoing.read())

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send them joined, so that small ones share a record."""
        if self.stage is Stage.OPEN:
            for data in list_of_data:
                if data:
                    self._wait(data)
            self._pump()

    def close(self) -> None:
        """Send what was written, then close_notify, and close. The peer's is not waited for."""
        if self.stage is Stage.OPEN:
            self.stage = Stage.FLUSHING
            self._pump()
            self._end_if_flushed()

    def abort(self) -> None:
        """Close at once; what was written and not yet taken by the kernel is lost."""
        self.stage = Stage.CLOSED
        self._drop_waiting()
        self._raw.abort()

    def is_closing(self) -> bool:
        return self.stage is not Stage.OPEN or self._raw.is_closing()

    def is_reading(self) -> bool:
        return self.reading and not self.is_closing()

    def pause_reading(self) -> None:
        self._set_reading(False)

    def resume_reading(self) -> None:
        self._set_reading(True)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As asyncio's; in bytes of records. `pause_writing` comes above `high`."""
        if high is None:
            high = DEFAULT_HIGH_BYTES if low is None else 4 * low
        self._high = high
        self._raw.set_write_buffer_limits(high, high // 4 if low is None else low)

    def get_write_buffer_size(self) -> int:
        """All that is ours and not the kernel's: unencrypted, records, and the raw buffer."""
        return self._waiting_bytes + self._outgoing.pending + self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`ssl_object`, `cipher`, `peercert`; everything else as the transport below has it."""
        if name == "ssl_object":
            return self.tls
        if name == "cipher":
            return self.tls.cipher()
        if name == "peercert":
            return self.tls.getpeercert()
        return self._raw.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        if self._inner is None:
            raise RuntimeError("there is no protocol before the handshake and after the end")
        return self._inner

    def can_write_eof(self) -> bool:
        """False: TLS 1.2 knows no half-closed connection."""
        return False

    # For TlsProtocol

    def begin(self, raw: asyncio.Transport, on_reading: Callable[[], None]) -> None:
        """Stand on this transport; `on_reading` is called when `reading` has changed."""
        self._raw = raw
        self._on_reading = on_reading

    def open(self, inner: asyncio.Protocol) -> None:
        """The handshake is over; `inner` is the protocol above from now on."""
        self._inner = inner
        self.stage = Stage.OPEN
        inner.connection_made(self)
        if self._paused:
            self.paused_below()

    def paused_below(self) -> None:
        """The transport below has more than it should."""
        self._paused = True
        if not self._told_paused and self._inner is not None:
            self._told_paused = True
            self._inner.pause_writing()

    def resumed_below(self) -> None:
        """The transport below takes bytes again: first those that waited here."""
        self._paused = False
        self._pump()
        self._end_if_flushed()
        if self._told_paused and not self._paused and self._inner is not None:
            self._told_paused = False
            self._inner.resume_writing()

    def hand_down(self) -> bool:
        """Send what TLS itself has to say. True when the peer takes nothing at present."""
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())
            return self._paused
        return False

    def end(self) -> None:
        """Send the alert that may be there, and close."""
        self.stage = Stage.CLOSED
        self._drop_waiting()
        self.hand_down()
        self._raw.close()

    def lost(self) -> asyncio.BaseProtocol | None:
        """The transport below is gone. What was the protocol above, to be told so."""
        self.stage = Stage.CLOSED
        self._drop_waiting()
        inner, self._inner, self._on_reading = self._inner, None, None  # no circle stays behind
        return inner

    # Inside

    def _set_reading(self, reading: bool) -> None:  # the one argument is its name
        if self.reading is not reading:
            self.reading = reading
            if self._on_reading is not None:
                self._on_reading()

    def _wait(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, bytes):
            data = bytes(data)  # its owner may change it before its turn comes
        self._waiting.append(memoryview(data))
        self._waiting_bytes += len(data)

    def _drop_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0

    def _pump(self) -> None:
        """Encrypt what waits, as much as the transport below has room for and a record more."""
        raw = self._raw
        while self._waiting and not self._paused and not raw.is_closing():
            room = max(1, self._high - raw.get_write_buffer_size())
            records = []
            while self._waiting and room > 0:
                self._encrypt(self._next_content())
                record = self._outgoing.read()
                records.append(record)
                room -= len(record)
            raw.writelines(records)

    def _next_content(self) -> bytes | memoryview:
        """Take what fills the next record out of what waits."""
        parts = []
        room = RECORD_BYTES
        while self._waiting and room > 0:
            part = self._waiting.popleft()
            if len(part) > room:
                self._waiting.appendleft(part[room:])
                part = part[:room]
            parts.append(part)
            room -= len(part)
        self._waiting_bytes -= RECORD_BYTES - room
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _encrypt(self, content: bytes | bytearray | memoryview) -> None:
        """At most RECORD_BYTES. A peer that asked for shorter records (RFC 6066, 4) gets them."""
        written = self.tls.write(content)
        while written < len(content):
            content = memoryview(content)[written:]
            written = self.tls.write(content)

    def _end_if_flushed(self) -> None:
        if self.stage is Stage.FLUSHING and not self._waiting:
            with contextlib.suppress(ssl.SSLError):  # that the peer's close_notify has not come
                self.tls.unwrap()
            self.end()
