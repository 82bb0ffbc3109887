"""What the audit log says of a request: in which room, and to whom or what. Never a text."""

from __future__ import annotations

import json
import re
from typing import Any

from google.protobuf.message import Message as ProtobufMessage

TARGETS = (
    "name", "identity", "address", "member", "sequence", "ban_id", "invitation_id", "successor",
)  # fmt: skip
"""Fields that say to whom or what something is done, as far as a message has them."""
MOST_CHARACTERS = 128
"""Of one value, as much as the longest that is allowed; a request may have 64 KiB of it."""
_WORD = re.compile(r"[\w.:/+@-]+")


def told_of(request: ProtobufMessage, answer: Any = None) -> tuple[str, str]:
    """The room id and the target of a request; of its answer what only that can say."""
    room_id = _field(request, "room_id") or _field(answer, "room_id")
    told = [f"{name}={_told(_field(request, name))}" for name in TARGETS if _field(request, name)]
    told += [
        f"{name}={_told(_field(answer, name))}"
        for name in ("ban_id", "invitation_id")
        if _field(answer, name) and not _field(request, name)
    ]
    for name in ("muted", "moderator", "title", "capacity", "history", "closed_to_newcomers"):
        if name in request.DESCRIPTOR.fields_by_name and _given(request, name):
            told.append(f"{name}={_told(_field(request, name))}")
    return _cut(str(room_id)), " ".join(told)


def _told(value: object) -> str:
    """A value that cannot pass for another field: in quotes, where it is more than a word."""
    text = _cut(str(value))
    return text if _WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def _given(message: ProtobufMessage, name: str) -> bool:
    field = message.DESCRIPTOR.fields_by_name[name]
    return message.HasField(name) if field.has_presence else bool(getattr(message, name))


def _field(message: Any, name: str) -> Any:
    if not isinstance(message, ProtobufMessage) or name not in message.DESCRIPTOR.fields_by_name:
        return ""
    return getattr(message, name)
