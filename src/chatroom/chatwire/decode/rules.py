"""The rules that a frame's header breaks, whatever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind

if TYPE_CHECKING:
    from chatroom.chatwire.decode.directions import Direction
    from chatroom.chatwire.decode.framing import RawFrame
    from chatroom.chatwire.passage import Side


def broken_rules(raw: RawFrame, sender: Side, direction: Direction) -> list[str]:
    """Sentences, each with the section that has the rule."""
    wrong = []
    if raw.length > (limit := direction.splitter.frame_limit):
        wrong.append(
            f"longer than the {limit} bytes that the {sender.other} accepts: FRAME_SIZE_ERROR "
            "(RFC 9113, 4.2)"
        )
    if raw.reserved:
        wrong.append("the reserved bit is set (RFC 9113, 4.1)")
    block = direction.block
    if block and (raw.kind is not Kind.CONTINUATION or raw.stream != block.stream):
        wrong.append(
            f"inside the header block of stream {block.stream}: PROTOCOL_ERROR (RFC 9113, 6.10)"
        )
    return wrong
