"""What a member is told outside the log, through its outbox."""

from __future__ import annotations

from dataclasses import dataclass

from .refusals import Refusal


@dataclass(slots=True, frozen=True)
class Refused:
    """One message was not accepted; the stream goes on."""

    nonce: str
    refusal: Refusal


@dataclass(slots=True, frozen=True)
class Heartbeat:
    """The server is there; in answer to a heartbeat, or after a silence."""

    sequence: int


@dataclass(slots=True, frozen=True)
class Draining:
    """The server is going away."""

    retry_after: float
    """Seconds."""


@dataclass(slots=True, frozen=True)
class Echo:
    """A message was sent again: the entry that it became the first time."""

    envelope: bytes


@dataclass(slots=True, frozen=True)
class Expiring:
    """The token under which the stream was opened ends soon."""

    at: float
    """Seconds since 1970."""


Event = Refused | Heartbeat | Draining | Echo | Expiring
