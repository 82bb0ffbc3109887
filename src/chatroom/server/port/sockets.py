"""Listening sockets, whose connections notice peers that vanish; and how many there may be."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from chatroom.wire.addresses import Address

BACKLOG = 1024
PORT_ATTEMPTS = 10
"""How often another port is asked for when the one that the system chose is taken on another
address of the same host."""
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""An address, or its family, that this machine does not have."""
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


Resolve = Callable[..., Sequence[tuple[Any, ...]]]
"""What tells the addresses of a name, called as `socket.getaddrinfo` is."""
Places = list[tuple[socket.AddressFamily, tuple[Any, ...]]]
"""Families and addresses, as sockets take them."""


class _Use(enum.Enum):
    """Who listens on a port."""

    ALONE = enum.auto()
    SHARED = enum.auto()
    HELD = enum.auto()
    """Others do, who share it."""


class BindError(Exception):
    """An address cannot be listened on; the sentence says why."""


def listen(
    address: Address, resolve: Resolve = socket.getaddrinfo, *, shared: bool = False
) -> list[socket.socket]:
    """Listen on every address that the host has, in the order in which clients try them.

    What accepts from the sockets inherits their options. With port 0 the system chooses one,
    the same for all. An address that this machine does not have, as `::1` where IPv6 is
    switched off, is left out if there is another. `shared`: another process holds the port, and
    others may listen on it too; the system spreads connections over them (SO_REUSEPORT). Raises
    BindError.
    """
    return _opened(address, resolve, _Use.SHARED if shared else _Use.ALONE)


def hold(address: Address, resolve: Resolve = socket.getaddrinfo) -> list[socket.socket]:
    """Hold the port on every address that the host has, for others of the same user to share.

    Nobody listens by it. A port where somebody listens already cannot be had: they might be of
    another server, and would get half of the connections. Raises BindError.
    """
    return _opened(address, resolve, _Use.HELD)


def adopt(descriptor: int) -> socket.socket:
    """A socket that another program has opened, and that listens. Raises BindError."""
    try:
        os.set_inheritable(descriptor, False)
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BindError(f"descriptor {descriptor} is no socket: {reason}") from error
    tcp = listener.family in (socket.AF_INET, socket.AF_INET6)
    if not tcp or listener.type != socket.SOCK_STREAM or not _listens(listener):
        listener.close()
        raise BindError(f"descriptor {descriptor} is no TCP socket that listens")
    _notice_vanished_peers(listener)
    listener.setblocking(False)
    return listener


def _listens(listener: socket.socket) -> bool:
    return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _opened(address: Address, resolve: Resolve, use: _Use) -> list[socket.socket]:
    try:
        found = resolve(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise BindError(f"cannot listen on {address}: {error.strerror}") from error
    places: Places = list(dict.fromkeys((family, where) for family, *_, where in found))
    for _ in range(PORT_ATTEMPTS):
        try:
            return _listen_on(places, address.port, use)
        except OSError as error:
            failed = error
        if address.port or failed.errno != errno.EADDRINUSE:
            break
    reason = (failed.strerror or str(failed)).lower()
    raise BindError(f"cannot listen on {address}: {reason}") from failed


def _listen_on(places: Places, port: int, use: _Use) -> list[socket.socket]:
    """Listen on all places that there are; raises OSError, and listens on none then."""
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    with contextlib.ExitStack() as opened:
        for family, where in places:
            try:
                listener = _bound(
                    family, (where[0], port, *where[2:]), alone=len(places) == 1, use=use
                )
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
                continue
            opened.callback(listener.close)
            if use is _Use.HELD:
                # Only now: with it before, nobody who listens there already would be noticed.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            else:
                listener.listen(BACKLOG)
            port = listener.getsockname()[1]
            listeners.append(listener)
        if absent is not None and not listeners:
            raise absent
        opened.pop_all()
    return listeners


def _bound(
    family: socket.AddressFamily, where: tuple[Any, ...], *, alone: bool, use: _Use
) -> socket.socket:
    """`alone`: nothing else is listened on, so `::` may stand for all of IPv4 too."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if use is _Use.SHARED:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not alone))
        _notice_vanished_peers(listener)
        listener.bind(where)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
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


def connection_limit(wanted: int = 0) -> int:
    """How many connections there may be: `wanted`, unless it is 0, or as many as can be.

    Raises the limit of open files as far as it goes. 0: there is no limit that is known.
    """
    possible = _possible_connections()
    return min(wanted, possible) if wanted and possible else wanted or possible


def _possible_connections() -> int:
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 0 if soft == resource.RLIM_INFINITY else max(soft - SPARE_DESCRIPTORS, 64)
