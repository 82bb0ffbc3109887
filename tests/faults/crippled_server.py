"""`python -m tests.faults.crippled_server DEFENCE…  -- ARGUMENTS`: a chatserver without them.

For controls: what a test of a defence shows must not show without it.
"""

from __future__ import annotations

import sys

from chatroom.server import cli
from chatroom.server.port import http2, sockets
from chatroom.server.rooms import hub

NEVER_SECONDS = 24 * 3600.0


def without_stall_timeouts() -> None:
    """A peer that takes no bytes keeps its streams and its connection."""
    http2.STALL_SECONDS = NEVER_SECONDS
    http2.WRITE_SECONDS = NEVER_SECONDS


def without_socket_options() -> None:
    """A peer that vanished is not noticed by the kernel."""
    sockets._notice_vanished_peers = lambda _listener: None


def without_drain() -> None:
    """A signal to stop is not told to anybody."""

    async def drain(_hub: hub.Hub) -> None:
        pass

    hub.Hub.drain = drain


DEFENCES = {
    "stall": without_stall_timeouts,
    "vanished": without_socket_options,
    "drain": without_drain,
}


if __name__ == "__main__":
    for number, argument in enumerate(sys.argv[1:], 1):
        if argument not in DEFENCES:
            sys.argv[1:] = sys.argv[number:]
            break
        DEFENCES[argument]()
    cli.main()
