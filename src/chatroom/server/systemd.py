"""systemd: sockets that it hands over, and what it is told (sd_listen_fds(3), sd_notify(3)).

Both are a few lines of environment and a datagram; a library for them would bring more than it
does. Without systemd there is nothing to hand over, and nobody to tell.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Self

from .port import sockets

_FIRST = 3
"""The first descriptor that is handed over."""
STATUS_SECONDS = 10.0
"""After which the status is told again, where no watchdog waits for more."""


def handed_over(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Sockets that listen already, for this process; the environment then says no more of them.

    Raises BindError for one that cannot be served.
    """
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    return [sockets.adopt(number) for number in range(_FIRST, _FIRST + int(count))]


class Manager:
    """Whoever has started this process and waits to be told; nobody, often."""

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        """`address`: a path, or an abstract name behind `@`; empty: nobody is told.

        `watchdog`: after so many seconds without a beat the process is ended; 0: never.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.beat = watchdog / 2 if watchdog else STATUS_SECONDS
        """Seconds from one beat to the next."""

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Self:
        """As the environment of this process says; children are told nothing of it."""
        address = environ.pop("NOTIFY_SOCKET", "")
        pid = environ.pop("WATCHDOG_PID", "")
        microseconds = environ.pop("WATCHDOG_USEC", "")
        if not microseconds.isdecimal() or pid not in ("", str(os.getpid())):
            microseconds = "0"
        return cls(address, int(microseconds) / 1e6)

    @property
    def listens(self) -> bool:
        """Whether there is somebody."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """The server serves."""
        self._tell("READY=1", f"STATUS={status}")

    def beats(self, status: str) -> None:
        """It still does; to be told every `beat` seconds."""
        self._tell("WATCHDOG=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Files are read again; `ready` follows."""
        self._tell(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """It was told to stop, and sends its members away."""
        self._tell("STOPPING=1", "STATUS=stopping: members are sent away")

    def _tell(self, *assignments: str) -> None:
        if not self._address:
            return
        # Whoever does not listen any more must not end what is served.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling,
        ):
            telling.setblocking(False)
            telling.sendto("\n".join(assignments).encode(), self._address)
