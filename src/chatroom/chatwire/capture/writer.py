"""The pcapng file that Wireshark opens."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dpkt.pcapng import (
    PCAPNG_OPT_COMMENT,
    PCAPNG_OPT_ENDOFOPT,
    PCAPNG_OPT_IF_NAME,
    PCAPNG_OPT_IF_TSRESOL,
    PCAPNG_OPT_SHB_USERAPPL,
    EnhancedPacketBlockLE,
    InterfaceDescriptionBlockLE,
    PcapngOptionLE,
    SectionHeaderBlockLE,
)

from chatroom.chatwire.capture.synthesis import Comment, Packet, Synthesis
from chatroom.chatwire.passage import Passage

LINKTYPE_RAW = 101
"""Packets begin with the IP header: nothing below it was there to be seen."""
NANOSECONDS = bytes([9])
"""The resolution of times, as the negative power of ten that `if_tsresol` has."""
LONGEST_COMMENT = 0xFFFF
"""Bytes; the length of an option has 16 bits."""
OPENING_COMMENT = (
    "What passed through chatwire, written as TCP packets. Bytes and times are true; headers, "
    "acknowledgements and the server's port are made up. The first packet of each connection "
    "says its true addresses."
)
CUT = " … (cut)"


class CaptureWriter:
    """Writes passages to a file that is a whole capture after every call.

    The path must be one that can be written to; the constructor raises OSError otherwise.
    After that nothing raises: when the file cannot be written any more, say because the disk
    is full, `say` is called once with a sentence, the file is cut back to its last whole
    packet where that is possible, and what follows is dropped.
    """

    def __init__(self, path: str | os.PathLike[str], say: Callable[[str], object]) -> None:
        self.path = Path(path)
        self._say = say
        self._synthesis = Synthesis()
        self._length = 0
        self._broken = False
        # Unbuffered: what is written survives this process, and a full disk is known at once.
        self._file = self.path.open("wb", buffering=0)
        self._write(_opening_blocks())

    def write(self, passage: Passage, comments: Sequence[Comment] = ()) -> None:
        """Append the packets of a passage. Comments belong to a chunk's bytes."""
        if not self._broken:
            packets = self._synthesis.packets(passage, comments)
            self._write(b"".join(map(_packet_block, packets)))

    def close(self) -> None:
        self._broken = True
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, blocks: bytes) -> None:
        rest = memoryview(blocks)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except (OSError, ValueError) as error:
            self._stop(error)
        else:
            self._length += len(blocks)

    def _stop(self, error: OSError | ValueError) -> None:
        self._broken = True
        with contextlib.suppress(OSError, ValueError):
            self._file.truncate(self._length)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._say(
            f"cannot write to {self.path} any more: {reason}; it ends after {self._length} bytes"
        )


def _opening_blocks() -> bytes:
    section = SectionHeaderBlockLE(
        opts=[
            PcapngOptionLE(code=PCAPNG_OPT_COMMENT, text=OPENING_COMMENT),
            PcapngOptionLE(code=PCAPNG_OPT_SHB_USERAPPL, data=b"chatwire"),
            PcapngOptionLE(code=PCAPNG_OPT_ENDOFOPT),
        ]
    )
    interface = InterfaceDescriptionBlockLE(
        linktype=LINKTYPE_RAW,
        snaplen=0,
        opts=[
            PcapngOptionLE(code=PCAPNG_OPT_IF_NAME, data=b"chatwire"),
            PcapngOptionLE(code=PCAPNG_OPT_IF_TSRESOL, data=NANOSECONDS),
            PcapngOptionLE(code=PCAPNG_OPT_ENDOFOPT),
        ],
    )
    return bytes(section) + bytes(interface)


def _packet_block(packet: Packet) -> bytes:
    options = [
        PcapngOptionLE(code=PCAPNG_OPT_COMMENT, text=_fitting(text)) for text in packet.comments
    ]
    if options:
        options.append(PcapngOptionLE(code=PCAPNG_OPT_ENDOFOPT))
    block = EnhancedPacketBlockLE(
        ts_high=packet.time >> 32,
        ts_low=packet.time & 0xFFFFFFFF,
        pkt_data=packet.content,
        opts=options,
    )
    return bytes(block)


def _fitting(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= LONGEST_COMMENT:
        return encoded
    kept = encoded[: LONGEST_COMMENT - len(CUT.encode())].decode("utf-8", "ignore")
    return (kept + CUT).encode()
