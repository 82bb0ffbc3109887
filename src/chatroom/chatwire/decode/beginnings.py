"""How connections begin, by protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.framing import HEADER_BYTES, header_at, plausible
from chatroom.chatwire.decode.records import Kind, Undecoded

if TYPE_CHECKING:
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.passage import Side

TLS = b"\x16\x03"
"""How a TLS handshake begins (RFC 8446, section 5.1)."""
NOTHING_KNOWN = "bytes that are neither HTTP/2 nor HTTP/1.1"
FIRST_FRAME_LIMIT = 16384
"""SETTINGS_MAX_FRAME_SIZE before anything else is announced (RFC 9113, section 6.5.2)."""


def what_it_is(beginning: bytes) -> str:
    """Words for bytes that are not decoded."""
    if beginning.startswith(TLS):
        return "TLS, which cannot be read here; --tls has the tap speak it on both sides"
    return NOTHING_KNOWN


def too_little(record: Recording, sender: Side, count: int) -> None:
    """Say of the bytes before a hole that they are not enough to know what they are."""
    record(
        sender,
        Kind.BYTES,
        length=count,
        detail=Undecoded(count=count),
        notes=("too little before a hole to know what it is",),
    )


def settings_begin(beginning: bytearray) -> bool:
    """Whether these bytes, at least HEADER_BYTES, begin with SETTINGS that acknowledge nothing.

    That is the connection preface of a server (RFC 9113, section 3.4), which may send it
    before the client has said anything.
    """
    assert len(beginning) >= HEADER_BYTES
    first = header_at(beginning, 0)
    return first.kind is Kind.SETTINGS and not first.flags and plausible(first, FIRST_FRAME_LIMIT)
