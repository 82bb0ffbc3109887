"""Settings: what an operator may choose. `cli` fills them from flags and environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from chatroom.core.limits import Limits
from chatroom.journal import SyncMode

from .front import Allowed
from .sockets import Address


@dataclass(slots=True, frozen=True, kw_only=True)
class Tls:
    """Files in PEM."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """Clients must then show a certificate signed by it."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Settings:
    """A server's settings."""

    bind: tuple[Address, ...] = (Address("127.0.0.1", 8080),)
    data: Path | None = None
    """The directory of the journal; None: in memory."""
    sync: SyncMode = "full"
    rooms: tuple[str, ...] = ()
    """Rooms to create at start unless they exist."""
    limits: Limits = field(default_factory=Limits)
    allowed: Allowed = field(default_factory=Allowed)
    tls: Tls | None = None
    drain_delay: float = 0.0
    """Seconds in which health says NOT_SERVING before streams end."""
