"""Capture files of other tools, whole and damaged."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.chatwire.capture import BrokenCapture, read_capture
from chatroom.chatwire.passage import Chunk, Missing, Opened, Passage
from tests.faults.scale import scaled

from .captures import (
    ACK,
    CLIENT,
    LINKS,
    SERVER,
    SYN,
    TIME,
    block,
    enhanced,
    interface,
    ipv4,
    ipv6,
    pcap,
    section,
    simple,
)

MICROSECONDS = TIME // 1000
HELLO = ipv4(CLIENT, b"hello")


def read(path: Path, content: bytes) -> list[tuple[int, bytes]]:
    """The times and contents of the chunks in a file of this content."""
    path.write_bytes(content)
    return [(each.time, each.content) for each in read_capture(path) if isinstance(each, Chunk)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a capture"


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("link", LINKS)
def test_every_link_layer_is_read(path: Path, link: str, order: str) -> None:
    """In either byte order of the file."""
    link_type, header = LINKS[link]
    content = pcap([header + HELLO], link_type=link_type, order=order)
    assert [(MICROSECONDS * 1000, b"hello")] == read(path, content)


def test_ethernet_padding_is_no_payload(path: Path) -> None:
    """Short frames are padded to 60 bytes; IP's length tells."""
    link_type, header = LINKS["Ethernet"]
    padded = [header + ipv4(CLIENT, b"", flags=SYN, sequence=0) + bytes(6), header + HELLO]
    assert [b"hello"] == [each for _, each in read(path, pcap(padded, link_type=link_type))]


def test_ipv6_with_extension_headers_is_read(path: Path) -> None:
    """Also under BSD loopback, which has a number of its own for it."""
    assert [b"six"] == [each for _, each in read(path, pcap([ipv6(b"six")]))]
    under_bsd = pcap([b"\x1e\0\0\0" + ipv6(b"six")], link_type=0)
    assert [b"six"] == [each for _, each in read(path, under_bsd)]


def test_pcap_in_nanoseconds(path: Path) -> None:
    """Times are not rounded."""
    assert [(TIME, b"hello")] == read(path, pcap([HELLO], nano=True))


@pytest.mark.parametrize(
    ("options", "ticks", "time"),
    [
        ([], MICROSECONDS, MICROSECONDS * 1000),
        ([(9, b"\x09")], TIME, TIME),
        ([(9, b"\x03")], 1234, 1_234_000_000),
        ([(9, b"\x8a")], 1024 + 512, 1_500_000_000),
        ([(9, b"\x00"), (14, (100).to_bytes(8, "little"))], 5, 105 * 10**9),
    ],
    ids=["microseconds", "nanoseconds", "milliseconds", "a power of two", "with an offset"],
)
def test_times_have_the_interface_s_resolution(
    path: Path, options: list[tuple[int, bytes]], ticks: int, time: int
) -> None:
    """Decimal or binary, from the epoch or from an offset in seconds."""
    content = section() + interface(options=options) + enhanced(HELLO, ticks)
    assert [(time, b"hello")] == read(path, content)


def test_sections_and_interfaces_are_each_their_own(path: Path) -> None:
    """Two interfaces of two link types, then a section of the other byte order."""
    link_type, header = LINKS["Ethernet"]
    content = (
        section()
        + interface()
        + interface(link_type, options=[(9, b"\x09")])
        + enhanced(header + ipv4(CLIENT, b"one"), TIME, number=1)
        + enhanced(ipv4(CLIENT, b"two", sequence=4), MICROSECONDS)
        + section(">")
        + interface(order=">")
        + enhanced(ipv4(CLIENT, b"three", sequence=7), MICROSECONDS, order=">")
    )
    assert [b"one", b"two", b"three"] == [each for _, each in read(path, content)]


def test_blocks_of_other_kinds_are_skipped(path: Path) -> None:
    """Name resolution, statistics, secrets, and what is not known yet."""
    others = block(4, bytes(8)) + block(5, bytes(12)) + block(10, bytes(8)) + block(0x7777, b"x")
    content = section() + interface() + others + simple(HELLO)
    assert [(0, b"hello")] == read(path, content)


def test_what_the_snap_length_cut_off_is_missing(path: Path) -> None:
    """IP's length tells how much it is, with and without extension headers."""
    for packet in (HELLO, ipv6(b"hello")):
        path.write_bytes(pcap([packet[:-2]]))
        opened, chunk, missing = read_capture(path)
        assert isinstance(opened, Opened)
        assert isinstance(chunk, Chunk)
        assert isinstance(missing, Missing)
        assert (b"hel", 2) == (chunk.content, missing.count)


def test_a_gzipped_capture_is_read(path: Path) -> None:
    """As Wireshark does; a damaged one is said to be that."""
    zipped = gzip.compress(pcap([HELLO], nano=True))
    assert [(TIME, b"hello")] == read(path, zipped)
    with pytest.raises(BrokenCapture, match=r"^the gzip file is cut short or damaged$"):
        read(path, zipped[:-20])


def test_what_is_no_tcp_is_left_out(path: Path) -> None:
    """ARP, UDP, fragments and rubbish in the middle of a capture."""
    udp = bytearray(ipv4(CLIENT, b"datagram"))
    udp[9] = 17
    fragment = bytearray(ipv4(CLIENT, b"fragment"))
    fragment[6:8] = b"\x20\x00"
    packets = [bytes(udp), bytes(fragment), b"", b"\xff" * 40, b"\x45", b"\x60", HELLO]
    assert [b"hello"] == [each for _, each in read(path, pcap(packets))]


def test_a_link_layer_that_is_not_known_is_said(path: Path) -> None:
    """Once, with the number of packets."""
    path.write_bytes(
        section() + interface(147) + interface() + enhanced(HELLO, 1) * 3 + simple(HELLO)
    )
    said: list[str] = []
    assert [] == list(read_capture(path, say=said.append))
    assert [
        "packets of link type 147 (for private use) cannot be read here (4 left out)",
        "no TCP connection can be read in it",
    ] == [each.partition("; ")[0] for each in said]


def test_only_the_wanted_port(path: Path) -> None:
    """On either side; what is not there is said."""
    path.write_bytes(pcap([HELLO]))
    said: list[str] = []
    assert [] == list(read_capture(path, server_ports=[22], say=said.append))
    assert ["no TCP connection on port 22 is in it"] == said
    opened = next(read_capture(path, server_ports=[40000]))
    assert isinstance(opened, Opened)
    assert (SERVER, CLIENT) == (opened.client, opened.server)


BROKEN = {
    "nothing": (b"", "the file is empty, at byte 0", 0),
    "three bytes": (b"\x0a\x0d\x0d", "this is no capture, at byte 0", 0),
    "a text": (b"hello, I am a text", "this is neither a pcapng nor a pcap file, at byte 0", 0),
    "half a pcap header": (pcap([])[:10], "the file ends within its header, at byte 0", 0),
    "a packet cut short": (
        pcap([HELLO, HELLO])[:-3],
        "the file ends within a packet, at byte 85",
        1,
    ),
    "a header cut short": (pcap([HELLO]) + b"abc", "the file ends within a packet, at byte 85", 1),
    "a packet of 4 GiB": (
        pcap([HELLO]) + bytes(8) + b"\xff" * 8,
        "a packet of 4,294,967,295 bytes cannot be right, at byte 85",
        1,
    ),
    "a block cut short": (
        (section() + interface() + simple(HELLO) * 2)[:-1],
        "the file ends within a packet, at byte 112",
        1,
    ),
    "a block of 5 bytes": (
        section() + interface() + simple(HELLO) + b"\x06\0\0\0\x05\0\0\0",
        "a block of 5 bytes cannot be right, at byte 112",
        1,
    ),
    "a block of 17 bytes": (
        section() + interface() + simple(HELLO) + b"\x06\0\0\0\x11\0\0\0" + bytes(20),
        "a block of 17 bytes cannot be right, at byte 112",
        1,
    ),
    "a resolution of no byte": (
        section() + interface(options=[(9, b"")]),
        "a block's content makes no sense",
        0,
    ),
    "no interface": (section() + enhanced(HELLO, 1), "a block's content makes no sense", 0),
    "a packet longer than its block": (
        section() + interface() + block(6, bytes(12) + b"\xff\0\0\0" + bytes(4)),
        "a block's content makes no sense",
        0,
    ),
    "pcapng of the future": (section(version=2), "pcapng of version 2 is not known here", 0),
    "no byte order": (
        b"\x0a\x0d\x0d\x0a" + bytes(20),
        "a section of no known byte order, at byte 0",
        0,
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_what_is_whole_is_shown_and_then_what_is_wrong_said(path: Path, damage: str) -> None:
    """With the place in the file."""
    content, sentence, whole = BROKEN[damage]
    path.write_bytes(content)
    passages: list[Passage] = []
    with pytest.raises(BrokenCapture) as broken:
        passages.extend(read_capture(path))
    assert str(broken.value).startswith(sentence)
    assert whole == sum(isinstance(each, Chunk) for each in passages)


WHOLE = (
    section()
    + interface(1, options=[(9, b"\x09")])
    + enhanced(LINKS["Ethernet"][1] + ipv4(CLIENT, b"", flags=SYN, sequence=0), TIME)
    + enhanced(LINKS["Ethernet"][1] + HELLO, TIME)
    + enhanced(LINKS["Ethernet"][1] + ipv4(SERVER, b"hi", flags=ACK | 1), TIME)
)


@settings(max_examples=scaled(100, 5000, brief=30))
@given(st.data())
def test_no_damage_raises_anything_else(data: st.DataObject) -> None:
    """Bytes changed anywhere, in either format: read, or said to be broken."""
    content = bytearray(
        data.draw(st.sampled_from([WHOLE, pcap([HELLO] * 3), gzip.compress(WHOLE)]))
    )
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    with TemporaryDirectory() as directory:
        path = Path(directory) / "damaged"
        path.write_bytes(content)
        try:
            for _ in read_capture(path):
                pass
        except BrokenCapture as broken:
            assert broken.what


def test_packets_in_packets_in_packets(path: Path) -> None:
    """IP in IP, deeper than Python's stack: that packet is left out, not those behind it."""
    nested = b"end"
    for _ in range(3000):
        length = min(20 + len(nested), 0xFFFF)
        nested = struct.pack(">BBHIBBHII", 0x45, 0, length, 0, 64, 4, 0, 1, 2) + nested
    assert [b"hello"] == [each for _, each in read(path, pcap([nested, HELLO]))]


def test_an_interface_that_is_described_without_end(path: Path) -> None:
    """Reading as many options as fit into the longest block would take hours."""
    path.write_bytes(section() + interface(options=[(5000, b"")] * 20_000) + enhanced(HELLO, 1))
    with pytest.raises(BrokenCapture, match="makes no sense, at byte 28"):
        list(read_capture(path))
    few = interface(options=[(5000, b"")] * 20)
    assert [b"hello"] == [each for _, each in read(path, section() + few + enhanced(HELLO, 1))]
