"""Where a chat server is, and whether the way there needs TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

DEFAULT_PORT = 8080


class AddressInvalid(ValueError):
    """A text does not name a server; `str()` says how to write one."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host (a name, or an IP address without brackets) and a port."""

    host: str
    port: int = DEFAULT_PORT

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host`, `host:port`, `[::1]:port`, `::1` or `:port` (this machine).

        Raises AddressInvalid.
        """
        text = text.strip()
        if "/" in text or any(character.isspace() for character in text):
            raise AddressInvalid(f"{text!r} is not a server address; write it as HOST:PORT")
        if text.startswith("["):
            host, bracket, rest = text[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
                raise AddressInvalid(f"{text!r} is not a server address; write it as [::1]:8080")
            port = rest[1:]
            if rest and not port:
                raise AddressInvalid(f"{text!r} has no port after the colon")
        elif text.count(":") > 1:
            host, port = text, ""
        else:
            host, colon, port = text.partition(":")
            if colon and not port:
                raise AddressInvalid(f"{text!r} has no port after the colon")
        if not host and not port:
            raise AddressInvalid("a server address is empty; write it as HOST:PORT")
        if ":" in host:
            try:
                ipaddress.IPv6Address(host)
            except ValueError:
                raise AddressInvalid(f"{host!r} is not an IPv6 address") from None
        return cls(host or "localhost", _port(port) if port else DEFAULT_PORT)

    @property
    def loopback(self) -> bool:
        """Whether what is sent there stays on this machine, so that plaintext is safe."""
        if self.host.rstrip(".").lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        raise AddressInvalid(f"{text!r} is not a port; a port is a number from 1 to 65535")
    return int(text)
