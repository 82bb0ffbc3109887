"""The listener of the operators: its own port, its own few connections.

It opens before the server does and closes after it, so that a start, a drain and an outage can
be watched.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence

from chatroom.server.port import sockets
from chatroom.server.port.bridge import BodyBounds, asgi_calls
from chatroom.server.port.gate import Gate
from chatroom.server.port.http1_limits import Http1Limits
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port, PortLimits
from chatroom.server.port.rota import Rota
from chatroom.wire.addresses import Address

from .complaints import Complaints
from .lag import LoopLag
from .metrics import Metrics
from .observed import Observed
from .site import OpsSite

CONNECTIONS = 64
"""Open at once: a few scrapers, and who looks by hand. More are not accepted until some go."""
BODY_BYTES = 1024
"""Nobody has anything to send here."""
GOODBYE_SECONDS = 1.0
"""How long peers may take in the end to read what was written."""


class OpsListener:
    """Listens on addresses of its own. `open` returns when it answers."""

    def __init__(self, observed: Observed, gate: Gate) -> None:
        self._observed = observed
        self._gate = gate
        self._listeners: list[socket.socket] = []
        self._port: Port | None = None
        self._lag = LoopLag()
        self._complaints = Complaints()
        self._measuring: asyncio.Task[None] | None = None
        self.addresses: tuple[Address, ...] = ()

    async def open(self, addresses: Sequence[Address]) -> None:
        """Raises BindError, and listens nowhere then."""
        try:
            for address in addresses:
                self._listeners += sockets.listen(address)
        except sockets.BindError:
            for listener in self._listeners:
                listener.close()
            raise
        self.addresses = tuple(sockets.address_of(each) for each in self._listeners)
        metrics = Metrics(self._observed, self._lag, self._complaints)
        site = OpsSite(self._observed, metrics, self._gate)
        self._port = Port(
            self._listeners,
            asgi_calls(site, lambda _path: BodyBounds(bytes=BODY_BYTES), Rota()),
            site,
            PortLimits(connections=CONNECTIONS, http1=Http1Limits(body_bytes=BODY_BYTES)),
            notices=Notices(time.monotonic),
        )
        self._port.open()
        self._complaints.hear()
        self._measuring = asyncio.create_task(self._lag.run(), name="loop lag")

    async def close(self) -> None:
        """Answer what was asked, and be gone."""
        if self._measuring is not None:
            self._measuring.cancel()
        self._complaints.leave()
        if self._port is not None:
            self._port.drain()
            await self._port.close(GOODBYE_SECONDS)
