"""What is in a message, as far as rules ask: texts and fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

from chatroom.chatwire.decode.bodies import MESSAGE_BYTES
from chatroom.chatwire.decode.messages import WireType, parse
from chatroom.wire.envelopes import COMPRESSED, HEAD_BYTES, EnvelopeError, decompressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message as ProtobufMessage

    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.faults.choosing import Asked
    from chatroom.chatwire.faults.where import FieldIs


class Meanings:
    """Reads messages with a schema; fields by number need none."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.say: Callable[[str], object] = lambda _sentence: None
        """Is told, once, of what a rule asks for and the schema does not know."""
        self._said: set[str] = set()

    def __call__(self, asked: Asked, fields: tuple[FieldIs, ...], text: str | None) -> bool:
        """Whether all of these fields have their value, and the text is in the message."""
        plain = plain_of(asked)
        if plain is None:
            return False
        if text is not None and text.encode() not in plain:
            return False
        return all(self._has(asked, plain, one) for one in fields)

    def _has(self, asked: Asked, plain: bytes, wanted: FieldIs) -> bool:
        if all(name.isdigit() for name in wanted.path):
            numbers = [int(name) for name in wanted.path]
            return any(wanted.value in found for found in _by_number(plain, numbers))
        name = ".".join(wanted.path)
        types = self._schema.types(asked.path)
        if types is None:
            self._once(
                f"field {name}: what {asked.path} takes is not known; name --proto FILE, or write "
                "the number of the field"
            )
            return False
        kind = types.request if asked.sender.value == "client" else types.response
        if not _named(kind.DESCRIPTOR, wanted.path):
            self._once(f"field {name}: {kind.DESCRIPTOR.full_name} has no such field")
            return False
        message = parse(kind, plain)
        return message is not None and any(
            wanted.value in found for found in _by_name(message, wanted.path)
        )

    def _once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self.say(sentence)


def _named(descriptor: Any, path: tuple[str, ...]) -> bool:
    """Whether a message may have such a field."""
    for name in path:
        field = None if descriptor is None else descriptor.fields_by_name.get(name)
        if field is None:
            return False
        descriptor = field.message_type
    return True


def plain_of(asked: Asked) -> bytes | None:
    """The message without its envelope, decompressed; None where that is not possible."""
    content = asked.enveloped[HEAD_BYTES:]
    if not asked.enveloped[0] & COMPRESSED:
        return content
    try:
        return decompressed(content, asked.encoding, MESSAGE_BYTES)
    except (EnvelopeError, KeyError):
        return None


def _by_name(message: ProtobufMessage, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The ways in which the values of a field are written."""
    name, *rest = path
    descriptor = message.DESCRIPTOR.fields_by_name.get(name)
    if descriptor is None:
        return
    value: Any = getattr(message, name)
    if descriptor.is_repeated:
        values = list(value.values()) if hasattr(value, "values") else list(value)
    elif descriptor.has_presence and not message.HasField(name):
        return
    else:
        values = [value]
    for one in values:
        if rest:
            if hasattr(one, "DESCRIPTOR"):
                yield from _by_name(one, tuple(rest))
        else:
            yield _written(descriptor, one)


def _written(descriptor: Any, value: Any) -> tuple[str, ...]:
    if descriptor.enum_type is not None:
        named = descriptor.enum_type.values_by_number.get(value)
        return (str(value), named.name) if named else (str(value),)
    if isinstance(value, bool):
        return (json.dumps(value),)
    if isinstance(value, bytes):
        return (value.decode("latin-1"), value.hex())
    if hasattr(value, "DESCRIPTOR"):
        return ()  # a message is no value
    return (str(value),)


def _by_number(content: bytes, path: list[int]) -> Iterator[tuple[str, ...]]:
    number, *rest = path
    message = parse(Empty, content)
    if message is None:
        return
    for field in iter(UnknownFieldSet(message)):
        if field.field_number != number:
            continue
        if field.wire_type == WireType.BYTES:
            if rest:
                yield from _by_number(field.data, rest)
            else:
                yield (field.data.decode("utf-8", "replace"), field.data.hex())
        elif not rest and field.wire_type != WireType.GROUP:
            yield (str(field.data),)
