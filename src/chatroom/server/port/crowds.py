"""Crowds: how many connections each address has."""

from __future__ import annotations

from chatroom.core.tally import Tally
from chatroom.server.counters import Counters
from chatroom.wire.ip import block

from .asgi import client_address
from .clients import Clients, Peer
from .notices import Kind, Notices


class Crowds:
    """Counts connections by address, IPv6 by the /64; an address without any is forgotten.

    Connections of trusted proxies and of this machine are not counted: those are everybody's.
    """

    def __init__(
        self, limit: int, clients: Clients, *, notices: Notices, counters: Counters
    ) -> None:
        """`limit` is of one address; 0: none."""
        self._limit = limit
        self._clients = clients
        self._notices = notices
        self.counters = counters
        self.addresses = Tally()
        """Connections that begin, go on as another protocol, and end."""

    def room_for(self, peer: Peer) -> str | None:
        """The key by which a peer is counted, empty if it is not; None: it has as many as may be.

        Then the operator is told, now and then.
        """
        if not self._limit or not self._clients.is_one(peer):
            return ""
        key = block(client_address(peer))
        if self.addresses.of(key) < self._limit:
            return key
        self.counters.address_connections += 1
        self._notices.tell(
            Kind.LIMIT,
            peer,
            f"refused: its address has {self._limit} connections (--address-connections). "
            "If it is a proxy, --trust-proxy has its clients told apart",
        )
        return None


def no_crowds(notices: Notices) -> Crowds:
    """Any address may have any number."""
    return Crowds(0, Clients((), notices), notices=notices, counters=Counters())
