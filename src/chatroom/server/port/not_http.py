"""Those who come to a port without speaking HTTP: what they probably speak, for the log."""

from __future__ import annotations

from .http1_requests import BadRequest, Flood, NotHttp
from .notices import Kind, Notices

SHOWN_BYTES = 16
_PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"
"""The PROXY protocol, version 2, begins so (HAProxy's proxy-protocol.txt, 2.2)."""


def likely(first: bytes) -> str:
    """What bytes are, by the first of them."""
    if first[:2] == b"\x16\x03":  # a handshake record (RFC 8446, 5.1)
        return "TLS, and this port has no certificate"
    if first.startswith((b"PROXY ", _PROXY_2)):
        return "the PROXY protocol"
    return f"bytes that begin with {first[:SHOWN_BYTES]!r}"


def tell(bad: BadRequest, peer: object, notices: Notices) -> None:
    """Tell the operator of a refusal that is no answer to a request."""
    if isinstance(bad, NotHttp):
        notices.tell(Kind.NOT_HTTP, peer, f"speaks no HTTP: {likely(bad.piece)}")
    elif isinstance(bad, Flood):
        notices.tell(Kind.FLOOD, peer, f"cut off: {bad.reason}")
