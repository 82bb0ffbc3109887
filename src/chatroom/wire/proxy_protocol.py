"""The PROXY protocol's header: whom a proxy speaks for, before anything else on a connection.

Source: HAProxy, doc/proxy-protocol.txt, version 1 (a line of text) and 2 (binary).
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

V1 = b"PROXY "
V2 = b"\r\n\r\n\0\r\nQUIT\n"
V1_BYTES = 107
"""A line of version 1 is never longer, its end included (2.1)."""
V2_BYTES = 4096
"""A header of version 2 with all that a proxy adds: addresses are 216 bytes at most; names of
certificates and of a cloud's endpoints a few hundred. 64 KiB could be announced."""
_FIXED_BYTES = 16
"""Signature, version and command, family, length (2.2)."""
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_ADDRESS_BYTES = {0x00: 0, _TCP4: 12, 0x12: 12, _TCP6: 36, 0x22: 36, 0x31: 216, 0x32: 216}
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")


class ProxyHeaderInvalid(Exception):
    """What came is no header of the PROXY protocol; the sentence says why."""


class ProxyHeader(NamedTuple):
    """A whole header."""

    size: int
    """Its bytes; what is behind them is the connection's own."""
    peer: tuple[str, int] | None
    """Address and port of the client; None: the proxy speaks for itself, or cannot say."""


def version(first: bytes) -> int | None:
    """Which version begins with these bytes, its whole mark at least; None if none does."""
    if first.startswith(V1):
        return 1
    return 2 if first.startswith(V2) else None


def parse(data: bytes) -> ProxyHeader | None:
    """The header at the beginning of `data`; None while bytes of it are missing.

    Raises ProxyHeaderInvalid.
    """
    match version(data):
        case 1:
            return _text(data)
        case 2:
            return _binary(data)
    if V1.startswith(data) or V2.startswith(data):
        return None
    raise ProxyHeaderInvalid("it begins as something else")


def _text(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, V1_BYTES)
    if end < 0:
        if len(data) >= V1_BYTES:
            raise ProxyHeaderInvalid("its line is too long")
        return None
    size = end + 2
    kind, *rest = data[len(V1) : end].split(b" ")
    if kind == b"UNKNOWN":  # what follows is to be ignored
        return ProxyHeader(size, None)
    if kind not in (b"TCP4", b"TCP6") or len(rest) != 4:
        raise ProxyHeaderInvalid("its line is not of TCP4, TCP6 or UNKNOWN")
    source, destination, *ports = rest
    family = ipaddress.IPv4Address if kind == b"TCP4" else ipaddress.IPv6Address
    if b"%" in source + destination:  # `ipaddress` takes any text for a zone; 2.1 knows none
        raise ProxyHeaderInvalid("its addresses have a zone")
    try:
        peer = family(source.decode("ascii"))
        family(destination.decode("ascii"))
    except ValueError:  # UnicodeDecodeError too
        raise ProxyHeaderInvalid("its addresses are none") from None
    if not all(_PORT.fullmatch(port) and int(port) < 1 << 16 for port in ports):
        raise ProxyHeaderInvalid("its ports are none")
    return ProxyHeader(size, (str(peer), int(ports[0])))


def _binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED_BYTES:
        return None
    command, family = data[12], data[13]
    length = int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise ProxyHeaderInvalid("its version or command is unknown")
    if length > V2_BYTES - _FIXED_BYTES:
        raise ProxyHeaderInvalid("it is too long")
    size = _FIXED_BYTES + length
    if command == _PROXY:
        if family not in _ADDRESS_BYTES:
            raise ProxyHeaderInvalid("its family of addresses is unknown")
        if length < _ADDRESS_BYTES[family]:
            raise ProxyHeaderInvalid("its addresses are cut off")
    if len(data) < size:
        return None
    if command == _LOCAL:  # whatever the family: the proxy asks for itself (2.2)
        return ProxyHeader(size, None)
    at = data[_FIXED_BYTES:size]
    if family == _TCP4:
        return ProxyHeader(size, (str(ipaddress.IPv4Address(at[:4])), _port(at[8:10])))
    if family == _TCP6:
        return ProxyHeader(size, (str(ipaddress.IPv6Address(at[:16])), _port(at[32:34])))
    return ProxyHeader(size, None)


def _port(two_bytes: bytes) -> int:
    return int.from_bytes(two_bytes, "big")
