"""The methods of `rpc.ModerationService`: a message in, a message out.

They raise refusals and know no protocol. Who may do what: `orders`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from google.protobuf.message import Message as ProtobufMessage
from google.protobuf.timestamp_pb2 import Timestamp

from chatroom.api.rpc import moderation_pb2 as pb
from chatroom.core.audit import AuditRecord
from chatroom.core.bans import Ban, Whom
from chatroom.core.denials import InvitationUnknown
from chatroom.core.entry import Entry, Kind
from chatroom.core.grants import ANYBODY, Identity, Right, demand
from chatroom.core.invitations import Invitation
from chatroom.core.refusals import GrantMissing, RequestInvalid, RoomNotFound
from chatroom.core.room import Room
from chatroom.server.rooms.audit import Audit
from chatroom.server.rooms.hub import Hub

from .encode import timestamp
from .listing import Listing
from .methods import MAX_SEQUENCE, stored_message
from .orders import orderly, owned

PAGE = 100
MOST_SHOWN = 32
"""Of an id in a refusal: a request may have 60 KiB of it, which no client takes in trailers."""
LARGEST_PAGE = 1_000
LATEST = 253_402_300_799
"""The last second that a Timestamp may have: the end of the year 9999."""


class ModerationMethods:
    """What moderators and admins may ask for."""

    def __init__(self, hub: Hub, audit: Audit) -> None:
        self._hub = hub
        self._audit = audit

    # ---- Members and messages -------------------------------------------------------

    async def set_member(
        self, request: pb.SetMemberRequest, who: Identity = ANYBODY
    ) -> pb.MemberState:
        """See `Moderation.set_member`. Who moderates is for who decides all of the room."""
        allowed = owned if request.HasField("moderator") else orderly
        room = allowed(self._hub, who, request.room_id)
        name, mark = await self._hub.moderation.set_member(
            room,
            request.name,
            muted=request.muted if request.HasField("muted") else None,
            moderator=request.moderator if request.HasField("moderator") else None,
            reason=request.reason,
        )
        return pb.MemberState(name=name, muted=mark.muted, moderator=mark.moderator)

    async def withdraw_message(
        self, request: pb.WithdrawMessageRequest, who: Identity = ANYBODY
    ) -> pb.WithdrawMessageResponse:
        """See `Moderation.withdraw`. Raises DataLoss."""
        room = orderly(self._hub, who, request.room_id)
        entry = await self._hub.moderation.withdraw(
            room, request.sequence, self._said, reason=request.reason
        )
        self._audit.scrub(room.room_id, request.sequence)
        return pb.WithdrawMessageResponse(sequence=entry.sequence)

    async def _said(self, room: Room, sequence: int) -> tuple[Entry, str, str]:
        """What was said under a sequence; raises RequestInvalid, DataLoss."""
        if not 0 < sequence <= min(room.newest, MAX_SEQUENCE):
            raise RequestInvalid("sequence", f"room {room.room_id} has no message {sequence}")
        page = await self._hub.replay.after(room, sequence - 1, 1)
        if not page or page[0].sequence != sequence:
            raise RequestInvalid("sequence", f"message {sequence} is not kept any more")
        (entry,) = page
        if entry.kind is Kind.WITHDRAWN:
            raise RequestInvalid("sequence", f"message {sequence} was withdrawn already")
        if entry.kind is not Kind.SAID:
            raise RequestInvalid("sequence", f"{sequence} is nothing that somebody has said")
        message = stored_message(entry)
        return entry, message.name, message.nonce

    # ---- Bans -----------------------------------------------------------------------

    def _room(self, who: Identity, room_id: str) -> Room | None:
        """The room that is to be moderated; None: all of the server, which is for admins."""
        if room_id:
            return orderly(self._hub, who, room_id)
        demand(who, Right.ADMIN)
        return None

    async def create_ban(self, request: pb.Ban, who: Identity = ANYBODY) -> pb.Ban:
        """See `Banning.ban`."""
        room = self._room(who, request.room_id)
        whom = request.WhichOneof("whom")
        if whom is None:
            raise RequestInvalid("whom", "give one of name, identity, address, member")
        ban = await self._hub.banning.ban(
            room,
            Whom(whom),
            getattr(request, whom),
            until=_nanoseconds("until", request.until),
            reason=request.reason,
            by=who.actor,
        )
        return ban_message(ban, room)

    async def lift_ban(self, request: pb.LiftBanRequest, who: Identity = ANYBODY) -> pb.Ban:
        """See `Banning.lift`. Who may not lift it is told that there is none."""
        if not who.subject:
            demand(who, Right.MODERATE)
        try:
            room, ban = self._hub.banning.find(request.ban_id)
            self._room(who, room.room_id if room is not None else "")
        except (RequestInvalid, GrantMissing, RoomNotFound):
            demand(who, Right.MODERATE)  # who may see none is told of none
            raise RequestInvalid(
                "ban_id", f"there is no ban {request.ban_id[:MOST_SHOWN]!r}"
            ) from None
        await self._hub.banning.lift(room, ban)
        return ban_message(ban, room)

    async def list_bans(self, request: pb.ListBansRequest, who: Identity = ANYBODY) -> Listing:
        """In order of their time; the page token is the last one's id."""
        room = self._room(who, request.room_id)
        count = _page(request.page_size)
        found = self._hub.banning.listed(room, request.page_token, count + 1)
        response = pb.ListBansResponse(
            next_page_token=found[count - 1].ban_id if len(found) > count else ""
        )
        messages = (ban_message(ban, room) for ban in found[:count])
        return Listing(response, "bans", self._slices(messages))

    def _slices(self, messages: Iterable[ProtobufMessage]) -> Iterator[list[bytes]]:
        """Encoded in pieces of work, as `Listing` has it."""
        rest = iter(messages)
        while part := list(islice(rest, self._hub.limits.slice_items)):
            yield [message.SerializeToString() for message in part]

    # ---- Invitations ------------------------------------------------------------------

    async def create_invitation(
        self, request: pb.CreateInvitationRequest, who: Identity = ANYBODY
    ) -> pb.Invitation:
        """See `Invitations.invite`."""
        room = orderly(self._hub, who, request.room_id)
        invitation, secret = await self._hub.invitations.invite(
            room,
            uses=request.uses,
            until=_nanoseconds("until", request.until),
            name=request.name,
            by=who.actor,
        )
        message = invitation_message(invitation, room)
        message.secret = secret
        return message

    async def revoke_invitation(
        self, request: pb.RevokeInvitationRequest, who: Identity = ANYBODY
    ) -> pb.Invitation:
        """See `Invitations.revoke`. Who may not revoke it is told that there is none."""
        if not who.subject:
            demand(who, Right.MODERATE)
        try:
            room, invitation = self._hub.invitations.find(request.invitation_id)
            orderly(self._hub, who, room.room_id)
        except (InvitationUnknown, GrantMissing, RoomNotFound):
            demand(who, Right.MODERATE)  # likewise
            raise RequestInvalid(
                "invitation_id", f"there is no invitation {request.invitation_id[:MOST_SHOWN]!r}"
            ) from None
        await self._hub.invitations.revoke(room, invitation)
        return invitation_message(invitation, room)

    async def list_invitations(
        self, request: pb.ListInvitationsRequest, who: Identity = ANYBODY
    ) -> Listing:
        """In order of their time; the page token is the last one's id."""
        room = orderly(self._hub, who, request.room_id)
        count = _page(request.page_size)
        found = self._hub.invitations.listed(room, request.page_token, count + 1)
        response = pb.ListInvitationsResponse(
            next_page_token=found[count - 1].invitation_id if len(found) > count else ""
        )
        messages = (invitation_message(each, room) for each in found[:count])
        return Listing(response, "invitations", self._slices(messages))

    # ---- The record of what was done ----------------------------------------------------

    async def list_audit_records(
        self, request: pb.ListAuditRecordsRequest, who: Identity = ANYBODY
    ) -> Listing:
        """In order of their time; the page token is the last one's number."""
        demand(who, Right.ADMIN)
        token = request.page_token
        if token and not (token.isascii() and token.isdecimal() and len(token) < 19):
            raise RequestInvalid("page_token", "this is no page token of ours")
        count = _page(request.page_size)
        found = await self._audit.records(
            after=int(token or 0),
            count=count + 1,
            since=_nanoseconds("since", request.since),
            room_id=request.room_id,
        )
        response = pb.ListAuditRecordsResponse(
            next_page_token=str(found[count - 1].number) if len(found) > count else ""
        )
        messages = (record_message(record) for record in found[:count])
        return Listing(response, "records", self._slices(messages))


def _page(size: int) -> int:
    if size > LARGEST_PAGE:
        raise RequestInvalid("page_size", f"a page has at most {LARGEST_PAGE}")
    return size or PAGE


def _nanoseconds(field: str, stamp: Timestamp) -> int:
    """Ns since 1970; 0: it is not given. Raises RequestInvalid."""
    if not (0 <= stamp.seconds <= LATEST and 0 <= stamp.nanos < 1_000_000_000):
        raise RequestInvalid(field, f"{field} is no time since 1970")
    return min(stamp.seconds * 1_000_000_000 + stamp.nanos, MAX_SEQUENCE)


def _when(ns: int) -> Timestamp | None:
    return timestamp(ns) if ns else None


def ban_message(ban: Ban, room: Room | None) -> pb.Ban:
    """A ban, as it is listed."""
    message = pb.Ban(
        ban_id=ban.ban_id,
        room_id=room.room_id if room is not None else "",
        until=_when(ban.until),
        reason=ban.reason,
        by=ban.by,
        created=timestamp(ban.created),
    )
    setattr(message, ban.whom, ban.value)
    return message


def invitation_message(invitation: Invitation, room: Room) -> pb.Invitation:
    """An invitation, as it is listed."""
    return pb.Invitation(
        invitation_id=invitation.invitation_id,
        room_id=room.room_id,
        uses_left=invitation.uses_left,
        until=_when(invitation.until),
        name=invitation.name,
        by=invitation.by,
        created=timestamp(invitation.created),
    )


def record_message(record: AuditRecord) -> pb.AuditRecord:
    """An audit record, as it is listed."""
    return pb.AuditRecord(
        at=timestamp(record.at),
        actor=record.actor,
        key_id=record.key_id,
        token_id=record.token_id,
        address=record.address,
        method=record.method,
        room_id=record.room_id,
        target=record.target,
        outcome=record.outcome,
    )
