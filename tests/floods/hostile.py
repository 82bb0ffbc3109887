"""Bytes that no client library would send: frames of any length, header blocks by hand."""

from __future__ import annotations

from chatroom.wire.grpc import request_headers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import END_HEADERS, END_STREAM, Kind
from chatroom.wire.http2.headers import encode_cached

UNKNOWN_FRAME = 0xBB
AUTHORITY = "127.0.0.1"


def block(path: str) -> bytes:
    """The header block of a gRPC call; it touches no table."""
    return encode_cached(request_headers(path, AUTHORITY))


def headers(stream: int, path: str, *, end: bool = False, more: bytes = b"") -> bytes:
    """HEADERS of a gRPC call, in one frame, with `more` of a header block behind its own."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frames.frame(Kind.HEADERS, flags, stream, block(path) + more)


def frame_header(length: int, kind: int, flags: int, stream: int) -> bytes:
    """The first 9 bytes of a frame of any length, which may never follow."""
    return length.to_bytes(3, "big") + frames.frame(kind, flags, stream)[3:]


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
