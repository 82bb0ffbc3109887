"""Captures read back as passages."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from chatroom.chatwire.capture.blocks import BrokenCapture, RawPacket, read_packets
from chatroom.chatwire.capture.conversations import Conversations
from chatroom.chatwire.capture.layers import LeftOut
from chatroom.chatwire.capture.segments import Segment, segment_of
from chatroom.chatwire.passage import Passage

if TYPE_CHECKING:
    from io import BufferedReader

GZIP_MAGIC = b"\x1f\x8b"
KINDS = 1000
"""Of packets without TCP that are counted; the rest is not named."""
NAMED = 3
"""Of these that are named, those with the most packets."""


def _unheard(sentence: str) -> None:
    pass


def read_capture(
    source: str | os.PathLike[str] | BufferedReader,
    *,
    server_ports: Iterable[int] = (),
    say: Callable[[str], object] = _unheard,
) -> Iterator[Passage]:
    """The passages of every TCP connection in a pcapng or pcap file, perhaps gzipped.

    From a pipe they come as soon as their packets do.

    `server_ports`, if any, leave out connections with none of these ports. `say` is called
    with a sentence about what is left out. Raises OSError when the file cannot be read,
    and BrokenCapture, after everything before it has been yielded, where the file is cut
    short or damaged.
    """
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield from read_capture(file, server_ports=server_ports, say=say)
        return
    zipped = source.peek(2)[:2] == GZIP_MAGIC
    plain = cast("BinaryIO", gzip.GzipFile(fileobj=source)) if zipped else source
    yield from _passages(_unzipped(read_packets(plain)), frozenset(server_ports), say)


def _unzipped(packets: Iterator[RawPacket]) -> Iterator[RawPacket]:
    """The packets; what gzip has to say about a damaged file in the words of this package."""
    try:
        yield from packets
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BrokenCapture("the gzip file is cut short or damaged") from error


def _passages(
    packets: Iterator[RawPacket], server_ports: frozenset[int], say: Callable[[str], object]
) -> Iterator[Passage]:
    conversations = Conversations(server_ports)
    left_out = LeftOver()
    broken: BrokenCapture | None = None
    try:
        for packet in packets:
            try:
                segment = segment_of(packet)
            except LeftOut as error:
                left_out.add(error)
                continue
            if _wanted(segment, server_ports):
                yield from conversations.segment(segment)
    except BrokenCapture as error:
        broken = error
    yield from conversations.rest()
    for sentence in left_out.perhaps_tcp():
        say(sentence)
    if broken is not None:
        raise broken
    if conversations.count == 0:
        on_ports = f" on port {', '.join(map(str, sorted(server_ports)))}" if server_ports else ""
        say(f"no TCP connection{on_ports} {left_out.instead()}")


class LeftOver:
    """Counts the packets that have no TCP segment that can be read."""

    def __init__(self) -> None:
        self._perhaps: Counter[tuple[str, str]] = Counter()
        self._others: Counter[str] = Counter()

    def add(self, packet: LeftOut) -> None:
        """One more."""
        if packet.way_out:
            self._perhaps[packet.what, packet.way_out] += 1
        elif packet.what in self._others or len(self._others) < KINDS:
            self._others[packet.what] += 1

    def perhaps_tcp(self) -> Iterator[str]:
        """A sentence for each kind of packet that may have TCP in it."""
        for (what, way_out), count in self._perhaps.items():
            yield f"{what} ({count:,} left out); {way_out}"

    def instead(self) -> str:
        """What is true where no connection was found."""
        if self._perhaps:
            return "can be read in it"
        most = [f"{what} ({count:,})" for what, count in self._others.most_common(NAMED)]
        return "is in it" + (f"; in it are {', '.join(most)}" if most else "")


def _wanted(segment: Segment, server_ports: frozenset[int]) -> bool:
    ports = {segment.source[1], segment.destination[1]}
    return not server_ports or not server_ports.isdisjoint(ports)
