"""HTTP/2 frames as bytes (RFC 9113)."""

from __future__ import annotations

import functools
import struct

from hpack import Encoder, NeverIndexedHeaderTuple

from bench.sockets import WireError as WireError  # part of this file's vocabulary

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER = struct.Struct(">IBI")
"""A frame header: length (24 bits) and type (8 bits) in one number, flags, stream."""
HEADER_BYTES = 9
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
CONTINUATION = 9
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20
INITIAL_WINDOW_SIZE = 0x4
MAX_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65_535
FRAME_LIMIT = 16_384
"""Bytes of the largest frame that we accept: the default of RFC 9113."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload) << 8 | kind, flags, stream) + payload


@functools.lru_cache
def request_headers(path: str, authority: str) -> bytes:
    """The header block of a gRPC call, valid on any stream: it touches no dynamic table."""
    return Encoder().encode(
        [
            NeverIndexedHeaderTuple(name, value)
            for name, value in (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", path),
                (":authority", authority),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                ("user-agent", "chatroom-bench"),
            )
        ]
    )
