"""Clients: whose address a request has, and whose is one client's alone.

The peer of a connection may be a proxy. Whom that speaks for stands in a header, which anybody
can write. So it counts from proxies that the operator has named, and from nobody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from chatroom.wire.forwarded import FORWARDED, X_FORWARDED_FOR, ForwardedInvalid, hops
from chatroom.wire.ip import IpAddress, parsed

from .asgi import Headers
from .notices import Kind, Notices

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Peer = tuple[str, int] | None
"""Address and port as an ASGI scope has them; None: a Unix socket's peer."""


class Clients:
    """Who is behind which peer."""

    def __init__(self, proxies: Sequence[Network], notices: Notices) -> None:
        """`proxies` are trusted to say for whom they speak."""
        self._proxies = tuple(proxies)
        self._notices = notices

    def of(self, peer: Peer, headers: Headers) -> Peer:
        """Whom a request is from: the nearest who is no trusted proxy.

        If all are trusted, the farthest. Who hides ends the way back, and whoever claims
        what cannot be read: then it is the proxy that said so. The port of a client that
        is behind a proxy is 0.
        """
        if peer is None or not self._proxies:
            return peer
        address = parsed(peer[0])
        if address is None or not self._trusted(address):
            return peer
        lines: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            if name in (X_FORWARDED_FOR, FORWARDED):
                lines.setdefault(name, []).append(value)
        if not lines:
            return peer
        # A proxy writes one of the two, mostly the first; the other may be what its client sent.
        name = X_FORWARDED_FOR if X_FORWARDED_FOR in lines else FORWARDED
        client = None
        try:
            for hop in hops(name, lines[name]):
                if hop is None:
                    break
                client = hop
                if not self._trusted(hop):
                    break
        except ForwardedInvalid as error:
            self._notices.tell(Kind.FORWARDED, peer, f"its {name.decode()} does not count: {error}")
            return peer
        return peer if client is None else (str(client), 0)

    def is_one(self, peer: Peer) -> bool:
        """Whether an address is a client's, and not that of all who come by a proxy.

        That of a trusted proxy is not. Nor is this machine's: a proxy may be on it.
        """
        address = parsed(peer[0]) if peer is not None else None
        return address is not None and not address.is_loopback and not self._trusted(address)

    def counts(self, text: str) -> bool:
        """Whether what a call's address takes is counted: not that of this machine.

        But it is where its proxies are trusted: others are then told apart from it.
        """
        address = parsed(text)
        return address is not None and (not address.is_loopback or self._trusted(address))

    def _trusted(self, address: IpAddress) -> bool:
        return any(address in network for network in self._proxies)
