"""Packets out of capture files: pcapng, and pcap with times in micro- or nanoseconds."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dpkt import Error as DpktError
from dpkt import pcap, pcapng

from chatroom.chatwire.quick import quick

LONGEST_BLOCK = 64 * 1024 * 1024
"""Bytes; a length beyond this is taken for damage. Packets end at 256 KiB in what is captured."""
LONGEST_DESCRIPTION = 64 * 1024
"""Bytes of the block about an interface. Reading its options takes the square of their number."""

SECTION_HEADER = pcapng.PCAPNG_BT_SHB.to_bytes(4, "big")
"""Reads the same in either byte order, so that it is known before the order is."""
AHEAD_BYTES = 8
"""That are read to see whether a block follows. No block, and no packet of pcap, has fewer."""
PACKET_HEAD_BYTES = 28
"""Of a block before the packet's bytes (pcapng, 4.3)."""
BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
PCAP_MAGIC = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}
"""Byte order, and nanoseconds in a unit of the fraction of a second."""
NANOSECONDS = 9
MICROSECONDS = 6
"""The resolution of times where a pcapng file names none, as a negative power of ten."""


class BrokenCapture(Exception):
    """A file that is no capture, or ends or goes wrong within one."""

    def __init__(self, what: str, position: int | None = None) -> None:
        super().__init__(what if position is None else f"{what}, at byte {position:,}")
        self.what = what
        self.position = position
        """Bytes of the file before what cannot be read, where that is known."""


@quick
@dataclass(frozen=True, slots=True)
class RawPacket:
    """A packet as it was captured; `content` may be cut by the capture's snap length."""

    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    link_type: int
    """What it begins with: https://www.tcpdump.org/linktypes.html."""
    content: bytes
    comment: str = ""
    """The first one; only pcapng has any."""


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    snap_length: int
    resolution: int
    offset: int

    def nanoseconds(self, ticks: int) -> int:
        """A negative power of two if the highest bit is set, else of ten (pcapng, 4.2)."""
        if self.resolution == NANOSECONDS:
            return self.offset + ticks
        base = 2 if self.resolution & 0x80 else 10
        units: int = base ** (self.resolution & 0x7F)
        return self.offset + ticks * 10**9 // units


def read_packets(file: BinaryIO) -> Iterator[RawPacket]:
    """Every whole packet of a capture, in the order of the file.

    Raises BrokenCapture after the last whole packet if what follows cannot be read. The
    file need not be seekable.
    """
    source = _Source(file)
    magic = source.take(4, "the file is empty" if not source.more() else "this is no capture")
    if magic == SECTION_HEADER:
        yield from _Pcapng(source).packets()
    elif magic in PCAP_MAGIC:
        yield from _pcap_packets(source, magic)
    else:
        raise BrokenCapture("this is neither a pcapng nor a pcap file", 0)


class _Source:
    """A file that knows where the block that is being read began."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ahead = b""
        self.position = 0
        self.began = 0

    def more(self) -> bool:
        """Whether anything follows; what follows is then where a block begins."""
        self.began = self.position
        self._ahead = self._ahead or self._file.read(AHEAD_BYTES)
        return bool(self._ahead)

    def take(self, count: int, otherwise: str = "the file ends within a packet") -> bytes:
        """The next `count` bytes; BrokenCapture with the sentence if there are fewer."""
        content, self._ahead = self._ahead[:count], self._ahead[count:]
        if len(content) < count:
            content += self._file.read(count - len(content))
        while len(content) < count:
            more = self._file.read(count - len(content))
            if not more:
                raise self.broken(otherwise)
            content += more
        self.position += count
        return content

    def broken(self, what: str) -> BrokenCapture:
        return BrokenCapture(what, self.began)


def _pcap_packets(source: _Source, magic: bytes) -> Iterator[RawPacket]:
    order, unit = PCAP_MAGIC[magic]
    file_header, packet_header = (
        (pcap.LEFileHdr, pcap.LEPktHdr) if order == "<" else (pcap.FileHdr, pcap.PktHdr)
    )
    rest = source.take(file_header.__hdr_len__ - 4, "the file ends within its header")
    # The upper bits say how long a frame check sequence is, which IP's length leaves out.
    link_type = file_header(magic + rest).linktype & 0xFFFF
    while source.more():
        header = packet_header(source.take(packet_header.__hdr_len__))
        if header.caplen > LONGEST_BLOCK:
            raise source.broken(f"a packet of {header.caplen:,} bytes cannot be right")
        content = source.take(header.caplen)
        yield RawPacket(header.tv_sec * 10**9 + header.tv_usec * unit, link_type, content)


class _Pcapng:
    """The blocks of a file, section after section."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._order = "<"
        self._interfaces: list[_Interface] = []

    def packets(self) -> Iterator[RawPacket]:
        """Blocks of unknown types are skipped. The first section header's type is read."""
        self._begin_section()
        readers: dict[int, Callable[[bytes], RawPacket]] = {
            pcapng.PCAPNG_BT_EPB: self._enhanced,
            pcapng.PCAPNG_BT_PB: self._obsolete,
            pcapng.PCAPNG_BT_SPB: self._simple,
        }
        while self._source.more():
            kind = self._source.take(4)
            if kind == SECTION_HEADER:
                self._begin_section()
                continue
            block = kind + self._rest_of_block()
            number = self._number(kind)
            try:
                if number == pcapng.PCAPNG_BT_IDB:
                    self._interfaces.append(self._interface(block))
                elif number in readers:
                    yield readers[number](block)
            except (DpktError, struct.error, ValueError) as error:
                raise self._source.broken("a block's content makes no sense") from error

    def _begin_section(self) -> None:
        length = self._source.take(4)
        magic = self._source.take(4)
        if magic not in BYTE_ORDERS:
            raise self._source.broken("a section of no known byte order")
        self._order = BYTE_ORDERS[magic]
        self._interfaces = []
        body = self._source.take(self._checked(length, 16) - 12)
        version = struct.unpack(f"{self._order}H", body[:2])[0]
        if version != pcapng.PCAPNG_VERSION_MAJOR:
            raise self._source.broken(f"pcapng of version {version} is not known here")

    def _rest_of_block(self) -> bytes:
        length = self._source.take(4)
        return length + self._source.take(self._checked(length, 12) - 8)

    def _checked(self, length: bytes, least: int) -> int:
        number = self._number(length)
        if not least <= number <= LONGEST_BLOCK or number % 4:
            raise self._source.broken(f"a block of {number:,} bytes cannot be right")
        return number

    def _number(self, content: bytes) -> int:
        return int.from_bytes(content, "little" if self._order == "<" else "big")

    def _interface(self, block: bytes) -> _Interface:
        if len(block) > LONGEST_DESCRIPTION:
            raise ValueError("an interface is described at such length")
        little = self._order == "<"
        kind = pcapng.InterfaceDescriptionBlockLE if little else pcapng.InterfaceDescriptionBlock
        description = kind(block)
        resolution, offset = MICROSECONDS, 0
        for option in description.opts:
            if option.code == pcapng.PCAPNG_OPT_IF_TSRESOL:
                (resolution,) = struct.unpack("B", option.data)
            elif option.code == pcapng.PCAPNG_OPT_IF_TSOFFSET:
                (offset,) = struct.unpack(f"{self._order}q", option.data)
        return _Interface(description.linktype, description.snaplen, resolution, offset * 10**9)

    def _enhanced(self, block: bytes) -> RawPacket:
        """Section 4.3. An EnhancedPacketBlock of dpkt would parse its options, too."""
        number, high, low, length = struct.unpack_from(f"{self._order}LLLL", block, 8)
        return self._packet(block, number, (high << 32) + low, length)

    def _obsolete(self, block: bytes) -> RawPacket:
        """Appendix A: the number of the interface has half the bits."""
        number, high, low, length = struct.unpack_from(f"{self._order}HxxLLL", block, 8)
        return self._packet(block, number, (high << 32) + low, length)

    def _packet(self, block: bytes, number: int, ticks: int, length: int) -> RawPacket:
        # A broken option loses no packet.
        end = PACKET_HEAD_BYTES + length
        if end > len(block) - 4:
            raise ValueError("longer than its block")
        interface = self._interface_numbered(number)
        options = block[end + -end % 4 : -4]
        return RawPacket(
            interface.nanoseconds(ticks),
            interface.link_type,
            block[PACKET_HEAD_BYTES:end],
            self._comment(options) if options else "",
        )

    def _comment(self, options: bytes) -> str:
        """The first comment of a block (pcapng, 3.5); "" where there is none."""
        while len(options) >= 4:
            code, length = self._number(options[:2]), self._number(options[2:4])
            if code == pcapng.PCAPNG_OPT_COMMENT:
                return options[4 : 4 + length].decode("utf-8", "replace")
            options = options[4 + length + -length % 4 :]
        return ""

    def _simple(self, block: bytes) -> RawPacket:
        """A packet without a time; it belongs to the first interface (pcapng, 4.4)."""
        interface = self._interface_numbered(0)
        content = block[12 : 12 + self._number(block[8:12])][: len(block) - 16]
        snap_length = interface.snap_length or len(content)
        return RawPacket(0, interface.link_type, content[:snap_length])

    def _interface_numbered(self, number: int) -> _Interface:
        if number >= len(self._interfaces):
            raise ValueError("an interface that is not described")
        return self._interfaces[number]
