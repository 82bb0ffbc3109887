"""What a server has sent, told frame by frame, with decoded headers."""

from __future__ import annotations

from dataclasses import dataclass, field

from hpack import Decoder

from .frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HEADER_BYTES,
    LARGEST_STREAM_ID,
    PRIORITY,
    Kind,
    unpack_header,
    unpadded,
)
from .headers import Headers

_LONGEST_LIST = 1 << 20
"""Bytes of a header list that a server may send to us."""


@dataclass(slots=True)
class Frame:
    """One frame that has come; a header block is one, however many frames it took."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes
    """Without padding; of a header block the whole block."""
    headers: Headers = field(default_factory=list)
    """Of HEADERS, in their order."""
    flow_bytes: int = 0
    """What DATA took of the windows, padding included."""

    @property
    def end(self) -> bool:
        """Whether it ends its stream."""
        return self.kind in (Kind.DATA, Kind.HEADERS) and bool(self.flags & END_STREAM)

    @property
    def ack(self) -> bool:
        """Whether it is the answer to SETTINGS or PING."""
        return self.kind in (Kind.SETTINGS, Kind.PING) and bool(self.flags & ACK)

    @property
    def code(self) -> int:
        """The error code of RST_STREAM or GOAWAY."""
        begin = 4 if self.kind == Kind.GOAWAY else 0
        return int.from_bytes(self.payload[begin : begin + 4], "big")

    @property
    def debug(self) -> bytes:
        """What GOAWAY says beside its code."""
        return self.payload[8:]

    @property
    def number(self) -> int:
        """The increment of WINDOW_UPDATE; the last stream id of GOAWAY."""
        return int.from_bytes(self.payload[:4], "big") & LARGEST_STREAM_ID


class FrameReader:
    """One direction of a connection: bytes in, frames out. It answers nothing and counts nothing.

    What a client sends can be read as well, from behind its preface.
    """

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=_LONGEST_LIST)
        self._rest = b""
        self._block: Frame | None = None

    def receive_data(self, data: bytes) -> list[Frame]:
        """Take bytes; the frames that they complete.

        Raises HPACKError, ConnectionFault for frames that are none.
        """
        data = self._rest + data
        at, came = 0, []
        while len(data) - at >= HEADER_BYTES:
            high, low, kind, flags, stream_id = unpack_header(data, at)
            end = at + HEADER_BYTES + (high << 8 | low)
            if end > len(data):
                break
            frame = Frame(kind, flags, stream_id & LARGEST_STREAM_ID, data[at + HEADER_BYTES : end])
            at = end
            whole = self._whole(frame)
            if whole is not None:
                came.append(whole)
        self._rest = data[at:]
        return came

    def _whole(self, frame: Frame) -> Frame | None:
        """The frame without its padding; None while the block of its headers goes on."""
        kind = frame.kind
        if kind == Kind.CONTINUATION and self._block is not None:
            self._block.payload += frame.payload
            self._block.flags |= frame.flags & END_HEADERS
            return self._headers_over()
        if kind == Kind.HEADERS:
            frame.payload = unpadded(frame.flags, frame.payload)
            if frame.flags & PRIORITY:
                frame.payload = frame.payload[5:]
            self._block = frame
            return self._headers_over()
        if kind == Kind.DATA:
            frame.flow_bytes = len(frame.payload)
            frame.payload = unpadded(frame.flags, frame.payload)
        return frame

    def _headers_over(self) -> Frame | None:
        block = self._block
        if block is None or not block.flags & END_HEADERS:
            return None
        self._block = None
        block.headers = [(name, value) for name, value in self._decoder.decode(block.payload, True)]
        return block
