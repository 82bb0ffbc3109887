"""Listening sockets of our own: they notice peers that vanish, which h2corn's do not."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from dataclasses import dataclass

BACKLOG = 1024
VANISHED_SECONDS = 12
"""Unacknowledged for so long, a connection ends. At 8 s the kernel also ended those of
living readers that had merely stalled."""
KEEPALIVE_IDLE_SECONDS = 6
KEEPALIVE_INTERVAL_SECONDS = 2
KEEPALIVE_PROBES = 3

_BIND = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})\Z")


class BindError(Exception):
    """An address cannot be listened on; the sentence says why."""


@dataclass(slots=True, frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    """0: any that is free."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """`host:port` or `[v6]:port`; raises BindError."""
        match = _BIND.match(text.strip())
        if match is None or int(match["port"]) > 65535:
            raise BindError(
                f"{text!r} is not an address to listen on: "
                "write host:port, as in 127.0.0.1:8080 or [::]:8080"
            )
        return cls(match["v6"] or match["host"] or "0.0.0.0", int(match["port"]))  # noqa: S104 # ":8080" means every address

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(address: Address) -> socket.socket:
    """Listen on an address; what accepts from it inherits the options. Raises BindError."""
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise BindError(f"cannot listen on {address}: {error.strerror}") from error
    family, kind, protocol, _, where = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        _notice_vanished_peers(listener)
        listener.bind(where)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise BindError(f"cannot listen on {address}: {reason}") from error
    return listener


def _notice_vanished_peers(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_SECONDS),
        ("TCP_KEEPALIVE", KEEPALIVE_IDLE_SECONDS),  # what macOS calls it
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_SECONDS),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
        ("TCP_USER_TIMEOUT", VANISHED_SECONDS * 1000),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.IPPROTO_TCP, option, value)


def address_of(listener: socket.socket) -> Address:
    """Where a socket really listens."""
    host, port = listener.getsockname()[:2]
    return Address(host, port)
