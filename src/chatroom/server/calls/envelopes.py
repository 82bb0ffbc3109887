"""Envelopes upwards: from the bytes of a request body to its messages.

Does no I/O. Sources: gRPC over HTTP/2, "Length-Prefixed-Message"; gRPC compression.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from .encode import ENVELOPE_HEADER_BYTES
from .statuses import Code, EnvelopeInvalid, MessageTooLarge

ENCODINGS = (b"identity", b"gzip")
"""What `grpc-encoding` may say; also the value of `grpc-accept-encoding`."""

_GZIP_WBITS = 31


class EnvelopeReader:
    """Cuts a request body into messages.

    It exists to keep one fact: of a message above `limit` bytes nothing is kept, not
    as it comes and not as it is decompressed.
    """

    __slots__ = ("_buffer", "_encoding", "_limit")

    def __init__(self, encoding: bytes, limit: int) -> None:
        """`encoding` is the value of `grpc-encoding`, empty if there is none.

        Raises EnvelopeInvalid (UNIMPLEMENTED) for an encoding that is not known.
        """
        if encoding and encoding not in ENCODINGS:
            raise EnvelopeInvalid(
                f"the encoding {encoding.decode('latin-1')!r} is not known here; "
                "identity and gzip are",
                Code.UNIMPLEMENTED,
            )
        self._encoding = encoding
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterable[bytes]:
        """The messages that `data` completes. Raises EnvelopeInvalid, MessageTooLarge."""
        size = len(data) - ENVELOPE_HEADER_BYTES
        if (
            not self._buffer
            and 0 <= size <= self._limit
            and data[:ENVELOPE_HEADER_BYTES] == size.to_bytes(ENVELOPE_HEADER_BYTES, "big")
        ):
            return (data[ENVELOPE_HEADER_BYTES:],)  # one whole message: what people send
        return self._cut(data)

    def _cut(self, data: bytes) -> Iterator[bytes]:
        buffer = self._buffer
        buffer += data
        start = 0
        end = len(buffer)
        try:
            while end - start >= ENVELOPE_HEADER_BYTES:
                flags = buffer[start]
                begin = start + ENVELOPE_HEADER_BYTES
                size = int.from_bytes(buffer[start + 1 : begin], "big")
                if flags > 1:
                    raise EnvelopeInvalid(f"an envelope has unknown flags 0x{flags:02x}")
                if size > self._limit:
                    raise MessageTooLarge(size, self._limit)
                if end - begin < size:
                    break
                start = begin + size
                message = bytes(buffer[begin:start])
                yield self._decompressed(message) if flags else message
        finally:
            del buffer[:start]

    def end(self) -> None:
        """The body is over; raises EnvelopeInvalid if it ended within a message."""
        if self._buffer:
            raise EnvelopeInvalid("the stream ended in the middle of a message")

    def _decompressed(self, message: bytes) -> bytes:
        if self._encoding != b"gzip":
            raise EnvelopeInvalid(
                "a message is compressed, but grpc-encoding names no compression", Code.INTERNAL
            )
        inflate = zlib.decompressobj(_GZIP_WBITS)
        try:
            data = inflate.decompress(message, self._limit + 1)
        except zlib.error as error:
            raise EnvelopeInvalid(f"a message is not valid gzip: {error}") from error
        if len(data) > self._limit:
            raise MessageTooLarge(len(data), self._limit)
        if not inflate.eof:
            raise EnvelopeInvalid("a message is not valid gzip: it is incomplete")
        if inflate.unused_data:
            raise EnvelopeInvalid("a message is not valid gzip: something follows it")
        return data
