"""`python -m tests.launch.quick_server [NAME=SECONDS…] ARGUMENTS`: a chatserver in a hurry.

It waits a tenth of each time that a server waits for somebody, or what is given by its name
in `Limits`. Everything else is as in `chatserver`, which takes the ARGUMENTS.
"""

from __future__ import annotations

import dataclasses
import re
import sys

from chatroom.core.limits import Limits
from chatroom.server import cli
from chatroom.server.port import http2, sockets

TIMES = (
    "drain_wait",
    "grace",
    "heartbeat_interval",
    "heartbeat_patience",
    "heartbeat_silence",
    "join_seconds",
    "journal_retry",
    "send_wait",
    "typing_interval",
)
QUICK = ("tests.launch.quick_server",)
"""The module to run in place of `chatroom.server`."""


def quick(**seconds: float) -> Limits:
    """Limits with a tenth of every time but these."""
    usual = Limits()
    return dataclasses.replace(usual, **{n: getattr(usual, n) / 10 for n in TIMES} | seconds)


def quicken_connections() -> None:
    """The same for the times of HTTP/2 and of the kernel, whose least is a second."""
    http2.STALL_SECONDS /= 10
    http2.WRITE_SECONDS /= 10
    sockets.VANISHED_SECONDS = 2
    sockets.KEEPALIVE_IDLE_SECONDS = sockets.KEEPALIVE_INTERVAL_SECONDS = 1


if __name__ == "__main__":
    given: dict[str, float] = {}
    while found := re.fullmatch(r"(\w+)=([\d.]+)", sys.argv[1] if sys.argv[1:] else ""):
        given[found[1]] = float(found[2])
        del sys.argv[1]
    quicken_connections()
    cli.chatserver(obj=quick(**given), auto_envvar_prefix="CHATSERVER")
