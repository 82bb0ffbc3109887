"""Messages in protobuf's text format on one line: as `text_format` writes them, but quicker.

Messages of the usual fields are written here: strings, numbers that are whole, enumerations,
messages in messages. Those with anything else, and all that is not simple in them, by
`google.protobuf.text_format` itself; a test holds both against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import text_encoding, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

PLANS = 10_000
"""Types of messages whose fields are remembered; then all are forgotten. A schema may be huge."""
QUOTED = frozenset("\"'\\")
"""What is printable, and escaped all the same."""


class Plain(NamedTuple):
    """How a field is written. `write`: None for a message."""

    name: str
    repeated: bool
    write: Callable[[Any], str] | None


class _NotPlain(Exception):
    """A message has a field that is not written here."""


_plans: dict[str, tuple[Any, dict[int, Plain | None]]] = {}


def one_line(message: Message) -> str:
    """The message, with fields that its schema lacks by number. Raises what protobuf raises."""
    try:
        return _fields(message).rstrip()
    except _NotPlain:
        text: str = text_format.MessageToString(
            message, as_one_line=True, as_utf8=True, print_unknown_fields=True
        )
        return text.strip()


def _fields(message: Message) -> str:
    descriptor = message.DESCRIPTOR
    known = _plans.get(descriptor.full_name)
    if known is None or known[0] is not descriptor:
        if len(_plans) >= PLANS:
            _plans.clear()
        known = (descriptor, {})
        _plans[descriptor.full_name] = known
    plan = known[1]
    if len(UnknownFieldSet(message)):
        raise _NotPlain
    parts = []
    for field, value in message.ListFields():
        number = field.number
        try:
            how = plan[number]
        except KeyError:
            how = plan[number] = _how(descriptor, field)
        if how is None:
            raise _NotPlain
        name, repeated, write = how
        if repeated:
            parts += [_one(name, each, write) for each in value]
        elif write is not None:
            parts.append(f"{name}: {write(value)} ")
        else:
            parts.append(f"{name} {{ {_fields(value)}}} ")
    return "".join(parts)


def _one(name: str, value: Any, write: Callable[[Any], str] | None) -> str:
    if write is not None:
        return f"{name}: {write(value)} "
    return f"{name} {{ {_fields(value)}}} "


def _how(descriptor: Any, field: FieldDescriptor) -> Plain | None:
    """How a field of such messages is written; None: not here."""
    if descriptor.full_name == "google.protobuf.Any" or field.is_extension:
        return None
    kind = field.type
    if kind == FieldDescriptor.TYPE_MESSAGE:
        inner = field.message_type
        if inner is None or inner.GetOptions().map_entry:
            return None
        return Plain(field.name, field.is_repeated, None)
    if kind == FieldDescriptor.TYPE_STRING:
        return Plain(field.name, field.is_repeated, _string)
    if kind == FieldDescriptor.TYPE_BOOL:
        return Plain(field.name, field.is_repeated, _bool)
    if kind == FieldDescriptor.TYPE_ENUM and field.enum_type is not None:
        names = {value.number: value.name for value in reversed(field.enum_type.values)}
        return Plain(field.name, field.is_repeated, lambda number: names.get(number, str(number)))
    if field.cpp_type in _WHOLE:
        return Plain(field.name, field.is_repeated, str)
    return None


_WHOLE = frozenset({
    FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64,
})  # fmt: skip


def _string(value: str) -> str:
    if value.isprintable() and QUOTED.isdisjoint(value):
        return f'"{value}"'
    return f'"{text_encoding.CEscape(value, as_utf8=True)}"'  # type: ignore[arg-type] # it takes both


def _bool(value: bool) -> str:
    return "true" if value else "false"
