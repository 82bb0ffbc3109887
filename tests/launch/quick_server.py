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
from chatroom.server.port import sockets
from chatroom.server.settings import Settings
from chatroom.server.workers import Restarts
from chatroom.wire.http2.limits import Http2Limits

TIMES = (
    "drain_wait",
    "grace",
    "heartbeat_interval",
    "heartbeat_patience",
    "heartbeat_silence",
    "join_seconds",
    "journal_retry",
    "outage",
    "send_wait",
    "typing_interval",
)
HTTP2_TIMES = ("ping_silence", "stall_seconds", "write_seconds")
PING_ANSWER = 2.0
"""Seconds: a test that does something else for a moment reads nothing, so answers nothing."""
RESTARTS = Restarts(pause=0.1, longest=0.4, steady=6.0, tries=4)
QUICK = ("tests.launch.quick_server",)
"""The module to run in place of `chatroom.server`."""


def quick(**seconds: float) -> Limits:
    """Limits with a tenth of every time but these."""
    usual = Limits()
    return dataclasses.replace(usual, **{n: getattr(usual, n) / 10 for n in TIMES} | seconds)


def quick_http2() -> Http2Limits:
    """The same for a connection."""
    usual = Http2Limits()
    tenths = {name: getattr(usual, name) / 10 for name in HTTP2_TIMES}
    return dataclasses.replace(usual, **tenths, ping_answer=PING_ANSWER)


def quicken_sockets() -> None:
    """The same for the kernel's times, of which the least is a second."""
    sockets.VANISHED_SECONDS = 2
    sockets.KEEPALIVE_IDLE_SECONDS = sockets.KEEPALIVE_INTERVAL_SECONDS = 1


if __name__ == "__main__":
    given: dict[str, float] = {}
    while found := re.fullmatch(r"(\w+)=([\d.]+)", sys.argv[1] if sys.argv[1:] else ""):
        given[found[1]] = float(found[2])
        del sys.argv[1]
    quicken_sockets()
    settings = Settings(limits=quick(**given), http2=quick_http2(), restarts=RESTARTS)
    cli.chatserver(obj=settings, auto_envvar_prefix="CHATSERVER")
