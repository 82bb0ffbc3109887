"""Connections that a proxy makes for others: the PROXY protocol's header comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from chatroom.wire.proxy_protocol import V1, V2, ProxyHeaderInvalid, parse

from .first_bytes import FirstBytes
from .notices import Kind, Notices

TOLD_BY = 5
"""No request of HTTP and no record of TLS begins as the first bytes of a header do."""


class Proxied(FirstBytes):
    """Takes the header, then hands the connection to what speaks behind it.

    The header is asked for and not guessed: a client that may or may not send one could
    give itself any address (doc/proxy-protocol.txt, 2).
    """

    def __init__(
        self,
        behind: Callable[[tuple[str, int] | None], asyncio.Protocol | None],
        on_closed: Callable[[FirstBytes], object],
        *,
        notices: Notices,
        seconds: float,
        since: float,
    ) -> None:
        """See `FirstBytes`.

        `behind` gives what speaks with a client of this address, or None if nothing does. Of
        an address that is None the proxy speaks for itself.
        """
        super().__init__(on_closed, seconds=seconds, since=since)
        self._behind = behind
        self._notices = notices

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
        if header is None:
            return
        rest = self._first[header.size :]
        if any(mark[:TOLD_BY].startswith(rest[:TOLD_BY]) for mark in (V1, V2)):
            if len(rest) >= TOLD_BY:
                self._refuse_second()
            return  # else it is not yet known what comes
        behind = self._behind(header.peer)
        if behind is None:
            self._transport.abort()
            return
        transport = self._transport
        if header.peer is not None:
            transport = cast("asyncio.Transport", PeerTransport(transport, header.peer))
        self._hand_over(behind, transport, rest)

    def _refuse_second(self) -> None:
        """End a connection with two headers: the second may be a client's own, and a lie."""
        self._notices.tell(
            Kind.NOT_PROXIED,
            self._transport.get_extra_info("peername"),
            "ended: one header of the PROXY protocol came behind another; only the proxy next to "
            "this server may send one, and it must read those of proxies in front of it",
        )
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
