"""Non-blocking sockets on one epoll loop, read into one shared buffer (Linux only)."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
CONNECT_SECONDS = 10
READ_BYTES = 256 * 1024
"""Bytes asked of the kernel in one read."""
KEPT_BYTES = 32 * 1024
"""Room in the buffer for what a socket's last read left unfinished."""


class WireError(Exception):
    """The server did what this client does not understand, or ended a stream or connection."""


class Socket:
    """A connection to a port of this machine, with what waits to be sent on it."""

    def __init__(self, loop: Poll, port: int) -> None:
        self.loop = loop
        self.port = port
        self.socket = socket.create_connection((HOST, port), timeout=CONNECT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._unsent = b""
        self.held = 0
        """Times that the kernel did not take at once what was written."""
        self.at_end: Callable[[], None] | None = None
        """Called when the server closes the connection; without it that is an error."""
        loop.add(self)

    def readable(self) -> None:
        """Read once, and take what came."""
        raise NotImplementedError

    def write(self, octets: bytes) -> None:
        """Send now what the kernel takes, the rest when it takes more."""
        if self._unsent:
            self.held += 1
            self._unsent += octets
            return
        try:
            sent = self.socket.send(octets)
        except BlockingIOError:
            sent = 0
        if sent < len(octets):
            self.held += 1
            self._unsent = octets[sent:]
            self.loop.want_write(self, wanted=True)

    def writable(self) -> None:
        octets, self._unsent = self._unsent, b""
        self.write(octets)
        if not self._unsent:
            self.loop.want_write(self, wanted=False)

    def closed_by_server(self) -> None:
        """Close it too; WireError unless `at_end` expects that."""
        self.close()
        if self.at_end is None:
            raise WireError("the server closed a connection")
        self.at_end()

    def close(self) -> None:
        self.loop.remove(self)
        self.socket.close()


class Poll:
    """Reads and writes every socket as it becomes ready, in one thread."""

    def __init__(self) -> None:
        self.buffer = bytearray(KEPT_BYTES + READ_BYTES)
        """Shared by all sockets: what one read brought, after what it left the last time."""
        self.view = memoryview(self.buffer)
        self.pings = 0
        """Answered so far: questions whether we are there (RFC 9113, 6.7)."""
        self._epoll = select.epoll()
        self._sockets: dict[int, Socket] = {}
        self._after_read: list[Callable[[], None]] = []

    def after_read(self, call: Callable[[], None]) -> None:
        """Call it once everything is taken that the present read has brought."""
        self._after_read.append(call)

    def add(self, added: Socket) -> None:
        descriptor = added.socket.fileno()
        self._sockets[descriptor] = added
        self._epoll.register(descriptor, select.EPOLLIN)

    def remove(self, removed: Socket) -> None:
        descriptor = removed.socket.fileno()
        if self._sockets.pop(descriptor, None):
            self._epoll.unregister(descriptor)

    def want_write(self, waiting: Socket, *, wanted: bool) -> None:
        events = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
        self._epoll.modify(waiting.socket.fileno(), events)

    def turn(self, timeout: float) -> int:
        """Serve every socket that is ready within `timeout` seconds; how many were."""
        ready = self._epoll.poll(max(0.0, timeout))
        for descriptor, events in ready:
            found = self._sockets.get(descriptor)
            if found is None:
                continue
            if events & select.EPOLLOUT:
                found.writable()
            if events & ~select.EPOLLOUT:
                found.readable()
                if self._after_read:
                    calls, self._after_read = self._after_read, []
                    for call in calls:
                        call()
        return len(ready)

    def until(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        """Turn until `done`; WireError when that takes more than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not done():
            if time.monotonic() > deadline:
                raise WireError(f"waited {timeout:g} s in vain for {what}")
            self.turn(0.1)

    def close(self) -> None:
        """Close every socket at once."""
        for open_one in list(self._sockets.values()):
            open_one.close()
        self._epoll.close()
