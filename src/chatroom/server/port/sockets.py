"""Listening sockets, whose connections notice peers that vanish; and how many there may be."""

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
UNSENT_BYTES = 64 * 1024
"""What the kernel takes beyond what it has sent (TCP_NOTSENT_LOWAT): a reader that stalls is
felt so soon, and costs the kernel no megabytes."""
SPARE_DESCRIPTORS = 256
"""Kept for the journal, logs and listeners when connections are counted."""


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
        ("TCP_NOTSENT_LOWAT", UNSENT_BYTES),
        ("TCP_NODELAY", 1),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.IPPROTO_TCP, option, value)


def address_of(listener: socket.socket) -> Address:
    """Where a socket really listens."""
    return Address(*listener.getsockname()[:2])


def connection_limit() -> int:
    """Raise the limit of open files as far as it goes; 0 where there is none to know."""
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 0 if soft == resource.RLIM_INFINITY else max(soft - SPARE_DESCRIPTORS, 64)
