"""What a captured packet says about TCP."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from dpkt import Error as DpktError
from dpkt.ethernet import Ethernet
from dpkt.ip import IP
from dpkt.ip6 import IP6
from dpkt.loopback import Loopback
from dpkt.sll import SLL
from dpkt.sll2 import SLL2
from dpkt.tcp import TCP, TH_ACK, TH_FIN, TH_RST, TH_SYN
from dpkt.utils import inet_to_str

from chatroom.chatwire.capture.blocks import RawPacket

ETHERNET = 1
RAW = (12, 14, 101)
"""LINKTYPE_RAW, and the two numbers that DLT_RAW has on some systems."""
LINK_LAYERS = {0: Loopback, ETHERNET: Ethernet, 108: Loopback, 113: SLL, 276: SLL2}
"""By link type: BSD loopback twice, Ethernet, Linux "any" devices in both versions."""
VERSION_ONLY = {228: IP, 229: IP6}

Endpoint = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A TCP segment with the addresses of its packet (RFC 9293, 3.1)."""

    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    source: Endpoint
    destination: Endpoint
    sequence: int
    """Of the first byte of the payload: a SYN, which has a number too, stands before it."""
    acknowledged: int | None
    """The number that the sender expects next; None without ACK."""
    payload: bytes
    cut: int = 0
    """How many bytes of payload the capture left out at the end."""
    syn: bool = False
    fin: bool = False
    reset: bool = False
    comment: str = ""
    """What the capture says about its packet."""


class UnknownLinkType(Exception):
    """Packets of a link layer that is not read here."""

    def __init__(self, link_type: int) -> None:
        super().__init__(f"packets of link type {link_type} cannot be read here")
        self.link_type = link_type


def segment_of(packet: RawPacket) -> Segment | None:
    """The TCP segment in a packet; None for other protocols, fragments and damaged packets.

    Raises UnknownLinkType.
    """
    try:
        network = _network_layer(packet)
        if isinstance(network, IP | IP6) and isinstance(network.data, TCP):
            segment = _segment(packet.time, network, network.data)
            return segment and replace(segment, comment=packet.comment)
    except (
        DpktError, struct.error, IndexError, KeyError, AttributeError, TypeError, ValueError,
        RecursionError,
    ):  # fmt: skip
        # What dpkt raises at headers that are cut, make no sense, or hold each other without end.
        return None
    return None


def _network_layer(packet: RawPacket) -> object:
    link_type, content = packet.link_type, packet.content
    if link_type in RAW:
        return IP6(content) if content[0] >> 4 == 6 else IP(content)
    if link_type in VERSION_ONLY:
        return VERSION_ONLY[link_type](content)
    if link_type not in LINK_LAYERS:
        raise UnknownLinkType(link_type)
    return LINK_LAYERS[link_type](content).data


def _segment(time: int, network: IP | IP6, tcp: TCP) -> Segment | None:
    if isinstance(network, IP):
        if network.mf or network.offset:
            return None
        announced = network.len - network.__hdr_len__ - len(network.opts) if network.len else None
    else:
        extensions = sum(each.length for each in network.all_extension_headers)
        announced = network.plen - extensions if network.plen else None
    # No length: a packet before segmentation offload cut it; then nothing tells of a cut.
    left_out = 0 if announced is None else announced - len(tcp)
    syn = bool(tcp.flags & TH_SYN)
    return Segment(
        time=time,
        source=(inet_to_str(network.src), tcp.sport),
        destination=(inet_to_str(network.dst), tcp.dport),
        sequence=(tcp.seq + syn) % (1 << 32),
        acknowledged=tcp.ack if tcp.flags & TH_ACK else None,
        payload=tcp.data,
        cut=max(left_out, 0),
        syn=syn,
        fin=bool(tcp.flags & TH_FIN),
        reset=bool(tcp.flags & TH_RST),
    )
