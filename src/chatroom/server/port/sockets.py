"""Listening sockets of our own: they notice peers that vanish, which h2corn's do not."""

from __future__ import annotations

import contextlib
import socket
import sys

from chatroom.wire.addresses import Address

BACKLOG = 1024
VANISHED_SECONDS = 12
"""Unacknowledged for so long, a connection ends. At 8 s the kernel also ended those of
living readers that had merely stalled."""
KEEPALIVE_IDLE_SECONDS = 6
KEEPALIVE_INTERVAL_SECONDS = 2
KEEPALIVE_PROBES = 3


class BindError(Exception):
    """An address cannot be listened on; the sentence says why."""


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
    return Address(*listener.getsockname()[:2])
