"""Capture files made by hand, in every format that is read."""

from __future__ import annotations

import struct
from collections.abc import Iterable

CLIENT = ("10.0.0.1", 40000)
SERVER = ("10.0.0.2", 50051)
SYN, ACK = 2, 16
TIME = 1_790_000_000_123_456_789


def ipv4(source: tuple[str, int], payload: bytes, *, flags: int = ACK, sequence: int = 1) -> bytes:
    """A TCP packet from one of the two ends to the other; checksums are left out."""
    destination = SERVER if source == CLIENT else CLIENT
    tcp = struct.pack(
        ">HHIIBBHHH", source[1], destination[1], sequence, 1, 0x50, flags, 65535, 0, 0
    )
    addresses = [bytes(map(int, each[0].split("."))) for each in (source, destination)]
    length = 40 + len(payload)
    header = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0x4000, 64, 6, 0)
    return header + b"".join(addresses) + tcp + payload


def ipv6(payload: bytes) -> bytes:
    """A TCP packet from port 40000 to 50051 of ::1, with a hop-by-hop header before TCP."""
    tcp = struct.pack(">HHIIBBHHH", 40000, 50051, 1, 1, 0x50, ACK, 65535, 0, 0) + payload
    extension = bytes([6, 0, 1, 4, 0, 0, 0, 0])
    header = struct.pack(">IHBB", 0x60000000, len(extension) + len(tcp), 0, 64)
    loopback = bytes(15) + b"\1"
    return header + loopback * 2 + extension + tcp


LINKS = {
    "Ethernet": (1, bytes(12) + b"\x08\x00"),
    "Ethernet with a VLAN tag": (1, bytes(12) + b"\x81\x00\x00\x07\x08\x00"),
    "raw IP": (101, b""),
    "IPv4": (228, b""),
    "Linux cooked 1": (113, b"\0\0\x03\x04\0\x06" + bytes(8) + b"\x08\x00"),
    "Linux cooked 2": (276, b"\x08\x00\0\0\0\0\0\x01\x03\x04\0\x06" + bytes(8)),
    "BSD loopback": (0, b"\x02\0\0\0"),
    "BSD loopback, other byte order": (0, b"\0\0\0\x02"),
    "OpenBSD loopback": (108, b"\0\0\0\x02"),
}
"""Link type and what stands before the IP header."""


def pcap(
    packets: Iterable[bytes], *, link_type: int = 101, order: str = "<", nano: bool = False
) -> bytes:
    """A pcap file; all packets at TIME."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    seconds, fraction = divmod(TIME, 10**9)
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)]
    for each in packets:
        unit = fraction if nano else fraction // 1000
        parts += [struct.pack(f"{order}IIII", seconds, unit, len(each), len(each)), each]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str = "<", version: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, version, 0, -1), order)


def interface(
    link_type: int = 101, *, order: str = "<", options: Iterable[tuple[int, bytes]] = ()
) -> bytes:
    parts = [struct.pack(f"{order}HHI", link_type, 0, 0)]
    for code, content in options:
        parts += [struct.pack(f"{order}HH", code, len(content)), content, bytes(-len(content) % 4)]
    return block(1, b"".join(parts), order)


def enhanced(packet: bytes, ticks: int, *, number: int = 0, order: str = "<") -> bytes:
    """An enhanced packet block; `ticks` are in the interface's resolution."""
    head = struct.pack(
        f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet)
    )
    return block(6, head + packet, order)


def simple(packet: bytes, *, order: str = "<") -> bytes:
    return block(3, struct.pack(f"{order}I", len(packet)) + packet, order)
