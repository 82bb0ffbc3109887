"""The packets that are made up: what RFC 791, 8200 and 9293 say about their headers."""

from __future__ import annotations

import struct

import pytest

from chatroom.chatwire.capture.addresses import Endpoints, WrittenAddresses
from chatroom.chatwire.capture.synthesis import Comment, Packet, Synthesis
from chatroom.chatwire.passage import Chunk, Ended, Missing, Opened, Passage, Side

FIN, SYN, RST, ACK = 1, 2, 4, 16
IPV4 = (("127.0.0.1", 40112), ("10.0.0.9", 50051))
IPV6 = (("::1", 40112), ("2001:db8::9", 50051))
MIXED = (("127.0.0.1", 40112), ("2001:db8::9", 50051))


def synthesised(ends: tuple[tuple[str, int], tuple[str, int]]) -> list[Packet]:
    """A whole connection with a hole and a chunk above the largest packet."""
    synthesis = Synthesis()
    client, server = ends
    passages: list[Passage] = [
        Opened(connection=1, time=1, client=client, server=server),
        Chunk(connection=1, time=2, sender=Side.CLIENT, content=b"odd"),
        Chunk(connection=1, time=3, sender=Side.SERVER, content=bytes(70_000)),
        Missing(connection=1, time=4, sender=Side.SERVER, count=1000),
        Chunk(connection=1, time=5, sender=Side.SERVER, content=b"\xff" * 64),
        Ended(connection=1, time=6, sender=Side.CLIENT),
        Ended(connection=1, time=7, sender=Side.SERVER),
    ]
    return [packet for each in passages for packet in synthesis.packets(each)]


def folded(content: bytes) -> int:
    """The sum of RFC 1071; 0xFFFF over what has its right checksum in it."""
    total = sum(struct.unpack(f">{(len(content) + 1) // 2}H", content + bytes(len(content) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def split(packet: bytes) -> tuple[bytes, bytes, bytes]:
    """The IP header, the pseudo header that TCP's checksum covers, the segment."""
    if packet[0] >> 4 == 4:
        header, segment = packet[:20], packet[20:]
        return header, header[12:20] + struct.pack(">HH", 6, len(segment)), segment
    header, segment = packet[:40], packet[40:]
    return header, header[8:40] + struct.pack(">II", len(segment), 6), segment


@pytest.mark.parametrize("ends", [IPV4, IPV6, MIXED], ids=["IPv4", "IPv6", "mixed"])
def test_lengths_and_checksums_are_right(ends: tuple[tuple[str, int], tuple[str, int]]) -> None:
    """Of the IPv4 header and of the segment with its pseudo header."""
    for packet in synthesised(ends):
        header, pseudo, segment = split(packet.content)
        if len(header) == 20:
            assert len(packet.content) == struct.unpack(">H", header[2:4])[0]
            assert 0xFFFF == folded(header)
        else:
            assert len(segment) == struct.unpack(">H", header[4:6])[0]
        assert 0xFFFF == folded(pseudo + segment)


def test_the_sequence_is_that_of_a_tcp_connection() -> None:
    """Handshake, data, a jump over what is missing, both FINs and the last acknowledgement."""
    listed = []
    for packet in synthesised(IPV4):
        _, _, segment = split(packet.content)
        source, _, sequence, acknowledged, offset, flags = struct.unpack(">HHIIBB", segment[:14])
        payload = len(segment) - (offset >> 4) * 4
        listed.append(
            (
                "server" if source == 8080 else "client",
                flags & 0x17,
                sequence,
                acknowledged,
                payload,
            )
        )
    assert [
        ("client", SYN, 0, 0, 0),
        ("server", SYN | ACK, 0, 1, 0),
        ("client", ACK, 1, 1, 0),
        ("client", ACK, 1, 1, 3),
        ("server", ACK, 1, 4, 65_495),
        ("server", ACK, 65_496, 4, 4_505),
        ("client", ACK, 4, 71_001, 0),
        ("server", ACK, 71_001, 4, 64),
        ("client", ACK | FIN, 4, 71_065, 0),
        ("server", ACK | FIN, 71_065, 5, 0),
        ("client", ACK, 5, 71_066, 0),
    ] == listed


def test_a_reset_is_a_reset() -> None:
    """RST in place of FIN, and nothing after the second end."""
    synthesis = Synthesis()
    synthesis.packets(Opened(connection=1, time=1, client=IPV4[0], server=IPV4[1]))
    reset = synthesis.packets(Ended(connection=1, time=2, sender=Side.SERVER, reset=True))
    assert [RST | ACK] == [split(each.content)[2][13] for each in reset]
    synthesis.packets(Ended(connection=1, time=2, sender=Side.CLIENT, reset=True))
    late = Chunk(connection=1, time=3, sender=Side.CLIENT, content=b"late")
    assert [] == synthesis.packets(late)


def test_a_comment_stands_with_the_packet_that_has_its_last_byte() -> None:
    """In a chunk of several packets; without a place, with the last."""
    synthesis = Synthesis()
    synthesis.packets(Opened(connection=1, time=1, client=IPV4[0], server=IPV4[1]))
    chunk = Chunk(connection=1, time=2, sender=Side.CLIENT, content=bytes(70_000))
    comments = [Comment("first", 65_495), Comment("second", 65_496), Comment("whole")]
    first, second = synthesis.packets(chunk, [*comments, Comment("beyond", 90_000)])
    assert ("first",) == first.comments
    assert ("second", "whole", "beyond") == second.comments


def test_the_first_packet_says_the_true_addresses() -> None:
    """Because the server's port is not the one in the packets."""
    said = synthesised(IPV6)[0].comments
    assert 1 == len(said)
    assert "[::1]:40112 to [2001:db8::9]:50051" in said[0]


def test_a_missing_number_of_bytes_is_told() -> None:
    """By the packet that acknowledges them."""
    assert [("1000 bytes from the server are missing here",)] == [
        each.comments for each in synthesised(IPV4) if each.time == 4
    ]


class Counting(set[Endpoints]):
    """A set that counts how often it is asked."""

    asked = 0

    def __contains__(self, one: object) -> bool:
        self.asked += 1
        return super().__contains__(one)


def test_endpoints_are_distinct_and_soon_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for clients that all have the same port, as behind another proxy."""
    written = WrittenAddresses()
    taken = Counting()
    monkeypatch.setattr(written, "_taken", taken)
    count = 3000
    for wanted in (40_000, 80):
        opened = Opened(connection=1, time=0, client=("10.0.0.1", wanted), server=("10.0.0.2", 1))
        for _ in range(count):
            written.choose(opened)
    assert 2 * count == len(taken)
    assert taken.asked <= 4 * count
