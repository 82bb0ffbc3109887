"""The payload of one frame, by hyperframe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperframe.frame import Frame as ParsedFrame

from chatroom.chatwire.decode.framing import HEADER
from chatroom.chatwire.decode.records import Precedence

if TYPE_CHECKING:
    from typing import Any

    from chatroom.chatwire.decode.framing import RawFrame


def parsed(raw: RawFrame) -> ParsedFrame:
    """The frame with its fields. Raises HyperframeError, which says what is wrong."""
    header = HEADER.pack(raw.length >> 8, raw.length & 0xFF, raw.type, raw.flag_bits, raw.stream)
    frame, _ = ParsedFrame.parse_frame_header(memoryview(header))
    frame.parse_body(memoryview(raw.payload or b""))
    return frame


def precedence_of(frame: Any) -> Precedence:
    """The priority fields that HEADERS and PRIORITY share. The weight is 1 to 256."""
    return Precedence(
        depends_on=frame.depends_on, weight=frame.stream_weight + 1, exclusive=frame.exclusive
    )
