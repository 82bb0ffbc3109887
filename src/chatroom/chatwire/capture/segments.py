"""What a captured packet says about TCP."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from dpkt.tcp import TH_ACK, TH_FIN, TH_RST, TH_SYN

from chatroom.chatwire.capture.blocks import RawPacket
from chatroom.chatwire.capture.layers import LeftOut, carried
from chatroom.chatwire.quick import quick

HEADER = struct.Struct(">HHLLBB")
HEADER_BYTES = 20

Endpoint = tuple[str, int]


@quick
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


def segment_of(packet: RawPacket) -> Segment:
    """The TCP segment in a packet. Raises LeftOut where there is none that can be read."""
    try:
        found = carried(packet.link_type, packet.content)
    except IndexError:
        raise LeftOut("damaged packets") from None
    if len(found.segment) < HEADER_BYTES:
        raise LeftOut("damaged packets")
    source, destination, sequence, acknowledged, offset, flags = HEADER.unpack_from(found.segment)
    start = (offset >> 4) * 4
    if start < HEADER_BYTES:
        raise LeftOut("damaged packets")
    syn = bool(flags & TH_SYN)
    # Of a header that is cut too, the rest is no payload.
    cut = max(0, found.cut - max(0, start - len(found.segment)))
    return Segment(
        time=packet.time,
        source=(written(found.source), source),
        destination=(written(found.destination), destination),
        sequence=(sequence + syn) % (1 << 32),
        acknowledged=acknowledged if flags & TH_ACK else None,
        payload=found.segment[start:],
        cut=cut,
        syn=syn,
        fin=bool(flags & TH_FIN),
        reset=bool(flags & TH_RST),
        comment=packet.comment,
    )


@lru_cache(maxsize=4096)
def written(address: bytes) -> str:
    """An address of IPv4 or IPv6 as it is written."""
    return str(ip_address(address))
