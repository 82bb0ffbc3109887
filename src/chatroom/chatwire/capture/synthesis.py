"""TCP packets that might have carried what passed.

What a tap reads from a socket has lost its packets: the kernel has put the bytes in
order, acknowledged them and thrown the headers away. These are new ones, the simplest
conversation that carries the same bytes at the same times: each chunk is one packet if it
fits, every packet acknowledges all that was sent before it, nothing is lost or sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpkt.ip import IP, IP_PROTO_TCP
from dpkt.ip6 import IP6
from dpkt.tcp import (
    TCP,
    TCP_OPT_MSS,
    TCP_OPT_NOP,
    TCP_OPT_WSCALE,
    TH_ACK,
    TH_FIN,
    TH_PUSH,
    TH_RST,
    TH_SYN,
)

from chatroom.chatwire.capture.addresses import Endpoints, WrittenAddresses, true_addresses
from chatroom.chatwire.passage import (
    Chunk,
    Ended,
    Faulted,
    Missing,
    Opened,
    Passage,
    Side,
    Unused,
)

MAXIMUM_SEGMENT = 65_495
"""Bytes of payload in a packet: what fits into an IPv4 packet of 65,535 bytes beside both
headers, as on a loopback interface. Fewer packets for a chunk keep one read one line."""

WINDOW = 0xFFFF
WINDOW_SHIFT = 14
"""The largest scale (RFC 7323, 2.3). With a window of 1 GiB Wireshark finds none full, though
nothing is acknowledged until the other side next sends."""

LONGEST_GAP = 1 << 30
"""How far the sequence may jump over missing bytes: beyond 2 GiB a jump reads as one back."""

OPTIONS_OF_SYN = bytes(
    [
        TCP_OPT_MSS,
        4,
        *MAXIMUM_SEGMENT.to_bytes(2, "big"),
        TCP_OPT_NOP,
        TCP_OPT_WSCALE,
        3,
        WINDOW_SHIFT,
    ]
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A text for the reader, shown with the packet that has the byte before `end`."""

    text: str
    end: int | None = None
    """Counted within the chunk; None: at the chunk's end."""


@dataclass(frozen=True, slots=True)
class Packet:
    """An IP packet with what is to be said about it."""

    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    content: bytes
    comments: tuple[str, ...] = ()


class Synthesis:
    """Turns passages into packets; keeps the sequence numbers of every open connection."""

    def __init__(self) -> None:
        self._addresses = WrittenAddresses()
        self._conversations: dict[int, _Conversation] = {}

    def packets(self, passage: Passage, comments: Sequence[Comment] = ()) -> list[Packet]:
        """The packets of one passage, in order; of a connection begun midway none at first.

        Passages of a connection that was never opened, or is over, give nothing.
        """
        if isinstance(passage, Opened):
            endpoints = self._addresses.choose(passage)
            conversation = _Conversation(passage, endpoints)
            self._conversations[passage.connection] = conversation
            return [] if passage.midway else conversation.handshake(passage.time)
        open_one = self._conversations.get(passage.connection)
        if open_one is None:
            return []
        match passage:
            case Chunk():
                return open_one.chunk(passage, comments)
            case Missing():
                return open_one.missing(passage)
            case Unused():
                return []
            case Faulted():
                return open_one.faulted(passage, comments)
            case Ended():
                packets = open_one.ended(passage)
                if open_one.over:
                    del self._conversations[passage.connection]
                return packets


class _Conversation:
    """One connection: what each side has sent so far."""

    def __init__(self, opened: Opened, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._next = dict.fromkeys(Side, 1 if opened.midway else 0)
        self._ended: set[Side] = set()
        midway = "; its beginning was not seen" if opened.midway else ""
        about = f"connection {opened.connection}, {true_addresses(opened)}{midway}"
        self._to_say = [f"{about}; the server's port is written as {endpoints.server[1]}"]

    @property
    def over(self) -> bool:
        return len(self._ended) == len(Side)

    def handshake(self, time: int) -> list[Packet]:
        """RFC 9293, 3.5: the three packets that open a connection."""
        return [
            self._packet(time, Side.CLIENT, TH_SYN),
            self._packet(time, Side.SERVER, TH_SYN | TH_ACK),
            self._packet(time, Side.CLIENT, TH_ACK),
        ]

    def chunk(self, chunk: Chunk, comments: Sequence[Comment]) -> list[Packet]:
        packets = []
        length = len(chunk.content)
        # Whatever an end says, its text stands with one of the packets.
        ends = [
            (length if each.end is None else min(max(each.end, 1), length), each.text)
            for each in comments
        ]
        for start in range(0, length, MAXIMUM_SEGMENT):
            end = min(start + MAXIMUM_SEGMENT, length)
            said = [text for at, text in ends if start < at <= end]
            content = chunk.content[start:end]
            packets.append(self._packet(chunk.time, chunk.sender, TH_ACK | TH_PUSH, content, said))
        return packets

    def missing(self, missing: Missing) -> list[Packet]:
        """The receiver acknowledges what is not here: it did pass, or nothing would follow."""
        count = missing.count
        if count == 0:
            return []
        amount = "an unknown number of bytes" if count is None else f"{count} bytes"
        self._next[missing.sender] += min(count or 1, LONGEST_GAP)
        said = [f"{amount} from the {missing.sender} are missing here"]
        return [self._packet(missing.time, missing.sender.other, TH_ACK, b"", said)]

    def faulted(self, faulted: Faulted, comments: Sequence[Comment]) -> list[Packet]:
        """Nothing passes: an acknowledgement, for the comments that say why."""
        said = [each.text for each in comments]
        return [self._packet(faulted.time, faulted.sender, TH_ACK, b"", said)] if said else []

    def ended(self, ended: Ended) -> list[Packet]:
        """FIN or RST; and the acknowledgement of a second FIN, which closes the connection."""
        if ended.sender in self._ended:
            return []
        self._ended.add(ended.sender)
        flags = (TH_RST if ended.reset else TH_FIN) | TH_ACK
        packets = [self._packet(ended.time, ended.sender, flags)]
        if self.over and not ended.reset:
            packets.append(self._packet(ended.time, ended.sender.other, TH_ACK))
        return packets

    def _packet(
        self,
        time: int,
        sender: Side,
        flags: int,
        payload: bytes = b"",
        comments: Sequence[str] = (),
    ) -> Packet:
        (source, source_port), (destination, destination_port) = self._endpoints.of(sender)
        syn = bool(flags & TH_SYN)
        options = OPTIONS_OF_SYN if syn else b""
        segment = TCP(
            sport=source_port,
            dport=destination_port,
            seq=self._next[sender] % (1 << 32),
            ack=self._next[sender.other] % (1 << 32) if flags & TH_ACK else 0,
            off=(20 + len(options)) // 4,
            flags=flags,
            win=WINDOW,
            opts=options,
            data=payload,
        )
        self._next[sender] += len(payload) + bool(flags & (TH_SYN | TH_FIN))
        said, self._to_say = self._to_say, []
        # Both classes fill in a checksum that is still 0 when they are turned into bytes.
        if self._endpoints.is_ipv6:
            packet = IP6(
                src=source,
                dst=destination,
                nxt=IP_PROTO_TCP,
                hlim=64,
                plen=len(segment),
                data=segment,
            )
        else:
            packet = IP(src=source, dst=destination, p=IP_PROTO_TCP, df=1, data=segment)
        return Packet(time, bytes(packet), (*said, *comments))
