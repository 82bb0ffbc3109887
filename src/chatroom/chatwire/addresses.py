"""HOST:PORT as people write it."""

from __future__ import annotations


class AddressInvalid(ValueError):
    """A text is no address; `str()` says how to write one."""


def parse_address(text: str) -> tuple[str, int]:
    """Read `host:port`, `[::1]:port` or `:port` (this machine). Raises AddressInvalid."""
    host, colon, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressInvalid(f"{text!r} is not an address; write IPv6 as [::1]:8080")
    if not colon or "/" in host or any(one.isspace() for one in host):
        raise AddressInvalid(f"{text!r} is not an address; write it as HOST:PORT")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise AddressInvalid(f"{port!r} is not a port; a port is a number from 0 to 65535")
    return host or "localhost", int(port)


def address_text(address: tuple[str, int]) -> str:
    """HOST:PORT, with an IPv6 address in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
