"""Numbers as protobuf writes them (encoding guide, "Base 128 Varints")."""

from __future__ import annotations

_SHORT = tuple(
    bytes((n,)) if n < 0x80 else bytes((n & 0x7F | 0x80, n >> 7)) for n in range(1 << 14)
)
"""Those of one and two bytes, which almost all are."""


def varint(number: int) -> bytes:
    """A number that is not negative."""
    if number < len(_SHORT):
        return _SHORT[number]
    octets = bytearray()
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
