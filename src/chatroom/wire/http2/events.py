"""What `receive_data` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .headers import Headers

if TYPE_CHECKING:
    from .streams import Stream


@dataclass(slots=True)
class RequestReceived:
    """A request has begun. `Stream.release` must follow, whatever becomes of it."""

    stream: Stream
    headers: Headers
    end: bool
    """Whether it has no body."""


@dataclass(slots=True)
class DataReceived:
    """A piece of a request's body; `Stream.acknowledge` gives its window back."""

    stream: Stream
    data: bytes
    end: bool


@dataclass(slots=True)
class TrailersReceived:
    """A request has ended with these."""

    stream: Stream
    headers: Headers


@dataclass(slots=True)
class StreamReset:
    """A stream is over before its response was: nothing can be sent any more."""

    stream: Stream
    code: int
    reason: str
    by_peer: bool


@dataclass(slots=True)
class HeadersTooLong:
    """A request whose header list is too long; it is to be answered with 431."""

    stream: Stream
    reason: str


@dataclass(slots=True)
class ConnectionEnded:
    """GOAWAY with an error is queued, or came: close once everything is written."""

    code: int
    reason: str
    by_peer: bool


Event = (
    RequestReceived
    | DataReceived
    | TrailersReceived
    | StreamReset
    | HeadersTooLong
    | ConnectionEnded
)
