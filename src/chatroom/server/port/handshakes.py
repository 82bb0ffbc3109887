"""TLS handshakes under way: how many there may be, whose turn it is, and who goes.

A peer that has begun one and says no more costs memory until its time is over. One that says
all it has to costs half a millisecond of CPU, and need not even be who it says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chatroom.wire.ip import block

from .asgi import client_address
from .notices import Kind, Notices
from .rota import CALL, Rota
from .tls_limits import TlsLimits


class Shaking(Protocol):
    """A connection whose handshake is not over."""

    def abort(self) -> None:
        """End at once."""


class Handshakes:
    """All handshakes of a port.

    It exists to keep one fact: whoever begins a great many keeps out nobody but themselves.
    When there are too many, the network that has most of them loses its oldest one; and
    networks take turns with the CPU.
    """

    def __init__(
        self,
        *,
        notices: Notices,
        most: int = TlsLimits().handshakes,
        rota: Rota | None = None,
    ) -> None:
        """`most` may be under way at once. By the `rota` they have their turns; None: at once."""
        self.begun = 0
        """A count since the start, as are the others."""
        self.failed = 0
        """By either side's fault: no TLS, no trust, no end."""
        self.late = 0
        """Ended since their time was over."""
        self.crowded_out = 0
        """Ended to make room for others."""
        self.under_way = 0
        self._most = most
        self._notices = notices
        self._rota = rota
        self._by_network: dict[str, dict[Shaking, object]] = {}
        """With the names of their peers; the oldest comes first, of networks and in each."""

    def begin(self, shaking: Shaking, peer: object) -> str:
        """One more; `peer` is its socket's name. Gives the network that it is from."""
        network = block(client_address(peer))
        self.begun += 1
        self.under_way += 1
        self._by_network.setdefault(network, {})[shaking] = peer
        if self.under_way > self._most:
            self._make_room()
        return network

    def end(self, shaking: Shaking, network: str) -> None:
        """It is over, in whatever way; it may be told more than once."""
        of_network = self._by_network.get(network, {})
        if shaking in of_network:
            del of_network[shaking]
            self.under_way -= 1
            if not of_network:
                del self._by_network[network]

    def take_turn(self, network: str, work: Callable[[], object]) -> bool:
        """Do a step of a handshake: now (True), or later when it is the network's turn."""
        if self._rota is None:
            work()
            return True
        return self._rota.call(network, work, CALL)

    def _make_room(self) -> None:
        network, crowd = max(self._by_network.items(), key=lambda item: len(item[1]))
        oldest, peer = next(iter(crowd.items()))
        self._notices.tell(
            Kind.HANDSHAKES,
            peer,
            f"its TLS handshake is ended to make room: {self.under_way} are under way, "
            f"{len(crowd)} of them from there",
        )
        self.crowded_out += 1
        self.end(oldest, network)
        oldest.abort()
