"""Those who come to a port without speaking HTTP: what they probably speak, for the log."""

from __future__ import annotations

from .http1_requests import BadRequest, Flood, NotHttp
from .notices import Kind, Notices
from .proxied import unasked

SHOWN_BYTES = 16


def likely(first: bytes) -> tuple[Kind, str]:
    """What bytes are, by the first of them."""
    if first[:2] == b"\x16\x03":  # a handshake record (RFC 8446, 5.1)
        return Kind.UNASKED, "TLS, and this port has no certificate"
    header = unasked(first)
    if header:
        return Kind.UNASKED, header
    return Kind.NOT_HTTP, f"bytes that begin with {first[:SHOWN_BYTES]!r}"


def tell(bad: BadRequest, peer: object, notices: Notices) -> None:
    """Tell the operator of a refusal that is no answer to a request."""
    if isinstance(bad, NotHttp):
        kind, what = likely(bad.piece)
        notices.tell(kind, peer, f"speaks no HTTP: {what}")
    elif isinstance(bad, Flood):
        notices.tell(Kind.FLOOD, peer, f"cut off: {bad.reason}")
