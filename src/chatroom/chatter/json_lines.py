"""Messages, rooms and members as JSON Lines: one object a line, for programs.

docs/chatter.md lists the fields. Everything but ASCII is escaped, so that a line is the
same in every locale, and that no text commands a terminal it is printed in.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from chatroom.client import Closed, Draining, Gap, Member, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from chatroom.client import ChatRoom, Message


def line(thing: dict[str, Any]) -> str:
    """The object on a line, without its end."""
    return json.dumps(thing, separators=(",", ":"))


def message_object(room_id: str, message: Message) -> dict[str, Any]:
    """A message of a room, or of no room, with what its event says beside it."""
    found: dict[str, Any] = {
        "room_id": room_id or None,
        "sequence": message.sequence,
        "time": rfc3339(message.sent),
        "name": message.name,
        "text": message.text,
        "kind": str(message.kind),
    }
    if message.nonce:
        found["nonce"] = message.nonce
    event = message.event
    if isinstance(event, Member):
        if event.reason:
            found["reason"] = event.reason
    elif isinstance(event, Refused):
        found["reason"] = event.reason
        found["nonce"] = event.nonce
        found["retry_after"] = event.retry_after
    elif isinstance(event, Closed):
        found |= {"reason": event.reason, "successor": event.successor}
    elif isinstance(event, Draining):
        found["retry_after"] = event.retry_after
    elif isinstance(event, Gap):
        found["missed"] = event.missed
    return found


def room_object(room: ChatRoom) -> dict[str, Any]:
    """What a server tells of a room; the fields of the contract."""
    return {
        "room_id": room.room_id,
        "title": room.title,
        "private": room.private,
        "member_count": room.member_count,
        "capacity": room.capacity,
        "created": rfc3339(room.created),
        "sequence": room.sequence,
        "active": rfc3339(room.active),
    }


def member_object(room_id: str, member: Member) -> dict[str, Any]:
    """Somebody in a room."""
    return {"room_id": room_id, "name": member.name, "since": rfc3339(member.since)}


def rfc3339(moment: datetime | None) -> str | None:
    """The moment in UTC (RFC 3339), in microseconds; None when it is not known."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
