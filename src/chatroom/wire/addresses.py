"""HOST:PORT as people and HTTP write it, read and written in one place."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

DEFAULT_PORT = 8080
"""A chat server's."""
PORTS = range(65_536)
NEARBY = (".local", ".svc")
"""How names end that are for those nearby alone: of the local link and of Kubernetes, whose
services are `NAME.NAMESPACE.svc`, in full with `.cluster.local` behind it."""


class AddressInvalid(ValueError):
    """A text names no host and port; `str()` says how to write one."""

    def __init__(self, text: str, sentence: str) -> None:
        super().__init__(sentence)
        self.text = text


class PortInvalid(AddressInvalid):
    """What stands for the port is none; `str()` has the range."""


class Address(NamedTuple):
    """A host (a name, or an IP address without brackets) and a port, as sockets take it."""

    host: str
    port: int = DEFAULT_PORT

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        host: str = "localhost",
        port: int | None = DEFAULT_PORT,
        lowest: int = 1,
    ) -> Address:
        """Read `host:port`, `[v6]:port` or `:port`; with a `port` also `host`, `[v6]`, `v6`.

        `host` and `port` stand for what is not written. `lowest` is 0 where a system may
        choose the port. Raises AddressInvalid.
        """
        text = text.strip()
        if "/" in text or any(character.isspace() for character in text):
            raise AddressInvalid(text, f"{text!r} is not a server address; write it as HOST:PORT")
        written, colon, number = _parted(text)
        if not written and not colon:
            raise AddressInvalid(text, "a server address is empty; write it as HOST:PORT")
        if colon and not number:
            raise AddressInvalid(text, f"{text!r} has no port after the colon")
        if ":" in written:
            try:
                ipaddress.IPv6Address(written)
            except ValueError:
                raise AddressInvalid(text, f"{written!r} is not an IPv6 address") from None
        if colon:
            port = _port(text, number, lowest)
        elif port is None:
            form = f"[{written}]:{DEFAULT_PORT}" if ":" in written else "HOST:PORT"
            raise AddressInvalid(text, f"{text!r} has no port; write it as {form}")
        return cls(written or host, port)

    @property
    def loopback(self) -> bool:
        """Whether what is sent there stays on this machine, so that plaintext is safe."""
        if self.host.rstrip(".").lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def nearby(self) -> bool:
        """Whether the host is this machine, or a name that means something only around here.

        Names without a dot, of a cluster or of the local link (RFC 6762) cannot be known to a
        proxy that leads outside.
        """
        if self.loopback:
            return True
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            name = self.host.rstrip(".").lower()
            return "." not in name or name.endswith(NEARBY)
        return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _parted(text: str) -> tuple[str, str, str]:
    """The host without brackets, the colon if there is one, the port's digits."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise AddressInvalid(
                text, f"{text!r} is not a server address; write it as [::1]:{DEFAULT_PORT}"
            )
        return host, rest[:1], rest[1:]
    if text.count(":") > 1:
        return text, "", ""
    return text.partition(":")


def _port(text: str, digits: str, lowest: int) -> int:
    decimal = digits.isascii() and digits.isdigit() and len(digits) <= len(str(PORTS[-1]))
    if not decimal or not lowest <= int(digits) <= PORTS[-1]:
        raise PortInvalid(
            text, f"{digits!r} is not a port; a port is a number from {lowest} to {PORTS[-1]}"
        )
    return int(digits)


def hostname(authority: str) -> str:
    """The host in a Host header or `:authority`, in lower case; no port, no brackets.

    Of what is no authority it returns something that is no host either.
    """
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].rstrip(".").lower()
