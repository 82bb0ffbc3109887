"""Frames: how they are laid out, and how each kind is written (RFC 9113, section 4 and 6)."""

from __future__ import annotations

import enum
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (3.4)."""
HEADER_BYTES = 9
MAX_FRAME_BYTES = 16_384
"""The payload that every endpoint takes (4.2); we announce no more, and send no more."""
DEFAULT_WINDOW = 65_535
LARGEST_WINDOW = (1 << 31) - 1
LARGEST_STREAM_ID = (1 << 31) - 1
DEFAULT_TABLE_BYTES = 4096

unpack_header = struct.Struct(">HBBBL").unpack_from
"""(length >> 8, length & 255, kind, flags, stream id with its reserved bit)."""
unpack_word = struct.Struct(">LBL").unpack_from
"""(length << 8 | kind, flags, stream id with its reserved bit)."""


class Kind(enum.IntEnum):
    """The types of frames (section 6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20


class ErrorCode(enum.IntEnum):
    """Why a stream or a connection ends (section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(enum.IntEnum):
    """What SETTINGS may say (6.5.2)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ConnectionFault(Exception):
    """The peer broke a rule that ends the connection (5.4.1)."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        """For GOAWAY's debug data and the log: a sentence without a full stop."""


class StreamFault(Exception):
    """The peer broke a rule that ends one stream (5.4.2)."""

    def __init__(self, stream_id: int, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.stream_id = stream_id
        self.code = code
        self.reason = reason


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """A whole frame; the payload has at most `MAX_FRAME_BYTES`."""
    return b"%b%c%c%b%b" % (
        len(payload).to_bytes(3, "big"),
        kind,
        flags,
        stream_id.to_bytes(4, "big"),
        payload,
    )


def data_prefix(size: int) -> bytes:
    """The first five bytes of a DATA frame of `size` bytes that does not end its stream."""
    return size.to_bytes(3, "big") + b"\0\0"


def data(stream_id: int, payload: bytes, *, end: bool = False) -> bytes:
    """A DATA frame (6.1)."""
    return frame(Kind.DATA, END_STREAM if end else 0, stream_id, payload)


def headers(stream_id: int, block: bytes, *, end: bool = False) -> bytes:
    """HEADERS, and CONTINUATION as far as the block needs it (6.2, 6.10)."""
    first, rest = block[:MAX_FRAME_BYTES], block[MAX_FRAME_BYTES:]
    flags = END_STREAM if end else 0
    if not rest:
        return frame(Kind.HEADERS, flags | END_HEADERS, stream_id, first)
    parts = [frame(Kind.HEADERS, flags, stream_id, first)]
    while rest:
        part, rest = rest[:MAX_FRAME_BYTES], rest[MAX_FRAME_BYTES:]
        parts.append(frame(Kind.CONTINUATION, 0 if rest else END_HEADERS, stream_id, part))
    return b"".join(parts)


def rst_stream(stream_id: int, code: int) -> bytes:
    """The end of a stream (6.4)."""
    return frame(Kind.RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))


def settings(*values: tuple[int, int]) -> bytes:
    """SETTINGS (6.5)."""
    payload = b"".join([struct.pack(">HL", key, value) for key, value in values])
    return frame(Kind.SETTINGS, 0, 0, payload)


SETTINGS_ACK = frame(Kind.SETTINGS, ACK, 0)


def ping(opaque: bytes, *, ack: bool = False) -> bytes:
    """PING with its eight bytes (6.7)."""
    return frame(Kind.PING, ACK if ack else 0, 0, opaque)


def goaway(last_stream_id: int, code: int, debug: bytes = b"") -> bytes:
    """GOAWAY (6.8)."""
    return frame(Kind.GOAWAY, 0, 0, struct.pack(">LL", last_stream_id, code) + debug)


def window_update(stream_id: int, increment: int) -> bytes:
    """More window for a stream, or for the connection (6.9)."""
    return frame(Kind.WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def settings_of(payload: bytes) -> list[tuple[int, int]]:
    """The values of SETTINGS in their order; raises ConnectionFault for a torn one."""
    if len(payload) % 6:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS is not of whole values")
    return list(struct.iter_unpack(">HL", payload))


def unpadded(flags: int, payload: bytes) -> bytes:
    """DATA or HEADERS without its padding (6.1); raises ConnectionFault if it is too long."""
    if not flags & PADDED:
        return payload
    if not payload:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a padded frame has no pad length")
    padding = payload[0]
    if padding >= len(payload):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "padding is longer than its frame")
    return payload[1 : len(payload) - padding]
