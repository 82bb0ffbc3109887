"""What SETTINGS may say (RFC 9113, section 6.5.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.flow import LARGEST_WINDOW
from chatroom.chatwire.decode.names import setting_name

if TYPE_CHECKING:
    from chatroom.chatwire.passage import Side

SMALLEST_FRAME_LIMIT = 1 << 14
LARGEST_FRAME_LIMIT = (1 << 24) - 1


def named(payload: bytes) -> tuple[tuple[str, int], ...]:
    """Names and values, in their order, of a payload of whole settings."""
    pairs = struct.iter_unpack(">HL", payload)
    return tuple((setting_name(number), value) for number, value in pairs)


def what_is_wrong(name: str, value: int, sender: Side) -> str:
    """The rule that a value breaks; "" for none."""
    if name == "ENABLE_PUSH" and value not in (0, 1):
        return f"ENABLE_PUSH={value}, not 0 or 1: PROTOCOL_ERROR (RFC 9113, 6.5.2)"
    if name == "ENABLE_PUSH" and value and sender == "server":
        return "a server that enables push: PROTOCOL_ERROR (RFC 9113, 6.5.2)"
    if name == "INITIAL_WINDOW_SIZE" and value > LARGEST_WINDOW:
        return f"INITIAL_WINDOW_SIZE={value}, above 2^31-1: FLOW_CONTROL_ERROR (RFC 9113, 6.5.2)"
    if name == "MAX_FRAME_SIZE" and not SMALLEST_FRAME_LIMIT <= value <= LARGEST_FRAME_LIMIT:
        return (
            f"MAX_FRAME_SIZE={value}, not between 16384 and 16777215: PROTOCOL_ERROR "
            "(RFC 9113, 6.5.2)"
        )
    return ""
