"""Names in the log: what it calls a connection, and a stream of it.

A connection is named by its peer's address and port, a stream by its id in HTTP/2, as in a capture.
In HTTP/1.1 there are no streams.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from chatroom.wire.addresses import Address


class LogName(NamedTuple):
    """Where something happens. It costs nothing until the log says it."""

    peer: object
    """The name of the socket's peer; behind a PROXY header, what that says."""
    stream: int = 0
    """0: it is not on a stream."""

    def known(self, **more: str) -> dict[str, object]:
        """What a log of fields has of it, and `more`: `extra` of a line of the log."""
        stream = {"stream": self.stream} if self.stream else {}
        return {"peer": peer_name(self.peer), **stream, **more}

    def __str__(self) -> str:
        name = peer_name(self.peer)
        return f"{name} stream {self.stream}" if self.stream else name


def peer_name(peer: object) -> str:
    """An address as it is written, of a socket's name; a Unix socket's peers have none."""
    if not isinstance(peer, tuple):
        return "a client"
    return str(Address(*peer[:2])) if peer[1] else str(peer[0])  # behind a proxy: no port


UNNAMED = LogName(None)
here: ContextVar[LogName] = ContextVar("here", default=UNNAMED)
"""Where the call is at work that a task serves; whoever begins the task sets it."""
