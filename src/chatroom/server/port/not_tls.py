"""Those who come to a port with TLS and do not speak it: what they hear, and what is logged."""

from __future__ import annotations

from typing import NamedTuple

from .proxied import unasked

KNOWN_BY = 5
"""Bytes by which OpenSSL, and `without_tls`, tell what is spoken: a record's header."""

_HANDSHAKE_RECORD = 0x16
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE", b"CONNECT", b"OPTION", b"PATCH ")
_SENTENCE = b"This port wants TLS. Try https, or gRPC with TLS.\n"

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: text/plain\r\n"
    b"content-length: %d\r\n"
    b"connection: close\r\n\r\n%b" % (len(_SENTENCE), _SENTENCE)
)
_ALERT = b"\x15\x03\x03\0\x02\x02\x46"
"""protocol_version, fatal (RFC 8446, 6.2): OpenSSL closes without a word."""


class Stranger(NamedTuple):
    """Somebody who does not speak TLS."""

    spoke: str
    answer: bytes


def without_tls(first: bytes) -> Stranger | None:
    """Who begins with these bytes, KNOWN_BY of them or more; None: it is TLS.

    HTTP/2 is only closed. After SETTINGS and GOAWAY grpc tries again without a pause, and a
    400 it takes for a server that knows no HTTP/2; a connection that is closed at once makes
    it wait, and people think of TLS.
    """
    if first.startswith(b"PRI *"):
        return Stranger("HTTP/2 without TLS", b"")
    if any(method.startswith(first[:KNOWN_BY]) or first.startswith(method) for method in _METHODS):
        return Stranger("HTTP/1.1 without TLS", _BAD_REQUEST)
    if (spoke := unasked(first)) is not None:
        return Stranger(spoke, b"")
    if first[0] != _HANDSHAKE_RECORD:
        return Stranger("something that is not TLS", _ALERT)
    return None
