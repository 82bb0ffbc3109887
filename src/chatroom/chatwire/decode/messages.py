"""Messages inside a body, and the statuses with which calls end."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage
from google.protobuf.unknown_fields import UnknownFieldSet

from chatroom.chatwire.decode.as_text import one_line
from chatroom.chatwire.quick import quick

if TYPE_CHECKING:
    from typing import Any

DEPTH = 20
"""Messages inside messages of unknown types, shown as such."""


class WireType(IntEnum):
    """protobuf.dev/programming-guides/encoding, "Message Structure"."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    GROUP = 3
    FIXED32 = 5


class Part(StrEnum):
    """What an envelope, or a whole body, holds."""

    MESSAGE = "message"
    TRAILERS = "trailers"
    """The last envelope of a gRPC-Web response."""
    END = "end of stream"
    """The last envelope of a Connect stream."""
    ERROR = "error"
    """The body of a Connect response that is no success."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a call ended."""

    code: int | None
    """The gRPC status code; None if what was sent is none."""
    name: str
    message: str = ""
    details: tuple[Message, ...] = ()
    """What `grpc-status-details-bin` holds, such as google.rpc.ErrorInfo."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, whole."""

    part: Part = Part.MESSAGE
    type_name: str = ""
    """Its full protobuf name, such as rpc.ChatMessage; "" if not known."""
    flags: int | None = None
    """The first byte of its envelope; None where a whole body is the message."""
    compressed: bool = False
    wire_length: int = 0
    """Bytes as they were sent, without the 5 bytes of the envelope's head."""
    content: bytes | None = None
    """Decompressed; None where that was not possible, see `problem`."""
    value: ProtobufMessage | None = None
    """The decoded message; None if its type is not known or it is not of that type."""
    json: bool = False
    """Whether `content` is JSON."""
    status: Status | None = None
    """Of TRAILERS, END and ERROR."""
    problem: str = ""
    """Why there is no value, where that is remarkable; a sentence."""

    @property
    def text(self) -> str:
        """In protobuf's text format on one line; JSON as it is.

        Of an unknown type by field numbers, as `protoc --decode_raw` shows it. May hold
        characters that are not safe to print.
        """
        if self.content is None:
            return ""
        if self.json or self.part is not Part.MESSAGE:
            return self.content.decode("utf-8", "backslashreplace").strip()
        if self.value is not None:
            return as_text(self.value)
        return raw_text(self.content)

    def as_json(self) -> Any:
        """As protobuf's JSON, with the names of the proto file; None where that is not possible."""
        try:
            if self.value is not None:
                return json_format.MessageToDict(self.value, preserving_proto_field_name=True)
            if self.json and self.content is not None:
                return json.loads(self.content, parse_constant=_finite, parse_float=_finite)
        except Exception:  # noqa: BLE001 - the schema may be the peer's own, and hostile
            # An Any of unknown type, a Timestamp out of range or with other fields than it
            # should have, JSON that is none.
            return None
        return None


def parse(kind: type[ProtobufMessage], content: bytes) -> ProtobufMessage | None:
    """The message; None if the bytes are not one of this type."""
    try:
        return kind.FromString(content)
    except DecodeError:
        return None


def as_text(value: ProtobufMessage) -> str:
    """Protobuf's text format on one line, with fields that the schema lacks by number."""
    try:
        return one_line(value)
    except RecursionError:
        return f"(nested too deep to show, {value.ByteSize()} bytes)"
    except Exception as error:  # noqa: BLE001 - the schema may be the peer's own, and hostile
        # An Any without the fields of one makes protobuf raise AttributeError.
        return f"(cannot be shown: {type(error).__name__}, {value.ByteSize()} bytes)"


def _finite(number: str) -> float:
    """JSON has no NaN and no Infinity (RFC 8259, 6), and 1e999 is one once it is read."""
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number} cannot be written as JSON")
    return value


def raw_text(content: bytes, depth: int = 0) -> str:
    """Bytes of an unknown type by field numbers, in the form of `protoc --decode_raw`.

    Unlike protoc's, a printable string is a string before it is a message: "hi" happens to
    be a valid one. Bytes that are no protobuf are quoted.
    """
    unknown = parse(Empty, content)
    if unknown is None:
        return f"not protobuf: {content!r}"
    return _raw_fields(UnknownFieldSet(unknown), depth)


def _raw_fields(fields: UnknownFieldSet, depth: int) -> str:
    return " ".join(
        f"{one.field_number} {{ {_raw_fields(one.data, depth + 1)} }}"
        if one.wire_type == WireType.GROUP
        else f"{one.field_number}{_raw_value(one.wire_type, one.data, depth)}"
        for one in iter(fields)  # the stubs lack __iter__, which `for` would want
    )


def _raw_value(wire_type: int, content: Any, depth: int) -> str:
    if wire_type == WireType.FIXED64:
        return f": 0x{content:016x}"
    if wire_type == WireType.FIXED32:
        return f": 0x{content:08x}"
    if wire_type != WireType.BYTES:
        return f": {content}"
    try:
        text = content.decode()
        printable = all(one.isprintable() or one in "\n\t\r" for one in text)
    except UnicodeDecodeError:
        printable = False
    if printable:
        return f": {json.dumps(text, ensure_ascii=False)}"
    if depth < DEPTH and parse(Empty, content) is not None:
        return f" {{ {raw_text(content, depth + 1)} }}"
    return f": {content!r}"
