"""What is looked at: the parts of a server, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chatroom.server.calls.health import Health
from chatroom.server.counters import Counters
from chatroom.server.port.certificates import Certificates
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port
from chatroom.server.rooms.hub import Hub
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address


@dataclass(slots=True, frozen=True, kw_only=True)
class Observed:
    """A server. Whoever looks changes nothing of it."""

    settings: Settings
    journal_name: str
    """What it is and how safe, for people; without a password."""
    began: int
    """When it was made, in ns since 1970."""
    hub: Hub
    health: Health
    counters: Counters
    notices: Notices
    port: Callable[[], Port | None]
    """None: nothing is accepted yet."""
    addresses: Callable[[], tuple[Address, ...]]
    """Where it listens; none: it does not yet."""
    certificates: Callable[[], Certificates | None]
    """Of TLS; None: it has none, or not yet."""
    drain_seconds: Callable[[], float]
    """How long ago it was told to stop; 0: it was not."""
    drain_limit: float
    """How many seconds that may take."""
