"""What an HTTP/1.1 connection waits for, and for how long it may."""

from __future__ import annotations

import enum
import math

from .http1_limits import Http1Limits


class Wait(enum.Enum):
    """What a connection waits for; each is over when its peer or the application acts."""

    PEER_READS = enum.auto()
    """Bytes wait to be written, or to be written before the connection closes."""
    PEER_LINGERS = enum.auto()
    """The last response is written; what the peer still sends is dropped."""
    BODY = enum.auto()
    """The application wants more of a body."""
    HALF_CLOSED = enum.auto()
    """The application works for a peer that has ended its side, or is gone."""
    APPLICATION = enum.auto()
    """The application works."""
    HEAD = enum.auto()
    """The rest of a head, or the first request of a new connection."""
    NEXT_REQUEST = enum.auto()


class Patience:
    """Since when a connection has waited for the same thing without coming nearer to it."""

    __slots__ = ("_body_of", "_body_since", "_progress", "_since", "_wait")

    def __init__(self) -> None:
        self._wait: Wait | None = None
        self._progress = 0
        self._since = 0.0
        self._body_of = -1
        self._body_since = 0.0
        """Since when the body of this request has been waited for, however it comes."""

    def is_over(
        self, now: float, wait: Wait, progress: int, limits: Http1Limits, *, request: int
    ) -> bool:
        """Whether it has waited for too long; once, then it is asked afresh.

        `progress` is a number that changes when what it waits for comes nearer; `request`
        one that changes with each request.
        """
        if wait is Wait.BODY:
            if request != self._body_of:
                self._body_of = request
                self._body_since = now
            elif now - self._body_since >= limits.body_seconds:
                return True
        if wait is not self._wait or progress != self._progress:
            self._wait = wait
            self._progress = progress
            self._since = now
            return False
        if now - self._since < seconds(wait, limits):
            return False
        self._wait = None
        return True


def seconds(wait: Wait, limits: Http1Limits) -> float:
    """How long a connection may wait for this."""
    match wait:
        case Wait.PEER_READS:
            return limits.write_seconds
        case Wait.PEER_LINGERS:
            return limits.linger_seconds
        case Wait.BODY:
            return limits.body_idle_seconds
        case Wait.HALF_CLOSED:
            return limits.half_close_seconds
        case Wait.APPLICATION:
            return math.inf
        case Wait.HEAD:
            return limits.head_seconds
        case Wait.NEXT_REQUEST:
            return limits.keep_alive_seconds
