"""Header blocks: HPACK (RFC 7541) within bounds, and the rules of RFC 9113, 8.1 to 8.5.

What is written is static or literal, never indexed: the same headers are the same bytes on
every connection, and no table of ours can fall out of step or tell a secret (7541, 7.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from .frames import DEFAULT_TABLE_BYTES, ConnectionFault, ErrorCode
from .limits import Http2Limits

Headers = list[tuple[bytes, bytes]]

TABLE_UPDATE = b"\x20"
"""The first of a block: our table has no bytes from here on (7541, 6.3)."""

_STATIC_NAMES: dict[bytes, int] = {}
_STATIC_FIELDS: dict[tuple[bytes, bytes], int] = {}
for _index, (_name, _value) in enumerate(HeaderTable.STATIC_TABLE, 1):
    _STATIC_NAMES.setdefault(_name, _index)
    if _value:
        _STATIC_FIELDS[_name, _value] = _index

_NEVER_INDEXED = frozenset((b"authorization", b"cookie", b"set-cookie", b"proxy-authorization"))
_CONNECTION_FIELDS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
"""Of HTTP/1.1's connections; malformed in HTTP/2 (8.2.2)."""
_PSEUDO_FIELDS = frozenset((b":method", b":scheme", b":authority", b":path"))
_NAME = re.compile(rb":?[!#$%&'*+\-.^_`|~0-9a-z\x80-\xff]+\Z")
"""Lower case (8.2.1). What is beyond ASCII is for the front to refuse, with a sentence."""
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_NO_URI = re.compile(rb"[^\x21-\x7e]")
_BAD_VALUE = re.compile(rb"[\0\r\n]|\A[ \t]|[ \t]\Z")


class Malformed(Exception):
    """A request or trailers that are none; the sentence says why (8.1.1)."""


class HeaderListTooLong(Exception):
    """A list above what we announced; the block was decoded to its end."""


# ---- Out -------------------------------------------------------------------------------


def _integer(value: int, bits: int, first: int) -> bytes:
    """7541, 5.1: an integer whose first byte has `bits` bits for it beside `first`."""
    most = (1 << bits) - 1
    if value < most:
        return bytes((first | value,))
    out = bytearray((first | most,))
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _string(value: bytes) -> bytes:
    return _integer(len(value), 7, 0) + value


def never_indexed(name: bytes, value: bytes) -> bytes:
    """A field of which its sender asks that nobody keep it in a table (7541, 6.2.3)."""
    return b"\x10" + _string(name) + _string(value)


def table_update(size: int) -> bytes:
    """The first of a block: our table has so many bytes from here on (7541, 6.3)."""
    return _integer(size, 5, 0x20)


def encode(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A block of these fields; names are in lower case."""
    out: list[bytes] = []
    for name, value in headers:
        known = _STATIC_FIELDS.get((name, value))
        if known is not None:
            out.append(_integer(known, 7, 0x80))
            continue
        first = 0x10 if name in _NEVER_INDEXED else 0x00
        index = _STATIC_NAMES.get(name, 0)
        out.append(_integer(index, 4, first))
        if not index:
            out.append(_string(name))
        out.append(_string(value))
    return b"".join(out)


@lru_cache(maxsize=256)
def encode_cached(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """As `encode`, for what is written often."""
    return encode(headers)


# ---- In --------------------------------------------------------------------------------


def _updates(block: bytes) -> int:
    """How many table size updates a block begins with; stops counting above two."""
    count = at = 0
    while count < 3 and block[at : at + 1] and block[at] & 0xE0 == 0x20:
        count += 1
        long = block[at] == 0x3F
        at += 1
        while long and block[at : at + 1]:
            long = block[at] >= 0x80
            at += 1
    return count


class BlockDecoder:
    """One connection's HPACK state, upwards.

    It exists to keep one fact: every block is decoded to its end, or the connection ends,
    so that the table is never out of step.
    """

    __slots__ = ("_decoder", "_limits")

    def __init__(self, limits: Http2Limits) -> None:
        self._limits = limits
        self._decoder = Decoder(max_header_list_size=limits.header_list_end)
        self._decoder.max_allowed_table_size = DEFAULT_TABLE_BYTES

    def decode(self, block: bytes) -> Headers:
        """The fields of a block.

        Raises HeaderListTooLong, and ConnectionFault for what cannot be decoded.
        """
        if _updates(block) > 2:
            # Two are legal (7541, 4.2); 32 KiB of them cost 0.1 s.
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "too many table size updates")
        try:
            headers = [(name, value) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError as error:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, "a header list is longer than this server reads"
            ) from error
        except (HPACKError, ValueError, IndexError) as error:  # IndexError: a block cut short
            raise ConnectionFault(
                ErrorCode.COMPRESSION_ERROR, "a header block cannot be decoded"
            ) from error
        limits = self._limits
        if len([name for name, _ in headers if name[:1] != b":"]) > limits.header_fields:
            raise HeaderListTooLong(f"a request may have {limits.header_fields} header fields")
        if sum([len(name) + len(value) + 32 for name, value in headers]) > limits.header_list:
            raise HeaderListTooLong(f"the header fields may have {limits.header_list} bytes")
        return headers


def check_request(headers: Headers) -> int | None:
    """Check a request's fields (8.2, 8.3); its content-length, None if it has none.

    Raises Malformed.
    """
    pseudo: dict[bytes, bytes] = {}
    host: bytes | None = None
    length: int | None = None
    fields = False
    for name, value in headers:
        if name[:1] == b":":
            if fields:
                raise Malformed("a pseudo-header field follows a header field")
            if name not in _PSEUDO_FIELDS:
                raise Malformed("there is an unknown pseudo-header field")
            if name in pseudo:
                raise Malformed("a pseudo-header field is given twice")
            pseudo[name] = value
            if _BAD_VALUE.search(value):
                raise Malformed("a pseudo-header field has forbidden bytes")
            continue
        fields = True
        _check_field(name, value)
        if name == b"te" and value.lower() != b"trailers":
            raise Malformed("te may only say trailers")
        if name == b"host":
            if host is not None and host != value:
                raise Malformed("there are two hosts")
            host = value
        elif name == b"content-length":
            if not value.isdigit() or len(value) > 18 or (length not in (None, int(value))):
                raise Malformed("content-length is not a length")
            length = int(value)
    if b":method" not in pseudo or not pseudo[b":method"]:
        raise Malformed("a request has no :method")
    if not _METHOD.match(pseudo[b":method"]):
        raise Malformed(":method is not a token")
    authority = pseudo.get(b":authority")
    if authority and (b"@" in authority or _NO_URI.search(authority)):
        raise Malformed(":authority is not a host and a port")
    if pseudo[b":method"] == b"CONNECT":
        if b":scheme" in pseudo or b":path" in pseudo or not authority:
            raise Malformed("CONNECT has :authority alone")
        return length
    path = pseudo.get(b":path")
    if not path or not pseudo.get(b":scheme"):
        raise Malformed("a request has no :scheme or no :path")
    if _NO_URI.search(path):
        raise Malformed(":path has bytes that no URI has")
    if path[:1] != b"/" and not (path == b"*" and pseudo[b":method"] == b"OPTIONS"):
        raise Malformed(":path does not begin with a slash")
    if host is not None and authority and host.lower() != authority.lower():
        raise Malformed("host is unlike :authority")
    return length


def check_trailers(headers: Headers, *, end: bool) -> None:
    """Check what comes after a request's body, and ends it (8.1); raises Malformed."""
    if not end:
        raise Malformed("trailers do not end the stream")
    for name, value in headers:
        if name[:1] == b":":
            raise Malformed("trailers have a pseudo-header field")
        _check_field(name, value)


def _check_field(name: bytes, value: bytes) -> None:
    if not _NAME.match(name):
        raise Malformed("a field name is not a token in lower case")
    if name in _CONNECTION_FIELDS:
        raise Malformed(f"{name.decode()} is a field of HTTP/1.1's connections")
    if _BAD_VALUE.search(value):
        raise Malformed("a field value has forbidden bytes")
