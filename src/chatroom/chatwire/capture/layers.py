"""From a captured packet to the TCP segment in it, through whatever it is wrapped in."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from chatroom.chatwire.capture.link_types import LinkType, link_type_named

DEPTH = 16
"""Layers around a segment; more are taken for nonsense."""

IPV4, IPV6, BRIDGED, PPP = 0x0800, 0x86DD, 0x6558, 0x880B
"""Ethernet types; the last two are those of Ethernet and PPP inside something else."""
TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
"""IEEE 802.1Q and 802.1ad, and two from before the latter."""
MPLS = (0x8847, 0x8848)
ETHER_NAMES = {
    0x0806: "ARP", 0x8035: "RARP", 0x8863: "PPPoE discovery", 0x888E: "EAPOL", 0x88CC: "LLDP",
}  # fmt: skip
PPP_NETWORK = {0x0021: IPV4, 0x0057: IPV6, 0x0281: MPLS[0]}
IP_NAMES = {1: "ICMP", 2: "IGMP", 58: "ICMPv6", 89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP"}
IPV4_HEAD = struct.Struct(">BxHxxHxB")
"""Version and length, total length, flags and fragment offset, protocol."""
IPV4_HEAD_BYTES = 20
TCP, UDP = 6, 17
VXLAN, VXLAN_LINUX, VXLAN_GPE, GENEVE = 4789, 8472, 4790, 6081
"""Ports: RFC 7348, what Linux took before that, draft-ietf-nvo3-vxlan-gpe, RFC 8926."""
OTHER_TUNNELS = {1701: "L2TP", 2152: "GTP-U", 3544: "Teredo", 4500: "IPsec", 51820: "WireGuard"}
INSIDE = "capture inside the tunnel, on the interface where it ends"


class LeftOut(Exception):
    """A packet without a TCP segment that can be read here."""

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.way_out = way_out
        """What to do to see the TCP that may be in it; "" where there is none."""


class Carried(NamedTuple):
    """A TCP header and what follows, with what its IP packet says."""

    source: bytes
    destination: bytes
    segment: bytes
    cut: int
    """Bytes at the end that the capture left out, as far as IP's length tells."""


def carried(link_type: int, content: bytes) -> Carried:
    """The TCP segment in a packet. Raises LeftOut, and IndexError where it is cut short."""
    layer: Layer | Carried = _link(link_type, content)
    for _ in range(DEPTH):
        layer = _unwrapped(*layer)
        if isinstance(layer, Carried):
            return layer
    raise LeftOut(f"packets wrapped more than {DEPTH} times cannot be read here", INSIDE)


class Layer(NamedTuple):
    """What is next: an Ethernet type, and the bytes of that."""

    kind: int
    content: bytes


def _link(link_type: int, content: bytes) -> Layer:
    """What is in a packet of a link type (https://www.tcpdump.org/linktypes.html)."""
    match link_type:
        case LinkType.ETHERNET:
            return Layer(BRIDGED, content)
        case LinkType.RAW | LinkType.RAW_BSD | LinkType.RAW_OPENBSD | LinkType.IPV4 | LinkType.IPV6:
            return _by_version(content)
        case LinkType.NULL | LinkType.LOOP:
            return _by_version(content[4:])
        case LinkType.LINUX_SLL:
            return Layer(_u16(content, 14), content[16:])
        case LinkType.LINUX_SLL2:
            return Layer(_u16(content, 0), content[20:])
        case LinkType.PPP | LinkType.PPP_HDLC:
            # Cisco's HDLC shares the second number (RFC 1547, 4.3.1).
            if content[0] in (0x0F, 0x8F):
                return Layer(_u16(content, 2), content[4:])
            return Layer(PPP, content)
        case LinkType.C_HDLC:
            return Layer(_u16(content, 2), content[4:])
        case LinkType.PPP_WITH_DIR:
            return Layer(PPP, content[1:])
        case LinkType.PPP_ETHER:
            return _pppoe(content)
        case LinkType.NFLOG:
            return _by_version(_nflog_payload(content))
        case LinkType.PKTAP | LinkType.PKTAP_DARWIN if _is_pktap(content):
            return _link(_le32(content, 8), content[_le32(content, 0) :])
    raise LeftOut(
        f"packets of link type {link_type_named(link_type)} cannot be read here",
        "capture on an interface with Ethernet or plain IP, or on `any`",
    )


def _unwrapped(kind: int, content: bytes) -> Layer | Carried:
    """What is in a layer of an Ethernet type."""
    if kind == IPV4:
        return _ipv4(content)
    if kind == IPV6:
        return _ipv6(content)
    if kind == BRIDGED:
        return Layer(_u16(content, 12), content[14:])
    if kind in TAGS:
        return Layer(_u16(content, 2), content[4:])
    if kind == PPP:
        return _ppp(content)
    if kind == 0x8864:
        return _pppoe(content)
    if kind in MPLS:
        return _mpls(content)
    if kind < 1536:
        return _llc(content)
    if kind == 0x88E5:
        raise LeftOut("packets of MACsec, which are encrypted", "capture where they are not")
    raise LeftOut(ETHER_NAMES.get(kind, f"Ethernet type 0x{kind:04x}"))


def _ipv4(content: bytes) -> Layer | Carried:
    """RFC 791, 3.1."""
    if len(content) < IPV4_HEAD_BYTES:
        raise IndexError(len(content))
    first, total, fragment, kind = IPV4_HEAD.unpack_from(content)
    header = (first & 15) * 4
    if first >> 4 != 4 or header < IPV4_HEAD_BYTES:
        raise LeftOut("damaged packets")
    if fragment & 0x3FFF:
        raise LeftOut("fragments of IP packets are not put together here", FRAGMENTS)
    # No length: a packet before segmentation offload cut it; then nothing tells of a cut.
    end = total or len(content)
    within = content[header:end]
    cut = max(0, end - max(header, len(content)))
    return _transport(kind, content[12:16], content[16:20], within, cut)


FRAGMENTS = "capture where packets are whole: before they are cut, or where the tunnel ends"


def _ipv6(content: bytes) -> Layer | Carried:
    """RFC 8200, 3 and 4."""
    length = _u16(content, 4)
    if content[0] >> 4 != 6:
        raise LeftOut("damaged packets")
    end = 40 + length if length else len(content)
    kind, at = content[6], 40
    while True:
        if kind in (0, 43, 60, 135):  # hop-by-hop, routing, destination, mobility
            kind, at = content[at], at + 8 + content[at + 1] * 8
        elif kind == 51 and at < end:
            kind, at = content[at], at + 8 + content[at + 1] * 4
        elif kind == 44:
            if _u16(content, at + 2) & 0xFFF9:
                raise LeftOut("fragments of IP packets are not put together here", FRAGMENTS)
            kind, at = content[at], at + 8
        else:
            break
    cut = max(0, end - max(at, len(content)))
    return _transport(kind, content[8:24], content[24:40], content[at:end], cut)


def _transport(
    kind: int, source: bytes, destination: bytes, content: bytes, cut: int
) -> Layer | Carried:
    """What is in an IP packet, by protocol number."""
    if kind == TCP:
        return Carried(source, destination, content, cut)
    if kind == UDP:
        return _udp(content)
    if kind == 4:
        return Layer(IPV4, content)  # RFC 2003
    if kind == 41:
        return Layer(IPV6, content)  # RFC 4213, 2473
    if kind == 47:
        return _gre(content)
    if kind == 51:  # RFC 4302, 2: what it protects is not encrypted
        length = 8 + content[1] * 4
        return _transport(content[0], source, destination, content[length:], cut)
    if kind == 97:
        return Layer(BRIDGED, content[2:])  # RFC 3378
    if kind == 137:
        return _mpls(content)  # RFC 4023
    if kind == 50:
        raise LeftOut("packets of IPsec (ESP), which are encrypted", INSIDE)
    if kind == 115:
        raise LeftOut("packets of L2TPv3 cannot be read here", INSIDE)
    raise LeftOut(IP_NAMES.get(kind, f"IP protocol {kind}"))


def _udp(content: bytes) -> Layer:
    """RFC 768, and the tunnels that are known by their port."""
    port, inner = _u16(content, 2), content[8:]
    if port in (VXLAN, VXLAN_LINUX) and inner[0] & 0x08:
        return Layer(BRIDGED, inner[8:])
    if port == VXLAN_GPE and inner[0] & 0x08:
        known = {1: IPV4, 2: IPV6, 3: BRIDGED, 5: MPLS[0]} if inner[0] & 0x04 else {}
        return Layer(known.get(inner[3], BRIDGED), inner[8:])
    if port == GENEVE:
        return Layer(_u16(inner, 2), inner[8 + (inner[0] & 0x3F) * 4 :])
    for either in (port, _u16(content, 0)):
        if name := OTHER_TUNNELS.get(either):
            raise LeftOut(f"packets of {name} cannot be read here", INSIDE)
    raise LeftOut(f"UDP to port {port}")


def _gre(content: bytes) -> Layer:
    """RFC 2784 and 2890; version 1 is RFC 2637."""
    flags, kind = _u16(content, 0), _u16(content, 2)
    at = 4
    if flags & 0x4000:
        raise LeftOut("packets of GRE with routing cannot be read here", INSIDE)
    if flags & 0x8000:
        at += 4  # checksum
    if flags & 0x2000:
        at += 4  # key
    if flags & 0x1000:
        at += 4  # sequence number
    if flags & 7 == 1 and flags & 0x80:
        at += 4  # acknowledged
    if kind == 0x88BE:
        # ERSPAN: type II has a sequence number and a header of its own, type I neither.
        return Layer(BRIDGED, content[at + (8 if flags & 0x1000 else 0) :])
    if kind == 0x22EB:
        more = 8 if content[at + 11] & 1 else 0
        return Layer(BRIDGED, content[at + 12 + more :])
    return Layer(kind, content[at:])


def _pppoe(content: bytes) -> Layer:
    """RFC 2516, 4: the session stage."""
    if content[1] != 0:
        raise LeftOut("PPPoE discovery")
    return Layer(PPP, content[6:])


def _ppp(content: bytes) -> Layer:
    """RFC 1661, 2 and 6.5, perhaps with the address and control of RFC 1662, 3.1."""
    if content[:2] == b"\xff\x03":
        content = content[2:]
    kind, at = (content[0], 1) if content[0] & 1 else (_u16(content, 0), 2)
    if kind in (0x003D, 0x00FD, 0x0053):
        what = {0x003D: "in parts (multilink)", 0x00FD: "compressed", 0x0053: "encrypted"}[kind]
        raise LeftOut(f"packets of PPP, {what}, cannot be read here", INSIDE)
    if kind not in PPP_NETWORK:
        raise LeftOut(f"PPP of protocol 0x{kind:04x}")
    return Layer(PPP_NETWORK[kind], content[at:])


def _mpls(content: bytes) -> Layer:
    """RFC 3032, 2.1: labels do not say what is beneath. RFC 4385, 3: nought is a pseudowire."""
    at = 0
    while not content[at + 2] & 1:
        at += 4
    inner = content[at + 4 :]
    return Layer(BRIDGED, inner[4:]) if inner[0] >> 4 == 0 else _by_version(inner)


def _llc(content: bytes) -> Layer:
    """IEEE 802.2, with the SNAP of RFC 1042."""
    if content[:3] == b"\xaa\xaa\x03":
        return Layer(_u16(content, 6), content[8:])
    raise LeftOut("IEEE 802.3 without IP")


def _by_version(content: bytes) -> Layer:
    """An IP packet, by its first four bits."""
    return Layer(IPV6 if content[0] >> 4 == 6 else IPV4, content)


def _nflog_payload(content: bytes) -> bytes:
    """The packet among the attributes of a log of Linux's netfilter: type 9, NFULA_PAYLOAD.

    Their numbers are in the order of the machine that logged: the one in which they end
    where the packet does.
    """
    for number in (_le16, _u16):
        at, payload = 4, b""
        while at + 4 <= len(content):
            length, kind = number(content, at), number(content, at + 2) & 0x7FFF
            if length < 4:
                break
            if kind == 9:
                payload = content[at + 4 : at + length]
                if at + length >= len(content):
                    return payload  # cut by the snap length, or the last one
            at += length + -length % 4
        if payload and at >= len(content):
            return payload
    raise LeftOut("packets of NFLOG without a payload")


def _is_pktap(content: bytes) -> bool:
    """Whether this is the header that Darwin puts before a packet: its length, and type 1."""
    return len(content) > 12 and _le32(content, 0) in range(108, 512) and _le32(content, 4) == 1


def _number(size: int, order: str) -> Callable[[bytes, int], int]:
    def read(content: bytes, at: int) -> int:
        """Raises IndexError where there are too few bytes."""
        if at + size > len(content):
            raise IndexError(at)
        return int.from_bytes(content[at : at + size], order)  # type: ignore[arg-type] # one of two words

    return read


_u16, _le16, _le32 = _number(2, "big"), _number(2, "little"), _number(4, "little")
