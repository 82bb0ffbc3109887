"""TCP inside whatever a capture may have around it, built from the specifications."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import pytest

from chatroom.chatwire.capture import read_capture
from chatroom.chatwire.passage import Chunk, Missing, Opened

from .captures import CLIENT, SERVER, ipv4, ipv6, pcap

Wrap = Callable[[bytes], bytes]
V4, V6, TEB, PPP = 0x0800, 0x86DD, 0x6558, 0x880B
LOOPBACK = bytes(15) + b"\1"


def u16(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def kind_of(packet: bytes) -> int:
    """The Ethernet type of an IP packet."""
    return V6 if packet[0] >> 4 == 6 else V4


def ethernet(packet: bytes, *tags: int) -> bytes:
    """`tags`: Ethernet types of tags, each with a VLAN."""
    return bytes(12) + b"".join(u16(tag, 7) for tag in tags) + u16(kind_of(packet)) + packet


def in_ipv4(protocol: int, payload: bytes) -> bytes:
    length = 20 + len(payload)
    return struct.pack(">BBHIBBHII", 0x45, 0, length, 0, 64, protocol, 0, 1, 2) + payload


def in_ipv6(protocol: int, payload: bytes) -> bytes:
    return struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64) + LOOPBACK * 2 + payload


def udp(port: int, payload: bytes) -> bytes:
    return in_ipv4(17, u16(50000, port, 8 + len(payload), 0) + payload)


def gre(packet: bytes, flags: int = 0, options: bytes = b"", kind: int = 0) -> bytes:
    return in_ipv4(47, u16(flags, kind or kind_of(packet)) + options + packet)


def pppoe(packet: bytes, ppp: bytes = b"") -> bytes:
    inner = (ppp or u16(0x57 if kind_of(packet) == V6 else 0x21)) + packet
    return b"\x11\0" + u16(7, len(inner)) + inner


def mpls(*labels: int) -> bytes:
    return b"".join(
        struct.pack(">I", label << 12 | (label == labels[-1]) << 8 | 64) for label in labels
    )


def snap(packet: bytes) -> bytes:
    inner = b"\xaa\xaa\x03\0\0\0" + u16(kind_of(packet)) + packet
    return bytes(12) + u16(len(inner)) + inner


TUNNELS: dict[str, Wrap] = {
    "none": lambda ip: ip,
    "VXLAN": lambda ip: udp(4789, b"\x08\0\0\0\0\0\x2a\0" + ethernet(ip)),
    "VXLAN on Linux's old port": lambda ip: udp(8472, b"\x08\0\0\0\0\0\x2a\0" + ethernet(ip)),
    "VXLAN with a tag inside": lambda ip: udp(4789, b"\x08\0\0\0\0\0\x2a\0" + ethernet(ip, 0x8100)),
    "VXLAN-GPE with IP": lambda ip: udp(
        4790, bytes([0x0C, 0, 0, 2 if kind_of(ip) == V6 else 1]) + b"\0\0\x2a\0" + ip
    ),
    "GENEVE": lambda ip: udp(6081, b"\0\0" + u16(TEB) + b"\0\0\x2a\0" + ethernet(ip)),
    "GENEVE with options and IP": lambda ip: udp(
        6081, b"\x02\0" + u16(kind_of(ip)) + b"\0\0\x2a\0" + bytes(8) + ip
    ),
    "GRE": gre,
    "GRE with checksum, key and number": lambda ip: gre(ip, 0xB000, bytes(12)),
    "GRE with Ethernet": lambda ip: gre(ethernet(ip), kind=TEB),
    "GRE of PPTP": lambda ip: gre(
        u16(0x57 if kind_of(ip) == V6 else 0x21) + ip, 0x3081, bytes(12), kind=PPP
    ),
    "ERSPAN type II": lambda ip: gre(ethernet(ip), 0x1000, bytes(4) + bytes(8), kind=0x88BE),
    "ERSPAN type III": lambda ip: gre(
        ethernet(ip), 0x1000, bytes(4) + bytes(11) + b"\1" + bytes(8), kind=0x22EB
    ),
    "GRE in IPv6": lambda ip: in_ipv6(47, u16(0, kind_of(ip)) + ip),
    "IP in IP": lambda ip: in_ipv4(41 if kind_of(ip) == V6 else 4, ip),
    "IP in IPv6": lambda ip: in_ipv6(41 if kind_of(ip) == V6 else 4, ip),
    "IP in IP in IP": lambda ip: in_ipv4(4, in_ipv4(41 if kind_of(ip) == V6 else 4, ip)),
    "authenticated (AH)": lambda ip: in_ipv4(
        51, bytes([41 if kind_of(ip) == V6 else 4, 4]) + bytes(22) + ip
    ),
    "EtherIP": lambda ip: in_ipv4(97, b"\x30\0" + ethernet(ip)),
    "MPLS in IP": lambda ip: in_ipv4(137, mpls(16, 17) + ip),
}

LINKS: dict[str, tuple[int, Wrap]] = {
    "Ethernet": (1, ethernet),
    "802.1Q": (1, lambda ip: ethernet(ip, 0x8100)),
    "QinQ": (1, lambda ip: ethernet(ip, 0x88A8, 0x8100)),
    "QinQ of before": (1, lambda ip: ethernet(ip, 0x9100, 0x8100, 0x8100)),
    "SNAP": (1, snap),
    "PPPoE": (1, lambda ip: bytes(12) + u16(0x8864) + pppoe(ip)),
    "PPPoE with a short protocol": (
        1,
        lambda ip: bytes(12) + u16(0x8864) + pppoe(ip, b"\x57" if kind_of(ip) == V6 else b"\x21"),
    ),
    "PPPoE in a VLAN": (1, lambda ip: bytes(12) + u16(0x8100, 7, 0x8864) + pppoe(ip)),
    "MPLS": (1, lambda ip: bytes(12) + u16(0x8847) + mpls(16, 17, 18) + ip),
    "a pseudowire": (1, lambda ip: bytes(12) + u16(0x8847) + mpls(16) + bytes(4) + ethernet(ip)),
    "raw IP": (101, lambda ip: ip),
    "raw IP, BSD": (12, lambda ip: ip),
    "raw IP, OpenBSD": (14, lambda ip: ip),
    "BSD loopback": (0, lambda ip: b"\x1e\0\0\0" + ip if kind_of(ip) == V6 else b"\2\0\0\0" + ip),
    "OpenBSD loopback": (108, lambda ip: b"\0\0\0\x18" + ip),
    "PPP": (9, lambda ip: pppoe(ip)[6:]),
    "PPP in HDLC": (50, lambda ip: b"\xff\x03" + pppoe(ip)[6:]),
    "PPP with a direction": (204, lambda ip: b"\1" + pppoe(ip)[6:]),
    "PPPoE alone": (51, pppoe),
    "Cisco HDLC": (104, lambda ip: b"\x0f\0" + u16(kind_of(ip)) + ip),
    "Linux cooked 1": (113, lambda ip: u16(0, 1, 6) + bytes(8) + u16(kind_of(ip)) + ip),
    "Linux cooked 1, tagged": (
        113,
        lambda ip: u16(0, 1, 6) + bytes(8) + u16(0x8100, 7, kind_of(ip)) + ip,
    ),
    "Linux cooked 1, PPPoE": (113, lambda ip: u16(0, 1, 6) + bytes(8) + u16(0x8864) + pppoe(ip)),
    "Linux cooked 2": (276, lambda ip: u16(kind_of(ip)) + bytes(18) + ip),
    "Linux cooked 2, twice tagged": (
        276,
        lambda ip: u16(0x88A8) + bytes(18) + u16(7, 0x8100, 7, kind_of(ip)) + ip,
    ),
    "NFLOG, little-endian": (239, lambda ip: b"\2\0\0\0" + nflog(ip, "<")),
    "NFLOG, big-endian": (239, lambda ip: b"\2\0\0\0" + nflog(ip, ">")),
    "PKTAP": (258, lambda ip: pktap(1) + ethernet(ip)),
    "PKTAP as Darwin numbers it": (149, lambda ip: pktap(12) + ip),
}


def nflog(packet: bytes, order: str) -> bytes:
    """A prefix, the payload, and a time, padded to four bytes each."""
    parts = []
    for kind, content in ((10, b"log\0\0"), (9, packet), (8, bytes(16))):
        head = struct.pack(f"{order}HH", 4 + len(content), kind)
        parts += [head, content, bytes(-len(content) % 4)]
    return b"".join(parts)


def pktap(dlt: int) -> bytes:
    return struct.pack("<III", 108, 1, dlt) + b"en0".ljust(24, b"\0") + bytes(72)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a capture"


def contents(path: Path, packets: list[bytes], link_type: int) -> list[object]:
    path.write_bytes(pcap(packets, link_type=link_type))
    said: list[str] = []
    read = list(read_capture(path, say=said.append))
    assert [] == said
    opened, *rest = read
    assert isinstance(opened, Opened)
    return [
        each.content if isinstance(each, Chunk) else each.count
        for each in rest
        if isinstance(each, Chunk | Missing)
    ]


@pytest.mark.parametrize("tunnel", TUNNELS)
@pytest.mark.parametrize("link", LINKS)
def test_tcp_is_found_in_every_tunnel_on_every_link(path: Path, link: str, tunnel: str) -> None:
    """The inner connection, over IPv4 and over IPv6; its padding and its cut are known."""
    link_type, on_link = LINKS[link]
    for packet in (ipv4(CLIENT, b"hello"), ipv6(b"hello")):
        whole = on_link(TUNNELS[tunnel](packet))
        padding = b"" if "NFLOG" in link else bytes(6)
        assert [b"hello"] == contents(path, [whole + padding], link_type)
        if "NFLOG" not in link:
            assert [b"hel", 2] == contents(path, [whole[:-2]], link_type)


def test_the_addresses_are_those_of_the_inner_connection(path: Path) -> None:
    """Not those of the tunnel's ends."""
    packets = [ethernet(TUNNELS["VXLAN"](ipv4(CLIENT, b"", flags=2, sequence=0)))]
    path.write_bytes(pcap(packets, link_type=1))
    opened = next(read_capture(path))
    assert isinstance(opened, Opened)
    assert (CLIENT, SERVER) == (opened.client, opened.server)


HIDDEN: dict[str, tuple[bytes, str]] = {
    "ESP": (in_ipv4(50, bytes(40)), "IPsec (ESP), which are encrypted"),
    "ESP in UDP": (udp(4500, bytes(40)), "IPsec cannot be read here"),
    "WireGuard": (udp(51820, b"\x04" + bytes(40)), "WireGuard cannot be read here"),
    "GTP-U": (udp(2152, b"\x30\xff" + bytes(40)), "GTP-U cannot be read here"),
    "L2TP": (udp(1701, bytes(40)), "L2TP cannot be read here"),
    "L2TPv3": (in_ipv4(115, bytes(40)), "L2TPv3 cannot be read here"),
    "GRE with routing": (gre(b"", 0x4000, bytes(8), V4), "GRE with routing cannot be read here"),
    "compressed PPP": (gre(b"\0\xfd" + bytes(9), 0x2001, bytes(4), PPP), "PPP, compressed"),
    "a fragment": (in_ipv4(6, b"")[:6] + b"\x20\0" + in_ipv4(6, b"")[8:], "fragments of IP"),
    "a fragment of IPv6": (in_ipv6(44, b"\x06\0\0\x01" + bytes(30)), "fragments of IP"),
    "without end": (
        reduce(lambda packet, _: in_ipv4(4, packet), range(20), b""),
        "more than 16 times",
    ),
}


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_may_have_tcp_in_it_is_said_by_name(path: Path, hidden: str) -> None:
    """With the way out; that there is no TCP is not claimed."""
    packet, name = HIDDEN[hidden]
    path.write_bytes(pcap([packet] * 2))
    said: list[str] = []
    assert [] == list(read_capture(path, say=said.append))
    first, last = said
    assert name in first
    assert "(2 left out); " in first
    assert "no TCP connection can be read in it" == last


@pytest.mark.parametrize(
    ("link_type", "name"),
    [
        (105, "105 (IEEE 802.11)"),
        (117, "117 (PFLOG)"),
        (147, "147 (for private use)"),
        (999, "999"),
    ],
)
def test_a_link_type_that_is_not_read_is_said_by_name(
    path: Path, link_type: int, name: str
) -> None:
    """With how to capture so that it can be."""
    path.write_bytes(pcap([bytes(60)], link_type=link_type))
    said: list[str] = []
    assert [] == list(read_capture(path, say=said.append))
    first, last = said
    assert f"packets of link type {name} cannot be read here (1 left out); capture on" in first
    assert "no TCP connection can be read in it" == last


def test_what_is_in_a_capture_without_tcp_is_said(path: Path) -> None:
    """The three kinds with the most packets."""
    arp = bytes(12) + u16(0x0806) + bytes(28)
    packets = [ethernet(udp(53, b"query")) for _ in range(3)] + [arp] * 2
    packets += [ethernet(in_ipv4(1, bytes(8))), bytes(12) + u16(0x88CC) + bytes(9), b"\1"]
    path.write_bytes(pcap(packets, link_type=1))
    said: list[str] = []
    assert [] == list(read_capture(path, say=said.append))
    assert ["no TCP connection is in it; in it are UDP to port 53 (3), ARP (2), ICMP (1)"] == said
