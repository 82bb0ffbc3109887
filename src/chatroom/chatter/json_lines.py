"""Messages, rooms, members, bans and invitations as JSON Lines: one object a line, for programs.

docs/chatter.md lists the fields. Everything but ASCII is escaped, so that a line is the
same in every locale, and that no text commands a terminal it is printed in.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatroom.client import (
    ChatRoom,
    Closed,
    Draining,
    Gap,
    Kind,
    Member,
    Refused,
    Renamed,
    Withdrawn,
)

if TYPE_CHECKING:
    from chatroom.client import Ban, Invitation, Message


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
    if message.action:
        found["action"] = True
    if message.in_reply_to:
        found["in_reply_to"] = message.in_reply_to
    event = message.event
    if isinstance(event, Member):
        if event.reason:
            found["reason"] = event.reason
        if message.kind is Kind.CHANGED:
            found |= {"member": event.name, "muted": event.muted, "moderator": event.moderator}
    elif isinstance(event, Renamed):
        found |= {"renamed": event.name, "nonce": event.nonce}
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
    elif isinstance(event, Withdrawn):
        found |= {"withdrawn": event.sequence, "reason": event.reason}
    elif isinstance(event, ChatRoom):
        found |= {
            "title": event.title,
            "capacity": event.capacity,
            "closed_to_newcomers": event.closed_to_newcomers,
        }
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
        "closed_to_newcomers": room.closed_to_newcomers,
    }


def member_object(room_id: str, member: Member) -> dict[str, Any]:
    """Somebody in a room."""
    return {
        "room_id": room_id,
        "name": member.name,
        "since": rfc3339(member.since),
        "muted": member.muted,
        "moderator": member.moderator,
    }


def ban_object(ban: Ban) -> dict[str, Any]:
    """A ban; `whom` says what `value` is."""
    whom, value = whom_of(ban)
    return {
        "ban_id": ban.ban_id,
        "room_id": ban.room_id or None,
        "whom": whom,
        "value": value,
        "until": rfc3339(ban.until),
        "reason": ban.reason,
        "by": ban.by,
        "created": rfc3339(ban.created),
    }


def whom_of(ban: Ban) -> tuple[str, str]:
    """By what a ban knows somebody, and how that is called there; empty when not told."""
    for whom in ("name", "identity", "address", "member"):
        if value := getattr(ban, whom):
            return whom, value
    return "", ""


def invitation_object(invitation: Invitation) -> dict[str, Any]:
    """An invitation, without its secret."""
    return {
        "invitation_id": invitation.invitation_id,
        "room_id": invitation.room_id,
        "uses_left": invitation.uses_left,
        "until": rfc3339(invitation.until),
        "ended": ended(invitation) or None,
        "name": invitation.name,
        "by": invitation.by,
        "created": rfc3339(invitation.created),
    }


def ended(invitation: Invitation) -> str:
    """Why nobody new comes by an invitation any more; empty: somebody may."""
    if invitation.expired(datetime.now(UTC)):
        return "expired"
    return "used up" if invitation.used_up() else ""


def rfc3339(moment: datetime | None) -> str | None:
    """The moment in UTC (RFC 3339), in microseconds; None when it is not known."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
