"""The words of one frame in a picture, and what is marked in it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.messages import Part
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.show.facts import altered_line, detail_line, message_line
from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.show.summary import completes_message

if TYPE_CHECKING:
    from chatroom.chatwire.decode.records import Frame

TEXT = 200
"""Characters of one message in a picture."""
MESSAGES = 3
"""Messages of one frame in a picture; of more, how many there are."""


class Mark(StrEnum):
    """What is marked in a picture, since the course of a stream turns on it."""

    HALF_CLOSE = "half-close"
    """Its sender will send no more on the stream."""
    TRAILERS = "trailers"
    RESET = "reset"
    """Of the stream, or of the connection."""
    GOAWAY = "goaway"
    LOST = "lost"
    """Bytes were not seen, or are not decoded."""
    FAULT = "fault"
    """The tap did something to it, or said it itself."""
    WRONG = "wrong"
    """The decoder has something to say about it."""


def marks_of(frame: Frame) -> frozenset[Mark]:
    """What is to be marked."""
    detail = frame.detail
    found: set[Mark] = set()
    if frame.ends_stream or completes_message(frame):
        found.add(Mark.HALF_CLOSE)
    if isinstance(detail, records.Headers) and detail.role in (Role.TRAILERS, Role.TRAILERS_ONLY):
        found.add(Mark.TRAILERS)
    if any(message.part in (Part.TRAILERS, Part.END) for message in frame.messages):
        found.add(Mark.TRAILERS)
    if frame.kind is Kind.RST_STREAM or (isinstance(detail, records.Ended) and detail.reset):
        found.add(Mark.RESET)
    if frame.kind is Kind.GOAWAY:
        found.add(Mark.GOAWAY)
    if frame.altered is not None or frame.kind is Kind.FAULT:
        found.add(Mark.FAULT)
    if frame.kind in (Kind.MISSING, Kind.BYTES, Kind.STOPPED):
        found.add(Mark.LOST)
    elif frame.notes and not isinstance(detail, records.Ended | records.Opened):
        found.add(Mark.WRONG)
    return frozenset(found)


def text_of(frame: Frame, limit: int = TEXT) -> str:
    """What is in a frame, on one line that is safe to show. Windows are drawn, not written.

    `limit`: characters of one message.
    """
    detail = frame.detail
    parts: list[str] = []
    if isinstance(detail, records.Data):
        parts.append(_bytes(len(detail.payload)))
    elif isinstance(detail, records.WindowUpdate):
        parts.append(f"+{detail.increment}")
    elif detail is not None:
        parts += ["ACK"] * ("ACK" in frame.flags)
        parts.append(detail_line(detail))
    parts += [message_line(message, limit) for message in frame.messages[:MESSAGES]]
    if len(frame.messages) > MESSAGES:
        parts.append(f"+{len(frame.messages) - MESSAGES} messages")
    if frame.altered is not None:
        parts.append(f"[{altered_line(frame.altered)}]")
    parts += [f"[{note}]" for note in frame.notes]
    return harmless("  ".join(filter(None, parts)))


def _bytes(count: int) -> str:
    return f"{count} byte{'s' * (count != 1)}"
