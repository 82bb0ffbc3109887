"""Envelopes: messages in a body, written and cut.

An envelope is one byte of flags, four of length, then the message (gRPC over HTTP/2,
"Length-Prefixed-Message"; gRPC compression). gRPC, gRPC-Web and Connect have the same;
their other flags (the last two mark an end with 0x80 and 0x02) are their own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

HEAD_BYTES = 5
"""Of an envelope, before its message."""
COMPRESSED = 0x01
"""The flag of a message that is compressed as the call's headers say."""

ENCODINGS = (b"identity", b"gzip")
"""What `grpc-encoding` may say; also the value of `grpc-accept-encoding`."""

GZIP_MEMBERS = 32
"""Members of one message in gzip. Usual is one, a program that joins files makes some; each
costs 7 µs, and 64 KiB have room for 3,276 empty ones."""
_GZIP_LEVEL = 6  # zlib's own choice between speed and size
_GZIP_MAGIC = b"\x1f\x8b"
_WBITS = {"gzip": 31, "deflate": 15}
"""How zlib is told of a form: 31 with the head of gzip (RFC 1952); 15 with that of zlib,
which HTTP calls deflate (RFC 1950)."""


class EnvelopeError(Exception):
    """What a body carries is not a run of envelopes; the sentence is for its sender."""


class FlagsUnknown(EnvelopeError):
    """An envelope begins with flags that mean nothing here."""

    def __init__(self, flags: int) -> None:
        super().__init__(f"an envelope has unknown flags 0x{flags:02x}")
        self.flags = flags


class MessageTooLong(EnvelopeError):
    """A message has more bytes than are taken, as it came or decompressed."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a message may have {limit} bytes; this one has {size} or more")
        self.size = size
        self.limit = limit


class CutShort(EnvelopeError):
    """A body ends within an envelope."""

    def __init__(self) -> None:
        super().__init__("the stream ended in the middle of a message")


class EncodingUnknown(EnvelopeError):
    """A body is said to be compressed in a way that is not known here."""

    def __init__(self, encoding: bytes) -> None:
        name = encoding.decode("latin-1")
        super().__init__(f"the encoding {name!r} is not known here; identity and gzip are")
        self.encoding = encoding


class EncodingMissing(EnvelopeError):
    """An envelope is marked as compressed, and nothing says how."""

    def __init__(self) -> None:
        super().__init__("a message is compressed, but grpc-encoding names no compression")


class CompressionInvalid(EnvelopeError):
    """Bytes do not decompress; `problem` is zlib's, or what is wrong at their end."""

    def __init__(self, encoding: str, problem: str) -> None:
        super().__init__(f"a message is not valid {encoding}: {problem}")
        self.encoding = encoding
        self.problem = problem


INCOMPLETE = "it is incomplete"
FOLLOWED = "something follows it"
MEMBERS = f"it has more than {GZIP_MEMBERS} members"


def envelope(message: bytes, flags: int = 0) -> bytes:
    """Put a message into its envelope, as it is."""
    return (flags << 32 | len(message)).to_bytes(HEAD_BYTES, "big") + message


def compressed(message: bytes) -> bytes:
    """Compress a message with gzip and put it into its envelope."""
    return envelope(gzip(message), COMPRESSED)


def payload(enveloped: bytes) -> bytes:
    """The message of one envelope."""
    return enveloped[HEAD_BYTES:]


def payloads(chunk: bytes) -> list[bytes]:
    """The messages of a run of whole envelopes."""
    found: list[bytes] = []
    start = 0
    while start < len(chunk):  # not `cut`: this is done for every member of gRPC-Web and Connect
        begin = start + HEAD_BYTES
        start = begin + int.from_bytes(chunk[begin - 4 : begin], "big")
        found.append(chunk[begin:start])
    return found


def head(octets: bytes | bytearray, at: int = 0) -> tuple[int, int]:
    """Flags and length, in bytes, of the envelope whose five bytes of head begin at `at`."""
    return octets[at], int.from_bytes(octets[at + 1 : at + HEAD_BYTES], "big")


def cut(octets: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Flags, begin and end of each message whose envelope is whole."""
    start, size = 0, len(octets)
    while size - start >= HEAD_BYTES:
        flags, length = head(octets, start)
        begin = start + HEAD_BYTES
        start = begin + length
        if start > size:
            return
        yield flags, begin, start


def whole(octets: bytes) -> bool:
    """Whether these bytes are one or more messages in envelopes, and nothing else."""
    end = 0
    for flags, _, after in cut(octets):
        if flags & ~COMPRESSED:
            return False
        end = after
    return 0 < end == len(octets)


def gzip_in_parts() -> zlib._Compress:
    """What compresses as `gzip` does, for a message that is not made at once."""
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _WBITS["gzip"])


def gzip(message: bytes) -> bytes:
    """Compress a message as `grpc-encoding: gzip` says (RFC 1952)."""
    deflate = gzip_in_parts()
    return deflate.compress(message) + deflate.flush()


def decompressed(octets: bytes, encoding: str, limit: int) -> bytes:
    """What was compressed with gzip or deflate; at most `limit` bytes are ever held.

    Of no bytes it is none: some senders mark an empty message as compressed and leave it as
    it is, and Connect forbids to decompress that ("Unary-Request"). gzip may have several
    members, one behind the other (RFC 1952, section 2.2).

    Raises MessageTooLong, CompressionInvalid; KeyError for another encoding.
    """
    wbits = _WBITS[encoding]
    plain = b""
    members = 0
    while octets:
        if members and not (encoding == "gzip" and octets.startswith(_GZIP_MAGIC)):
            raise CompressionInvalid(encoding, FOLLOWED)
        if members == GZIP_MEMBERS:
            raise CompressionInvalid(encoding, MEMBERS)
        inflate = zlib.decompressobj(wbits)
        try:
            plain += inflate.decompress(octets, limit + 1 - len(plain))
        except zlib.error as error:
            raise CompressionInvalid(encoding, str(error)) from error
        if len(plain) > limit:
            raise MessageTooLong(len(plain), limit)
        if not inflate.eof:
            raise CompressionInvalid(encoding, INCOMPLETE)
        octets = inflate.unused_data
        members += 1
    return plain


class EnvelopeReader:
    """Cuts a request body into messages.

    It exists to keep one fact: of a message above `limit` bytes nothing is kept, not
    as it comes and not as it is decompressed.
    """

    __slots__ = ("_buffer", "_encoding", "_limit")

    def __init__(self, encoding: bytes, limit: int) -> None:
        """`encoding` is the value of `grpc-encoding`, empty if there is none.

        Raises EncodingUnknown.
        """
        if encoding and encoding not in ENCODINGS:
            raise EncodingUnknown(encoding)
        self._encoding = encoding
        self._limit = limit
        self._buffer = bytearray()

    @property
    def between(self) -> bool:
        """Whether what comes next begins an envelope: nothing is kept of one."""
        return not self._buffer

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes; take them before feeding again.

        Raises EnvelopeError, after the messages before what is wrong.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        end = len(buffer)
        try:
            while end - start >= HEAD_BYTES:
                flags = buffer[start]  # not `head`: a call for each message costs a third
                begin = start + HEAD_BYTES
                size = int.from_bytes(buffer[start + 1 : begin], "big")
                if flags & ~COMPRESSED:
                    raise FlagsUnknown(flags)
                if size > self._limit:
                    raise MessageTooLong(size, self._limit)
                if end - begin < size:
                    break
                start = begin + size
                message = bytes(buffer[begin:start])
                yield self._decompressed(message) if flags else message
        finally:
            del buffer[:start]

    def end(self) -> None:
        """The body is over; raises CutShort if it ended within a message."""
        if self._buffer:
            raise CutShort

    def _decompressed(self, message: bytes) -> bytes:
        if self._encoding != b"gzip":
            raise EncodingMissing
        return decompressed(message, "gzip", self._limit)
