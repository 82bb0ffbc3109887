"""Bytes that no client library would send: frames of any length, header blocks by hand."""

from __future__ import annotations

import functools
import struct

from bench.http2_frames import (
    END_HEADERS,
    END_STREAM,
    HEADER,
    HEADERS,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    request_headers,
)

PRIORITY_FRAME = 2
"""The type of the frame; `PRIORITY` of http2_frames is a flag of HEADERS."""
UNKNOWN_FRAME = 0xBB

SETTINGS_HEADER_TABLE_SIZE, SETTINGS_INITIAL_WINDOW_SIZE = 1, 4

NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR = 0, 1, 3, 6
CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 8, 9, 11

MOST = 2**31 - 1
AUTHORITY = "127.0.0.1"


block = functools.cache(request_headers)
"""The header block of a gRPC call (a path, an authority), made once."""


def headers(stream: int, path: str, *, end: bool = False, more: bytes = b"") -> bytes:
    """HEADERS of a gRPC call, with `more` of a header block behind its own."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(HEADERS, flags, stream, block(path, AUTHORITY) + more)


def reset(stream: int, code: int = CANCEL) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def frame_header(length: int, kind: int, flags: int, stream: int) -> bytes:
    """The first 9 bytes of a frame of any length, which may never follow."""
    return HEADER.pack(length << 8 | kind, flags, stream)


def integer(value: int, prefix_bits: int, pattern: int = 0) -> bytes:
    """An integer of HPACK (RFC 7541, 5.1); `pattern` is what stands before the prefix."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([pattern | value])
    octets = [pattern | most]
    value -= most
    while value >= 128:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])


def literal(name: bytes, value: bytes, *, indexed: bool = False) -> bytes:
    """A field with a new name (RFC 7541, 6.2), no Huffman code; `indexed` enters the table."""
    start = b"\x40" if indexed else b"\x00"
    return start + integer(len(name), 7) + name + integer(len(value), 7) + value
