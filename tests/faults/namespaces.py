"""Two hosts and a router between them, as network namespaces of this machine.

The router can stop forwarding: both hosts keep their links and addresses, and nothing of
what they send arrives or is refused, as when a cable is cut beyond the next switch.
Needs Linux, `ip`, and the right to make namespaces.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.programs import tool
from tests.interop.raw_http2 import Connection

CLONE_NEWNET = 0x40000000
"""linux/sched.h"""


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread, and every socket made in it, is in a namespace for the length of a block."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            _enter(libc, there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(libc, own)
    finally:
        os.close(own)


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Network:
    """A server's host and a client's, on networks of their own."""

    SERVER, CLIENT = "10.203.1.2", "10.203.2.2"

    def __init__(self, ip: str) -> None:
        self._ip = ip
        self.server, self.router, self.client = (
            f"chat-{os.getpid()}-{part}" for part in ("server", "router", "client")
        )

    def make(self) -> None:
        """Add it all; a CalledProcessError says what could not be."""
        for namespace in (self.server, self.router, self.client):
            self._run("netns", "add", namespace)
            self._run("-n", namespace, "link", "set", "lo", "up")
        for namespace, address in ((self.server, self.SERVER), (self.client, self.CLIENT)):
            port, gateway = namespace.rpartition("-")[2], address[:-1] + "1"
            host, router = ("-n", namespace), ("-n", self.router)
            peer = ("peer", "name", port, "netns", self.router)
            self._run("link", "add", "host", "netns", namespace, "type", "veth", *peer)
            self._run(*host, "address", "add", f"{address}/24", "dev", "host")
            self._run(*router, "address", "add", f"{gateway}/24", "dev", port)
            self._run(*host, "link", "set", "host", "up")
            self._run(*router, "link", "set", port, "up")
            self._run(*host, "route", "add", "default", "via", gateway)
        self.mend()

    def remove(self) -> None:
        """Take away what `make` added, even if it failed half-way."""
        for namespace in (self.server, self.router, self.client):
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("netns", "delete", namespace)

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._forward("0")

    def mend(self) -> None:
        self._forward("1")

    def dial(self, address: str) -> Connection:
        """A connection from the client's host."""
        with inside(self.client):
            return Connection(address)

    def dial_at_home(self, address: str) -> Connection:
        """A connection within the server's host, which no cut reaches."""
        with inside(self.server):
            return Connection(address)

    def command(self) -> tuple[str, ...]:
        """What runs another command on the server's host."""
        return (self._ip, "netns", "exec", self.server)

    def _forward(self, value: str) -> None:
        with inside(self.router):
            Path("/proc/sys/net/ipv4/ip_forward").write_text(value)

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._ip, *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network that works; skips where that is not permitted, even in CI."""
    if not sys.platform.startswith("linux"):
        pytest.skip("network namespaces are a thing of Linux")
    made = Network(tool("ip"))
    try:
        try:
            made.make()
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            pytest.skip(f"network namespaces are not permitted here: {said.strip()}")
        yield made
    finally:
        made.remove()
