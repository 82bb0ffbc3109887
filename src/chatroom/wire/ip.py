"""IP addresses, each in the one form in which it is compared."""

from __future__ import annotations

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def parsed(text: str) -> IpAddress | None:
    """What a text says; None if that is no IP address.

    IPv4 within IPv6 is IPv4 (RFC 4291, 2.5.5.2): a socket for both families tells it so. A zone
    (RFC 4007, 11) is left out: it names an interface of this machine.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


def canonical(text: str) -> str:
    """An IP address as it is compared, IPv6 as RFC 5952 writes it; empty if a text is none."""
    address = parsed(text)
    return str(address) if address is not None else ""


def block(address: str) -> str:
    """Of a canonical address what one client has at least: IPv4 itself, of IPv6 the /64."""
    if ":" not in address:
        return address
    prefix = int(ipaddress.IPv6Address(address)) >> 64 << 64
    return f"{ipaddress.IPv6Address(prefix)}/64"
