"""What each side of each stream said, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.diff.contents import Ignored, content_of, status_content
from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.facts import detail_line, message_line
from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.show.summary import completes_message, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatroom.chatwire.decode.records import Frame

TEXT = 160
"""Characters of a message that are shown where it differs."""
HEADS = ("content-type", ":status", ":path")
"""What is compared of header fields, unless all are."""


class What(StrEnum):
    """What is said."""

    HEAD = "head"
    MESSAGE = "message"
    END = "end of its direction"
    STATUS = "status"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a side said."""

    what: What
    frame: int
    """The number of its frame in its capture."""
    content: Any
    """What is compared."""
    text: str
    """For people, safe to print."""


@dataclass(slots=True)
class Talk:
    """A stream."""

    connection: int
    stream: int
    call: str = ""
    said: dict[Side, list[Said]] = field(default_factory=lambda: {side: [] for side in Side})
    answered: bool = False
    """Whether its status has come: a reset after that says nothing more."""
    closed: set[Side] = field(default_factory=set)

    def say(self, side: Side, what: What, frame: int, content: Any, text: str) -> None:
        """Put it down, after what the side said before."""
        self.said[side].append(Said(what, frame, content, harmless(text)))


def talks_of(
    frames: Iterable[Frame], ignored: Ignored, *, headers: bool = False
) -> tuple[list[Talk], list[str]]:
    """The streams by connection and in the order of their beginning; what is to be said of them.

    `headers`: compare every header field that is not ignored, not only the path, the HTTP status
    and the content type.
    """
    talks: dict[tuple[int, int], Talk] = {}
    lost: list[str] = []
    for frame in frames:
        if frame.kind in (Kind.MISSING, Kind.BYTES) or records.undecoded(frame):
            lost.append(
                f"frame {frame.number}: bytes of the {frame.sender} of connection "
                f"#{frame.connection} are missing or not decoded"
            )
        if not frame.stream:
            continue
        key = frame.connection, frame.stream
        talk = talks.get(key)
        if talk is None:
            talk = talks[key] = Talk(*key)
        talk.call = frame.call or talk.call
        _take(talk, frame, ignored, headers=headers)
    order = list(dict.fromkeys(connection for connection, _ in talks))
    spoken = [talk for talk in talks.values() if any(talk.said.values())]
    return sorted(spoken, key=lambda talk: order.index(talk.connection)), lost


def _take(talk: Talk, frame: Frame, ignored: Ignored, *, headers: bool) -> None:
    side, detail, number = frame.sender, frame.detail, frame.number
    if isinstance(detail, records.Headers) and detail.fields and detail.promised is None:
        _head(talk, frame, detail, ignored, headers=headers)
    for message in frame.messages:
        what = What.STATUS if message.status else What.MESSAGE
        talk.say(side, what, number, content_of(message, ignored), message_line(message, TEXT))
    if side is Side.SERVER and status_of(frame) is not None:
        talk.answered = True
    if isinstance(detail, records.Reset):
        if not talk.answered and talk.closed != set(Side):
            talk.say(side, What.RESET, number, detail.code, f"RST_STREAM {detail.error}")
        talk.closed = set(Side)
    elif (frame.ends_stream or completes_message(frame)) and side not in talk.closed:
        talk.closed.add(side)
        talk.say(side, What.END, number, None, "ends its direction")


def _head(
    talk: Talk, frame: Frame, detail: records.Headers, ignored: Ignored, *, headers: bool
) -> None:
    fields: dict[str, list[str]] = {}
    for one in detail.fields:
        name = one.name.lower()
        told = headers or (name in HEADS and detail.role is not Role.TRAILERS)
        # The status has its own place.
        status = name.startswith("grpc-status") or name == "grpc-message"
        if told and not status and not ignored.has(f".{name}"):
            fields.setdefault(name, []).append(one.value)
    if fields or detail.role not in (Role.TRAILERS, Role.TRAILERS_ONLY):
        talk.say(frame.sender, What.HEAD, frame.number, fields, detail_line(detail))
    if detail.status is not None:
        content = status_content(detail.status, ignored)
        talk.say(frame.sender, What.STATUS, frame.number, content, detail_line(detail))
