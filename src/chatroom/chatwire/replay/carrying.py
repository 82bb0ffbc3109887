"""Values of earlier answers, put in where a recorded message has those of the recording.

A session, say: the recorded client was told one and named it later. The server that is talked to
now tells another.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as ProtobufMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.replay.script import Place

DEPTH = 100
"""Messages inside messages that are looked into; protobuf itself takes 100."""
WAITING = 100_000
"""Recorded answers with such a value that have not come again yet; of more, the first."""


class Carrying:
    """Knows which value of now stands for which of the recording.

    `names`: of the field in answers, and of the field in what the client sends. Of the n-th
    recorded answer of a stream that has such a field and the n-th that comes now, the values are
    taken for each other.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._into: dict[str, set[str]] = defaultdict(set)
        for source, target in names.items():
            self._into[source].add(target)
        self._recorded: dict[Place, deque[list[tuple[str, Any]]]] = defaultdict(deque)
        self._waiting = 0
        self._instead: dict[tuple[str, Any], Any] = {}
        """By the name in requests, and the recorded value."""
        self.put_in = 0
        """How many values were replaced."""

    def __bool__(self) -> bool:
        return bool(self._into)

    def recorded(self, place: Place, message: Message) -> None:
        """An answer of the recording."""
        if (found := self._found(message)) and self._waiting < WAITING:
            self._recorded[place].append(found)
            self._waiting += 1

    def came(self, place: Place, message: Message) -> None:
        """An answer of now."""
        if not (found := self._found(message)) or not self._recorded[place]:
            return
        before = self._recorded[place].popleft()
        self._waiting -= 1
        for (name, old), (again, new) in zip(before, found, strict=False):
            if name == again:
                for target in self._into[name]:
                    self._instead[target, old] = new

    def put_into(self, message: Message) -> bytes | None:
        """A recorded message with the values of now; None if none of its own is to be replaced."""
        if message.value is None or not self._instead:
            return None
        changed = type(message.value)()
        changed.CopyFrom(message.value)
        before = self.put_in
        self._put(changed, 0)
        return None if self.put_in == before else changed.SerializeToString()

    def field(self, name: str, value: str) -> str:
        """The value of a header field, or what stands for it now."""
        instead = self._instead.get((name, value))
        if instead is None or not isinstance(instead, str):
            return value
        self.put_in += 1
        return instead

    def _found(self, message: Message) -> list[tuple[str, Any]]:
        if message.value is None or not self._into:
            return []
        return [(name, value) for name, value, _ in values_of(message.value) if name in self._into]

    def _put(self, message: ProtobufMessage, depth: int) -> None:
        for name, value, replace in list(values_of(message, depth)):
            instead = self._instead.get((name, value))
            if instead is not None and type(instead) is type(value):
                replace(instead)
                self.put_in += 1


def values_of(
    message: ProtobufMessage, depth: int = 0
) -> Iterator[tuple[str, Any, Callable[[Any], None]]]:
    """Each plain value in it: the name of its field, the value, and what puts another there."""
    if depth > DEPTH:
        return
    for field, content in message.ListFields():
        if _is_map(field):
            continue
        repeated = field.is_repeated
        if field.type in (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP):
            for inner in content if repeated else [content]:
                yield from values_of(inner, depth + 1)
        elif repeated:
            for place, value in enumerate(content):
                yield field.name, value, _putter(content, place)
        else:
            yield field.name, content, _setter(message, field.name)


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry


def _setter(message: ProtobufMessage, name: str) -> Callable[[Any], None]:
    return lambda value: setattr(message, name, value)


def _putter(content: Any, place: int) -> Callable[[Any], None]:
    return lambda value: content.__setitem__(place, value)
