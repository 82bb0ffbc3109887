"""The first bytes of a connection: which protocol is spoken on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from chatroom.wire.http2.frames import PREFACE

log = logging.getLogger(__name__)

TELLING_BYTES = 4
"""No HTTP/1.1 request begins with "PRI ": the method is kept for this (RFC 9113, 11.6)."""


class Sniff(asyncio.Protocol):
    """Waits for the first bytes, then hands the transport to the protocol that they tell."""

    def __init__(
        self,
        http2: Callable[[], asyncio.Protocol],
        http1: Callable[[], asyncio.Protocol],
        on_closed: Callable[[Sniff], object],
        *,
        seconds: float,
        since: float,
    ) -> None:
        """The bytes have `seconds` from `since` on, of the clock that `check` is told."""
        self._http2 = http2
        self._http1 = http1
        self._on_closed = on_closed
        self._seconds = seconds
        self._since = since
        self._first = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has no base of asyncio's

    def data_received(self, data: bytes) -> None:
        first = self._first = self._first + data
        telling = first[:TELLING_BYTES]
        if telling == PREFACE[:TELLING_BYTES]:
            self._hand_over(self._http2())
        elif not PREFACE.startswith(telling):
            self._hand_over(self._http1())

    def _hand_over(self, protocol: asyncio.Protocol) -> None:
        transport, first = self._transport, self._first
        self._on_closed(self)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(first)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # who says nothing and goes is nobody's failure
        self._on_closed(self)

    def check(self, now: float) -> None:
        """End a connection that has not said in time what it speaks."""
        if now - self._since >= self._seconds:
            log.debug("a connection said nothing for %g s", self._seconds)
            self._transport.abort()

    def drain(self) -> None:
        """Nothing is under way: end."""
        self._transport.abort()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()
