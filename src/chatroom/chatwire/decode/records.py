"""What the decoder says: one frozen record for each frame, and for what is no frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chatroom.chatwire.quick import quick

if TYPE_CHECKING:
    from chatroom.chatwire.decode.messages import Message, Status
    from chatroom.chatwire.passage import Side


NOT_DECODED = "its payload is not decoded"
"""How the note of a frame begins of which only the head is known."""


class Kind(StrEnum):
    """What a record is about: the frame types of HTTP/2, and what happens beside them."""

    OPENED = "OPENED"
    PREFACE = "PREFACE"
    DATA = "DATA"
    HEADERS = "HEADERS"
    PRIORITY = "PRIORITY"
    RST_STREAM = "RST_STREAM"
    SETTINGS = "SETTINGS"
    PUSH_PROMISE = "PUSH_PROMISE"
    PING = "PING"
    GOAWAY = "GOAWAY"
    WINDOW_UPDATE = "WINDOW_UPDATE"
    CONTINUATION = "CONTINUATION"
    UNKNOWN = "UNKNOWN"
    """A frame of a type that RFC 9113 does not define."""
    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"
    BODY = "BODY"
    """These three are HTTP/1.1: head of a request, head of a response, part of a body."""
    BYTES = "BYTES"
    """From here on nothing is decoded in this direction; or what came is no frame."""
    MISSING = "MISSING"
    UNUSED = "UNUSED"
    """A capture has bytes that are no part of what the side said: other ones, or too late."""
    FAULT = "FAULT"
    """What `chatwire fault` does that is no frame: messages held or dropped, an end."""
    # That of Enum is a function in Python.
    __hash__ = str.__hash__

    STOPPED = "STOPPED"
    """What was seen of a side ends here, though the side does not, and some is undecoded."""
    ENDED = "ENDED"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How many bytes of DATA one side may still send (RFC 9113, section 5.2).

    None is unknown: the beginning of the connection was not seen, or some of it is missing.
    """

    stream: int | None
    """Of the stream; None also where the frame is about the connection."""
    connection: int | None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A connection begins."""

    client: tuple[str, int]
    server: tuple[str, int]
    midway: bool


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """DATA. `window` is what its sender may still send after it."""

    payload: bytes
    padding: int
    """Bytes of padding, without the one that says how many; both count for the windows."""
    window: Window


class Role(StrEnum):
    """What a block of header fields is to its call."""

    REQUEST = "request"
    RESPONSE = "response"
    INTERIM = "interim response"
    TRAILERS = "trailers"
    TRAILERS_ONLY = "trailers-only"
    """A gRPC response that is all trailers, with no message before (a refusal, mostly)."""
    PUSHED = "pushed request"
    UNKNOWN = "unknown"
    """Undecodable, or the last frame of a block has not come yet."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A header field. What could not be decoded as UTF-8 has surrogate escapes."""

    name: str
    value: str
    never_indexed: bool = False
    """Its sender asks that no one keep it in a compression table (RFC 7541, section 7.1.3)."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Precedence:
    """The priority of RFC 7540, which RFC 9113 deprecates."""

    depends_on: int
    weight: int
    exclusive: bool


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """HEADERS, PUSH_PROMISE or CONTINUATION, or the head of an HTTP/1.1 message.

    The fields are with the frame that completes the block; none with the others.
    """

    role: Role = Role.UNKNOWN
    fields: tuple[Field, ...] = ()
    status: Status | None = None
    """How the call ended, where these are its trailers."""
    precedence: Precedence | None = None
    promised: int | None = None
    """The stream that a PUSH_PROMISE is about."""
    block: bytes = b""
    """The undecoded bytes, where they could not be decoded."""
    line: str = ""
    """The request line or status line of HTTP/1.1."""
    bodiless: bool = False
    """HTTP/1.1: the message is complete with its head."""

    def value(self, name: str) -> str | None:
        """The first field of this name, in lower case; None if there is none."""
        return next((field.value for field in self.fields if field.name.lower() == name), None)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """SETTINGS: names and values in the order of their sending."""

    values: tuple[tuple[str, int], ...]
    acknowledges: bool


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUpdate:
    """WINDOW_UPDATE. `window` is what the other side may send after it."""

    stream: int
    """0: it is about the connection."""
    increment: int
    window: Window


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """PING."""

    opaque: bytes
    acknowledges: bool
    round_trip: int | None
    """With an acknowledgement: nanoseconds since the ping passed here in the other direction,
    that is the time from here to the one who answered and back."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """RST_STREAM."""

    code: int
    error: str


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Goaway:
    """GOAWAY."""

    last_stream: int
    code: int
    error: str
    debug: bytes


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Part of the body of an HTTP/1.1 message: a completed gRPC message, or the end."""

    complete: bool
    length: int
    """Bytes of the whole body, when complete."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Undecoded:
    """Bytes without a meaning that is known here."""

    count: int
    """0 where this begins what is not decoded; the sum is in ENDED."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Bytes that passed and were not seen; None: nobody knows how many."""

    count: int | None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Bytes that are in no frame, since others are in their place, or nothing can be."""

    count: int
    why: str
    """"different", "too late" or "after the end"."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a fault does that is no frame which passes."""

    doing: str
    """A value of `passage.Doing`."""
    rule: str
    note: str


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """What a fault did to a frame that passed."""

    how: str
    """A value of `passage.How`."""
    rule: str
    note: str


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The capture or the tap ends before this side does."""

    undecoded: int
    """Bytes of this direction that were not decoded: more than 0."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One side will send nothing more."""

    reset: bool
    undecoded: int
    """Bytes of this direction that were passed on without being decoded."""


Detail = (
    Opened
    | Data
    | Headers
    | Precedence
    | Settings
    | WindowUpdate
    | Ping
    | Reset
    | Goaway
    | Body
    | Undecoded
    | Missing
    | Unused
    | Fault
    | Stopped
    | Ended
)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame as it passed, or one of the events of `Kind` that are no frames."""

    number: int
    """Counted from 1 over all connections."""
    time: int
    """When its last byte passed, in nanoseconds since 1970-01-01 UTC."""
    since_start: int
    """Nanoseconds since the first thing that was seen."""
    since_last: int
    """Nanoseconds since the record before this one, on whichever connection. Negative where it
    took that one to know what this is."""
    connection: int
    sender: Side
    """Who sent it. The client, for OPENED."""
    kind: Kind
    stream: int | None = None
    """None for what is no frame; 0 is the connection. HTTP/1.1: the number of the exchange."""
    type: int | None = None
    """The type byte of an HTTP/2 frame."""
    length: int = 0
    """Bytes of its payload, without the 9 of the frame header."""
    flags: tuple[str, ...] = ()
    call: str = ""
    """The path of the request on this stream, such as /rpc.ChatService/Chat; "" if not known."""
    detail: Detail | None = None
    """None where it has no content that could be decoded: PREFACE, unknown frames, and
    broken ones, which say what is wrong in `notes`."""
    messages: tuple[Message, ...] = ()
    """The messages that this frame completes."""
    notes: tuple[str, ...] = ()
    """What is remarkable or wrong, each a sentence."""
    altered: Altered | None = None
    """None: it passed as its sender sent it, when it was sent."""

    @property
    def ends_stream(self) -> bool:
        """Whether its sender half-closes the stream with it."""
        return "END_STREAM" in self.flags


def undecoded(frame: Frame) -> bool:
    """Whether only the head of a frame is known."""
    return any(note.startswith(NOT_DECODED) for note in frame.notes)
