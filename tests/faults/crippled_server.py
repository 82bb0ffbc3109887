"""`python -m tests.faults.crippled_server DEFENCE…  ARGUMENTS`: a chatserver without them.

For controls: what a test of a defence shows must not show without it.
"""

from __future__ import annotations

import dataclasses
import sys

from chatroom.server import cli
from chatroom.server.port import sockets
from chatroom.server.rooms import hub
from chatroom.server.settings import Settings

NEVER_SECONDS = 24 * 3600.0


def without_stall_timeouts(settings: Settings) -> Settings:
    """A peer that takes no bytes keeps its streams and its connection."""
    http2 = dataclasses.replace(
        settings.http2, stall_seconds=NEVER_SECONDS, write_seconds=NEVER_SECONDS
    )
    return dataclasses.replace(settings, http2=http2)


def without_notice(settings: Settings) -> Settings:
    """A peer that vanished is noticed neither by the kernel nor by PING."""
    sockets._notice_vanished_peers = lambda _listener: None
    http2 = dataclasses.replace(settings.http2, ping_silence=NEVER_SECONDS)
    return dataclasses.replace(settings, http2=http2)


def without_drain(settings: Settings) -> Settings:
    """A signal to stop is not told to anybody, and a tenth of the time is waited for their end."""

    async def drain(_hub: hub.Hub) -> None:
        pass

    hub.Hub.drain = drain
    limits = settings.limits
    return dataclasses.replace(
        settings, limits=dataclasses.replace(limits, drain_wait=limits.drain_wait / 10)
    )


DEFENCES = {
    "stall": without_stall_timeouts,
    "vanished": without_notice,
    "drain": without_drain,
}


if __name__ == "__main__":
    settings = Settings()
    while sys.argv[1:] and sys.argv[1] in DEFENCES:
        settings = DEFENCES[sys.argv.pop(1)](settings)
    cli.chatserver(obj=settings, auto_envvar_prefix="CHATSERVER")
