"""What a message says, field by field, so that fields can be left out and named."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message as ProtobufMessage
from google.protobuf.unknown_fields import UnknownFieldSet

from chatroom.chatwire.decode.messages import WireType, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatroom.chatwire.decode.messages import Message, Status

DEPTH = 100
"""Messages inside messages that are looked into; protobuf itself takes 100."""


class Ignored:
    """The fields that make no difference: by name, or by the end of a path, `joined.session`."""

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        self._names = frozenset(name for name in names if "." not in name)
        self._paths = tuple(f".{name}" for name in names if "." in name)

    def has(self, path: str) -> bool:
        """Whether the field with this path, such as `.joined.session`, is left out."""
        return path.rpartition(".")[2] in self._names or path.endswith(self._paths)


def content_of(message: Message, ignored: Ignored) -> Any:
    """Nested dictionaries, lists and plain values, without what is ignored.

    Fields that the schema lacks are there by number. What could not be decoded is its bytes in
    hex. Two messages say the same exactly if these are equal.
    """
    if message.status is not None:
        return {"part": message.part, "status": status_content(message.status, ignored, ".status")}
    if message.value is not None:
        return _fields(message.value, ignored, "", 0)
    if message.json and message.content is not None:
        try:
            return _json(json.loads(message.content), ignored, "", 0)
        except (ValueError, RecursionError):
            pass
    if message.content is not None and not message.json and not message.problem:
        unknown = parse(Empty, message.content)
        if unknown is not None:
            return _unknown(UnknownFieldSet(unknown), ignored, "")
    content = None if message.content is None else message.content.hex()
    return {"bytes": content, "length": message.wire_length, "problem": message.problem}


def status_content(status: Status, ignored: Ignored, path: str = "") -> Any:
    """The same of a status."""
    details = [content_of(detail, ignored) for detail in status.details]
    parts = {
        "code": status.code if status.code is not None else status.name,
        "message": status.message,
        "details": details,
    }
    return {name: part for name, part in parts.items() if not ignored.has(f"{path}.{name}")}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that two contents do not have alike; None: one of them has none."""

    path: str
    one: Any
    other: Any


def differences(one: Any, other: Any, path: str = "") -> Iterator[Difference]:
    """The fields in which two contents differ, in the order of the first."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(name for name in other if name not in one)]:
            inner = f"{path}.{name}" if path else str(name)
            if name not in one or name not in other:
                yield Difference(inner, one.get(name), other.get(name))
            else:
                yield from differences(one[name], other[name], inner)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{place}]")
    elif one != other:
        yield Difference(path or "all of it", one, other)


def _fields(message: ProtobufMessage, ignored: Ignored, path: str, depth: int) -> Any:
    if depth > DEPTH:
        return message.SerializeToString(deterministic=True).hex()
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        inner = f"{path}.{field.name}"
        if ignored.has(inner):
            continue
        if _is_map(field):
            found[field.name] = _map(value, ignored, inner, depth)
        elif field.is_repeated:
            found[field.name] = [_value(each, ignored, inner, depth) for each in value]
        else:
            found[field.name] = _value(value, ignored, inner, depth)
    unknown = _unknown(UnknownFieldSet(message), ignored, path)
    return found | unknown


def _value(value: Any, ignored: Ignored, path: str, depth: int) -> Any:
    if isinstance(value, ProtobufMessage):
        return _fields(value, ignored, path, depth + 1)
    if isinstance(value, bytes):
        return value.hex()
    # It differs from itself.
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _map(value: Any, ignored: Ignored, path: str, depth: int) -> Any:
    return {
        str(key): _value(value[key], ignored, f"{path}.{key}", depth)
        for key in value
        if not ignored.has(f"{path}.{key}")
    }


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and bool(kind.GetOptions().map_entry)


def _unknown(fields: UnknownFieldSet, ignored: Ignored, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in iter(fields):
        name = str(one.field_number)
        if ignored.has(f"{path}.{name}"):
            continue
        value: Any = one.data
        if one.wire_type == WireType.GROUP:
            value = _unknown(value, ignored, f"{path}.{name}")
        elif isinstance(value, bytes):
            value = value.hex()
        found.setdefault(name, []).append(value)
    return found


def _json(value: Any, ignored: Ignored, path: str, depth: int) -> Any:
    if depth > DEPTH:
        return json.dumps(value)
    if isinstance(value, dict):
        return {
            name: _json(inner, ignored, f"{path}.{name}", depth + 1)
            for name, inner in value.items()
            if not ignored.has(f"{path}.{name}")
        }
    if isinstance(value, list):
        return [_json(inner, ignored, path, depth + 1) for inner in value]
    return _value(value, ignored, path, depth)
