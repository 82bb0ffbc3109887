"""The first bytes of a connection, which tell who is to have it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from .log_names import LogName

log = logging.getLogger(__name__)


class FirstBytes(asyncio.Protocol):
    """Waits for the first bytes, then hands the transport to what speaks from there on.

    Subclasses take what comes, and call `_hand_over` once they know.
    """

    def __init__(
        self, on_closed: Callable[[FirstBytes], object], *, seconds: float, since: float
    ) -> None:
        """The bytes have `seconds` from `since` on, of the clock that `check` is told."""
        self._on_closed = on_closed
        self._seconds = seconds
        self._since = since
        self._first = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has no base of asyncio's

    def _hand_over(
        self, protocol: asyncio.Protocol, transport: asyncio.Transport, rest: bytes
    ) -> None:
        self._on_closed(self)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest:
            protocol.data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # who says nothing and goes is nobody's failure
        self._on_closed(self)

    @property
    def peername(self) -> object:
        """Whose connection it is."""
        return self._transport.get_extra_info("peername")

    def check(self, now: float) -> None:
        """End a connection whose first bytes have not come in time."""
        if now - self._since >= self._seconds:
            name = LogName(self.peername)
            log.debug(
                "%s did not say within %g s what it is", name, self._seconds, extra=name.known()
            )
            self._transport.abort()

    def drain(self) -> None:
        """Nothing is under way: end."""
        self._transport.abort()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()
