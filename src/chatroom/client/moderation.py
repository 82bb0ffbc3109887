"""What moderators and admins make and read: bans, invitations, the record of what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from chatroom.client.messages import time_from

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from chatroom.api.rpc import moderation_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Somebody who is kept out; one of `name`, `identity`, `address` and `member` says whom."""

    ban_id: str
    room_id: str = ""
    """Empty: the whole server."""
    name: str = ""
    """Compared as names are."""
    identity: str = ""
    """A token's `sub`."""
    address: str = ""
    """An address, or a prefix: 192.0.2.0/24."""
    member: str = ""
    """Who was in under this name then, by session and identity."""
    until: datetime | None = None
    """None: for good."""
    reason: str = ""
    by: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A way into one room for whoever has its secret."""

    invitation_id: str
    room_id: str
    secret: str = field(default="", repr=False)
    """Shown as the `token` of `connect`. The server tells it once, when the invitation is made."""
    uses_left: int | None = None
    """Memberships; None: any number."""
    until: datetime | None = None
    """None: for good."""
    name: str = ""
    """The name tag that it fixes; empty: none."""
    by: str = ""
    created: datetime | None = None

    def used_up(self) -> bool:
        """Whether as many have come by it as may."""
        return self.uses_left == 0

    def expired(self, now: datetime) -> bool:
        """Whether its time is over. The server goes by a clock of its own."""
        return self.until is not None and self.until <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """That somebody did something, or tried to; never what was said."""

    at: datetime | None
    actor: str
    """A token's `sub`, or "anonymous", or "admin token"."""
    key_id: str = ""
    token_id: str = ""
    address: str = ""
    method: str
    room_id: str = ""
    target: str = ""
    outcome: str
    """OK, or a status and reason."""


def ban_from(ban: moderation_pb2.Ban) -> Ban:
    """The ban as a value."""
    return Ban(
        ban_id=ban.ban_id,
        room_id=ban.room_id,
        name=ban.name,
        identity=ban.identity,
        address=ban.address,
        member=ban.member,
        until=time_from(ban.until) if ban.HasField("until") else None,
        reason=ban.reason,
        by=ban.by,
        created=time_from(ban.created) if ban.HasField("created") else None,
    )


def invitation_from(invitation: moderation_pb2.Invitation) -> Invitation:
    """The invitation as a value."""
    return Invitation(
        invitation_id=invitation.invitation_id,
        room_id=invitation.room_id,
        secret=invitation.secret,
        uses_left=invitation.uses_left if invitation.HasField("uses_left") else None,
        until=time_from(invitation.until) if invitation.HasField("until") else None,
        name=invitation.name,
        by=invitation.by,
        created=time_from(invitation.created) if invitation.HasField("created") else None,
    )


def record_from(record: moderation_pb2.AuditRecord) -> AuditRecord:
    """The record as a value."""
    return AuditRecord(
        at=time_from(record.at) if record.HasField("at") else None,
        actor=record.actor,
        key_id=record.key_id,
        token_id=record.token_id,
        address=record.address,
        method=record.method,
        room_id=record.room_id,
        target=record.target,
        outcome=record.outcome,
    )


def timestamp(moment: datetime | None) -> Timestamp | None:
    """The moment for a request. Raises ValueError for one without its zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} does not say its zone: give an aware datetime")
    from google.protobuf.timestamp_pb2 import Timestamp

    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
