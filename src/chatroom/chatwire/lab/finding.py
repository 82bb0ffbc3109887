"""Which frames a step speaks of: conditions that a program can check and a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatwire.decode import Part, records
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatroom.chatwire.decode import Frame


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds of a frame or not. `text` completes "a frame with …"."""

    text: str
    holds: Callable[[Frame], bool]


@dataclass(frozen=True, slots=True)
class Find:
    """Frames of a kind, from one side of the connections of one client, with conditions."""

    kind: Kind
    sender: Side
    who: str
    """The name that the scene gave the client."""
    conditions: tuple[Condition, ...] = ()

    def matches(self, frame: Frame, names: Mapping[int, str]) -> bool:
        """Whether it is one of them. `names`: the clients', by connection."""
        return (
            frame.kind is self.kind
            and frame.sender is self.sender
            and names.get(frame.connection) == self.who
            and all(condition.holds(frame) for condition in self.conditions)
        )

    def __str__(self) -> str:
        """As in: DATA from Ann with END_STREAM and with the text "Hello"."""
        way = "from" if self.sender is Side.CLIENT else "to"
        wanted = " and ".join(f"with {condition.text}" for condition in self.conditions)
        return f"{self.kind} {way} {self.who} {wanted}".strip()


def sent_by(who: str, kind: Kind, *conditions: Condition) -> Find:
    """What a client sends."""
    return Find(kind, Side.CLIENT, who, conditions)


def sent_to(who: str, kind: Kind, *conditions: Condition) -> Find:
    """What the server sends to a client."""
    return Find(kind, Side.SERVER, who, conditions)


# ---- Conditions on any frame ---------------------------------------------------------

END_STREAM = Condition("END_STREAM", lambda frame: frame.ends_stream)
OPEN = Condition("no END_STREAM", lambda frame: not frame.ends_stream)
ACK = Condition("ACK", lambda frame: "ACK" in frame.flags)
NO_ACK = Condition("no ACK", lambda frame: "ACK" not in frame.flags)


def stream(number: int) -> Condition:
    """On this stream; 0 is the connection."""
    return Condition(f"stream {number}", lambda frame: frame.stream == number)


def length(number: int) -> Condition:
    """With a payload of so many bytes."""
    return Condition(f"a payload of {number} bytes", lambda frame: frame.length == number)


def at_least(number: int) -> Condition:
    """With a payload of so many bytes or more."""
    return Condition(f"at least {number} bytes of payload", lambda frame: frame.length >= number)


def call(method: str) -> Condition:
    """On a stream of this method of the chat service."""
    path = f"/rpc.ChatService/{method}"
    return Condition(f"a call of {method}", lambda frame: frame.call == path)


# ---- Header fields -------------------------------------------------------------------


def role(wanted: Role) -> Condition:
    """Header fields that are this to their call."""
    return Condition(f"the role {wanted}", lambda frame: _role(frame) is wanted)


def field(name: str, value: str | None = None) -> Condition:
    """With a header field of this name, and of this value if one is given."""

    def holds(frame: Frame) -> bool:
        if not isinstance(frame.detail, records.Headers):
            return False
        found = frame.detail.value(name)
        return found is not None and value in (None, found)

    return Condition(f"the field {name}" + (f" = {value}" if value else ""), holds)


def status(name: str, reason: str | None = None) -> Condition:
    """That end a call with this status, and with this reason in its details if one is given."""

    def holds(frame: Frame) -> bool:
        found = frame.detail.status if isinstance(frame.detail, records.Headers) else None
        if found is None or found.name != name:
            return False
        reasons = (getattr(detail.value, "reason", None) for detail in found.details)
        return reason is None or reason in reasons

    return Condition(f"the status {name}" + (f" {reason}" if reason else ""), holds)


def _role(frame: Frame) -> Role | None:
    return frame.detail.role if isinstance(frame.detail, records.Headers) else None


# ---- Messages ------------------------------------------------------------------------


def sets(name: str) -> Condition:
    """That completes a message in which this field or event is set, such as `join`, `live`."""

    def holds(frame: Frame) -> bool:
        return any(
            field.name == name
            for message in frame.messages
            if message.value is not None
            for field, _ in message.value.ListFields()
        )

    return Condition(f"a message that sets {name}", holds)


def says(text: str) -> Condition:
    """That completes a chat message with this text, to the server or from it."""

    def holds(frame: Frame) -> bool:
        for message in frame.messages:
            said = getattr(message.value, "message", None)
            if text in (said, getattr(said, "message", None)):
                return True
        return False

    return Condition(f'the text "{text}"', holds)


def authored(name: str) -> Condition:
    """That completes a chat message of this member's, as the server passes it on."""
    return Condition(
        f"a message of {name}'s",
        lambda frame: any(getattr(one.value, "name", None) == name for one in frame.messages),
    )


def beginning(text: str) -> Condition:
    """That completes a chat message which begins so, to the server or from it."""

    def holds(frame: Frame) -> bool:
        for message in frame.messages:
            said = getattr(message.value, "message", None)
            said = getattr(said, "message", said)
            if isinstance(said, str) and said.startswith(text):
                return True
        return False

    return Condition(f'a text that begins "{text}"', holds)


MESSAGE = Condition(
    "a whole message",
    lambda frame: any(message.part is Part.MESSAGE for message in frame.messages),
)


COMPRESSED = Condition(
    "a compressed message", lambda frame: any(message.compressed for message in frame.messages)
)
UNCOMPRESSED = Condition(
    "a message that is not compressed",
    lambda frame: any(not message.compressed for message in frame.messages),
)


def message_of(type_name: str) -> Condition:
    """That completes a message of this protobuf type, such as rpc.JoinChat."""
    return Condition(
        f"a message of the type {type_name}",
        lambda frame: any(message.type_name == type_name for message in frame.messages),
    )


# ---- HTTP/1.1 and gRPC-Web -----------------------------------------------------------


def in_body(name: str) -> Condition:
    """A part of a body with trailers in it, and this status in them."""
    return _status_in(Part.TRAILERS, name, f"the status {name} in the body")


def in_end(name: str) -> Condition:
    """A part of a body with the end of a stream of Connect, and this status in it."""
    return _status_in(Part.END, name, f"the status {name} at the end of the stream")


def _status_in(part: Part, name: str, words: str) -> Condition:
    def holds(frame: Frame) -> bool:
        return any(
            message.part is part and message.status and message.status.name == name
            for message in frame.messages
        )

    return Condition(words, holds)


def flags(number: int) -> Condition:
    """An envelope with these flags."""
    return Condition(
        f"envelope flags 0x{number:02x}",
        lambda frame: any(message.flags == number for message in frame.messages),
    )


def whole_body(number: int) -> Condition:
    """The end of a body of so many bytes."""

    def holds(frame: Frame) -> bool:
        detail = frame.detail
        return isinstance(detail, records.Body) and detail.complete and detail.length == number

    return Condition(f"the end of a body of {number} bytes", holds)


# ---- What is about the connection, or about flow -------------------------------------


def error(name: str) -> Condition:
    """RST_STREAM or GOAWAY with this error."""
    return Condition(f"the error {name}", lambda frame: getattr(frame.detail, "error", "") == name)


def last_stream(number: int) -> Condition:
    """GOAWAY that names this stream as the last that was taken."""

    def holds(frame: Frame) -> bool:
        return isinstance(frame.detail, records.Goaway) and frame.detail.last_stream == number

    return Condition(f"the last stream {number}", holds)


def debug(text: str) -> Condition:
    """GOAWAY with these words."""

    def holds(frame: Frame) -> bool:
        return isinstance(frame.detail, records.Goaway) and frame.detail.debug == text.encode()

    return Condition(f'the debug data "{text}"', holds)


def setting(name: str, value: int | None = None) -> Condition:
    """SETTINGS with this name, and with this value if one is given."""

    def holds(frame: Frame) -> bool:
        if not isinstance(frame.detail, records.Settings):
            return False
        found = dict(frame.detail.values)
        return name in found and value in (None, found[name])

    return Condition(name + ("" if value is None else f" = {value}"), holds)


def window_left(of_stream: int) -> Condition:
    """DATA or WINDOW_UPDATE after which the stream's window is so many bytes."""

    def holds(frame: Frame) -> bool:
        detail = frame.detail
        return (
            isinstance(detail, records.Data | records.WindowUpdate)
            and detail.window.stream == of_stream
        )

    return Condition(f"{of_stream} bytes of the stream's window left", holds)


def increment(by: int) -> Condition:
    """WINDOW_UPDATE by so many bytes."""

    def holds(frame: Frame) -> bool:
        return isinstance(frame.detail, records.WindowUpdate) and frame.detail.increment == by

    return Condition(f"an increment of {by}", holds)


def quiet_for(seconds: float) -> Condition:
    """Before which nothing passed for so long."""
    return Condition(
        f"{seconds:g} s of silence before it", lambda frame: frame.since_last >= seconds * 1e9
    )


def fault(name: str) -> Condition:
    """What a fault does that is no frame: "drops", "holds" and so on (`passage.Doing`)."""

    def holds(frame: Frame) -> bool:
        return isinstance(frame.detail, records.Fault) and frame.detail.doing == name

    return Condition(f"a fault that {name}", holds)


def touched(how: str) -> Condition:
    """A frame that a rule has "held", "altered" or "invented"."""

    def holds(frame: Frame) -> bool:
        altered = frame.altered
        return altered is not None and altered.how == how and bool(altered.rule)

    return Condition(f"what is {how} by a rule", holds)


RESET = Condition("a reset", lambda frame: getattr(frame.detail, "reset", False))
FIN = Condition("FIN", lambda frame: not getattr(frame.detail, "reset", True))
