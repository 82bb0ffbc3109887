"""The payload of one frame, by hyperframe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hyperframe.frame import Frame as ParsedFrame

from chatroom.chatwire.decode.framing import HEADER
from chatroom.chatwire.decode.records import Precedence
from chatroom.wire.http2.frames import LARGEST_WINDOW, PADDED

if TYPE_CHECKING:
    from chatroom.chatwire.decode.framing import RawFrame


DATA, PING, WINDOW_UPDATE = 0, 6, 8
"""Types of frames (RFC 9113, section 6)."""


class Content(NamedTuple):
    """Of DATA without padding."""

    data: bytes
    pad_length: int = 0


class Increment(NamedTuple):
    """Of WINDOW_UPDATE."""

    window_increment: int


class Opaque(NamedTuple):
    """Of PING."""

    opaque_data: bytes


def parsed(raw: RawFrame) -> Any:
    """The frame with its fields. Raises HyperframeError, which says what is wrong.

    What is right and most frequent is read here: hyperframe takes five times as long for it.
    """
    payload = raw.payload
    if payload is not None:
        if raw.type == DATA and raw.stream and not raw.flag_bits & PADDED:
            return Content(payload)
        if raw.type == WINDOW_UPDATE and raw.length == 4:
            increment = int.from_bytes(payload, "big")
            if 0 < increment <= LARGEST_WINDOW:
                return Increment(increment)
        elif raw.type == PING and raw.length == 8 and not raw.stream:
            return Opaque(payload)
    header = HEADER.pack(raw.length >> 8, raw.length & 0xFF, raw.type, raw.flag_bits, raw.stream)
    frame, _ = ParsedFrame.parse_frame_header(memoryview(header))
    frame.parse_body(memoryview(raw.payload or b""))
    return frame


def precedence_of(frame: Any) -> Precedence:
    """The priority fields that HEADERS and PRIORITY share. The weight is 1 to 256."""
    return Precedence(
        depends_on=frame.depends_on, weight=frame.stream_weight + 1, exclusive=frame.exclusive
    )
