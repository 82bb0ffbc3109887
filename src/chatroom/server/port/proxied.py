"""Connections that a proxy makes for others: the PROXY protocol's header comes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from chatroom.wire.proxy_protocol import V1, V2, ProxyHeaderInvalid, parse

from .notices import Kind, Notices

log = logging.getLogger(__name__)

TOLD_BY = 5
"""No request of HTTP and no record of TLS begins as the first bytes of a header do."""


class Proxied(asyncio.Protocol):
    """Waits for the header, then hands the transport to what speaks behind it.

    The header is asked for and not guessed: a client that may or may not send one could
    give itself any address (doc/proxy-protocol.txt, 2).
    """

    def __init__(
        self,
        behind: Callable[[], asyncio.Protocol],
        on_closed: Callable[[Proxied], object],
        *,
        notices: Notices,
        seconds: float,
        since: float,
    ) -> None:
        """The header has `seconds` from `since` on, of the clock that `check` is told."""
        self._behind = behind
        self._on_closed = on_closed
        self._notices = notices
        self._seconds = seconds
        self._since = since
        self._first = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has no base of asyncio's

    def data_received(self, data: bytes) -> None:
        self._first += data
        try:
            header = parse(self._first)
        except ProxyHeaderInvalid as error:
            self._notices.tell(
                Kind.NOT_PROXIED,
                self._transport.get_extra_info("peername"),
                "ended: --proxy-protocol asks for a header of the PROXY protocol before "
                f"everything else, and what came is none: {error}",
            )
            self._transport.abort()
            return
        if header is not None:
            self._hand_over(header.peer, self._first[header.size :])

    def _hand_over(self, peer: tuple[str, int] | None, rest: bytes) -> None:
        transport = self._transport
        if peer is not None:
            transport = cast("asyncio.Transport", PeerTransport(transport, peer))
        protocol = self._behind()
        self._on_closed(self)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest:
            protocol.data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # who says nothing and goes is nobody's failure
        self._on_closed(self)

    def check(self, now: float) -> None:
        """End a connection whose header has not come in time."""
        if now - self._since >= self._seconds:
            log.debug("a connection sent no PROXY header for %g s", self._seconds)
            self._transport.abort()

    def drain(self) -> None:
        """Nothing is under way: end."""
        self._transport.abort()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()


class PeerTransport:
    """A transport whose peer is the one that its proxy speaks for; all else is the proxy's."""

    __slots__ = ("_peer", "_transport")

    def __init__(self, transport: asyncio.Transport, peer: tuple[str, int]) -> None:
        self._transport = transport
        self._peer = peer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`peername` as the header said; everything else as the transport has it."""
        if name == "peername":
            return self._peer
        return self._transport.get_extra_info(name, default)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def unasked(first: bytes) -> str | None:
    """What to tell of a header where none is asked for, known by its first 5 bytes; else None."""
    for version, mark in ((1, V1), (2, V2)):
        if first.startswith(mark[:TOLD_BY]):
            return f"the PROXY protocol, version {version}; --proxy-protocol has it read"
    return None
