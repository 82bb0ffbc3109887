"""One side of a tapped connection: what it reads, the other side writes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING, Protocol, cast

from chatroom.chatwire.passage import Chunk, Ended, Side

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from chatroom.chatwire.passage import Passage

READ_BYTES = 256 * 1024
"""What the event loop reads at most at once."""
WRITE_BYTES = 64 * 1024
"""Waiting to be written, above which the other side is not read."""
LINGER_NONE = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a reset (POSIX)."""


class Half(asyncio.Protocol):
    """A connection with the client, or with the server, of a tapped connection.

    It reads nothing until it is joined with the other.
    """

    def __init__(self, side: Side, accepted: Callable[[Half], None] | None = None) -> None:
        self._side = side
        self._accepted = accepted
        self._other: Half | None = None
        self._ended = False
        """Whether the end of what this side sends has been told."""
        self._cut = False
        self._why = ""
        self._early: list[Callable[[], None]] = []
        self._when_gone: list[Callable[[Half], None]] = []
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BYTES)
        self._transport.pause_reading()
        opened = self._transport.get_extra_info("socket")
        if opened is not None and opened.family in (socket.AF_INET, socket.AF_INET6):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # uvloop begins to read behind this call, whatever it was told in it.
        asyncio.get_running_loop().call_soon(self._wait_to_join)
        if self._accepted:
            self._accepted(self)

    def _wait_to_join(self) -> None:
        if self._other is None and not self._transport.is_closing():
            self._transport.pause_reading()

    @property
    def side(self) -> Side:
        """Which side of the tapped connection this is."""
        return self._side

    @property
    def peer(self) -> tuple[str, int]:
        """Whom this is a connection with."""
        name = self._transport.get_extra_info("peername")
        return (name[0], name[1]) if name else ("", 0)

    @property
    def agreed(self) -> str | None:
        """The protocol agreed on by ALPN; None without TLS or without an agreement."""
        channel = self._transport.get_extra_info("ssl_object")
        return channel.selected_alpn_protocol() if channel else None

    def when_gone(self, call: Callable[[Half], None]) -> None:
        """Have `call` called when the connection is gone, or now if it is."""
        if self.gone.is_set():
            call(self)
        else:
            self._when_gone.append(call)

    def join(self, other: Half, number: int, observe: Callable[[Passage], None]) -> None:
        """Begin to read, and to pass on what is read to `other`."""
        self._other = other
        self._number = number
        self._observe = observe
        early, self._early = self._early, []
        for happened in early:
            happened()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def cut(self, why: str = "") -> None:
        """Reset the connection. What it would have sent ends with a reset, too.

        `why` is told with its end.
        """
        self._cut = True
        self._why = why
        channel = self._transport.get_extra_info("socket")
        if channel is not None:
            with contextlib.suppress(OSError):
                channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        self._transport.abort()

    # ---- called by the event loop ------------------------------------------------

    def data_received(self, data: bytes) -> None:
        other = self._other
        if other is None:  # a TLS transport may bring some in spite of pause_reading
            self._early.append(lambda: self.data_received(data))
            return
        # First on its way, then looked at.
        if not other._transport.is_closing():
            other._transport.write(data)
        now = time.time_ns()
        self._observe(Chunk(connection=self._number, time=now, sender=self._side, content=data))

    def eof_received(self) -> bool:
        """The end of what it sends is passed on; the other direction goes on."""
        if self._other is None:
            self._early.append(lambda: (self.eof_received(), None)[1])
            return True
        self._end(reset=False)
        other = self._other._transport
        if not other.can_write_eof():
            other.close()  # TLS: asyncio cannot end one direction alone
            return False
        if not other.is_closing():
            other.write_eof()
        if self._other._ended:
            # Both directions are over; what waits to be written still is.
            other.close()
            self._transport.close()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set()
        calls, self._when_gone = self._when_gone, []
        for call in calls:
            call(self)
        reset = error is not None or self._cut
        if self._other is None:
            self._early.append(lambda: self._lost(reset=reset))
        else:
            self._lost(reset=reset)

    def pause_writing(self) -> None:
        if self._other is not None and self._other._reads:
            self._other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and self._other._reads:
            self._other._transport.resume_reading()

    # ------------------------------------------------------------------------------

    @property
    def _reads(self) -> bool:
        return not self._ended and not self._transport.is_closing()

    def _lost(self, *, reset: bool) -> None:
        other = self._other
        assert other is not None
        self._end(reset=reset)
        if other.gone.is_set():
            return
        if reset:
            other.cut()
        else:
            other._transport.close()

    def _end(self, *, reset: bool) -> None:
        if not self._ended:
            self._ended = True
            self._observe(
                Ended(
                    connection=self._number,
                    time=time.time_ns(),
                    sender=self._side,
                    reset=reset,
                    why=self._why,
                )
            )


class HalfMaker(Protocol):
    """Makes one side of a tapped connection."""

    def __call__(self, side: Side, accepted: Callable[[Half], None] | None = None, /) -> Half: ...


async def connected(
    to: tuple[str, int], tls: ssl.SSLContext | None, half: HalfMaker = Half
) -> Half:
    """A connection with the server. Raises OSError."""
    loop = asyncio.get_running_loop()
    host, port = to
    _, made = await loop.create_connection(
        lambda: half(Side.SERVER), host, port, ssl=tls, server_hostname=host if tls else None
    )
    return made
