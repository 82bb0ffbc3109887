"""The methods of a connection for those who keep rooms in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatroom.client.calls import LIST_PAGE, Calls
from chatroom.client.messages import ChatRoom, Member, room_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from chatroom.client.moderation import AuditRecord, Ban, Invitation


class Moderating(Calls):
    """What a moderator of a room may ask for; its methods raise ChatError.

    The server says who may: by a token, since the room was created with it, or made so by
    `set_member`. A time without its zone is a ValueError.
    """

    async def update_room(
        self,
        room_id: str,
        *,
        title: str | None = None,
        capacity: int | None = None,
        history: int | None = None,
        closed_to_newcomers: bool | None = None,
    ) -> ChatRoom:
        """Change what is given of a room; its members are told (Kind.UPDATED).

        A `capacity` or `history` of 0 is the server's default. Into a room that is closed
        to newcomers comes only who was in it lately or is invited.
        """
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.UpdateChatRoomRequest(
            room_id=room_id,
            title=title,
            capacity=capacity,
            history=history,
            closed_to_newcomers=closed_to_newcomers,
        )
        return room_from(await self._ask("UpdateChatRoom", request))

    async def set_member(
        self,
        room_id: str,
        name: str,
        *,
        muted: bool | None = None,
        moderator: bool | None = None,
        reason: str = "",
    ) -> Member:
        """Mute somebody who is in the room, make them a moderator, or take that back.

        What is None stays. It lasts beyond the membership: for their identity, or if they
        have none for their name; the mute of a name can be lifted while nobody has it. The
        room is told (Kind.CHANGED). What is returned has the name in the room's own case, and
        both marks.
        """
        from chatroom.api.rpc import moderation_pb2

        request = moderation_pb2.SetMemberRequest(
            room_id=room_id, name=name, muted=muted, moderator=moderator, reason=reason
        )
        state = await self._moderate("SetMember", request)
        return Member(name=state.name, muted=state.muted, moderator=state.moderator)

    async def withdraw(self, room_id: str, sequence: int, reason: str = "") -> int:
        """Take back what somebody said: its text is gone from the server.

        A mark stays in its place (`Message.withdrawn`), and an entry tells of it
        (Kind.WITHDRAWN), whose sequence is returned.
        """
        from chatroom.api.rpc import moderation_pb2

        request = moderation_pb2.WithdrawMessageRequest(
            room_id=room_id, sequence=sequence, reason=reason
        )
        answer = await self._moderate("WithdrawMessage", request)
        told: int = answer.sequence
        return told

    # ---- Bans -------------------------------------------------------------------------

    async def ban(
        self,
        room_id: str = "",
        *,
        name: str | None = None,
        identity: str | None = None,
        address: str | None = None,
        member: str | None = None,
        until: datetime | None = None,
        reason: str = "",
    ) -> Ban:
        """Keep somebody out of a room, and send them out; without a room, out of all.

        Give one of `name`, `identity` (a token's `sub`), `address` (or a prefix), and
        `member` (who is in the room under this name now, by session and identity).
        """
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import ban_from, timestamp

        request = moderation_pb2.Ban(
            room_id=room_id,
            name=name,
            identity=identity,
            address=address,
            member=member,
            until=timestamp(until),
            reason=reason,
        )
        return ban_from(await self._moderate("CreateBan", request))

    async def lift_ban(self, ban_id: str, reason: str = "") -> Ban:
        """Let somebody come again; the ban that there was."""
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import ban_from

        request = moderation_pb2.LiftBanRequest(ban_id=ban_id, reason=reason)
        return ban_from(await self._moderate("LiftBan", request))

    async def bans(self, room_id: str = "") -> AsyncIterator[Ban]:
        """Those of a room, or without one of the whole server, the oldest first."""
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import ban_from

        def asked(token: str) -> object:
            return moderation_pb2.ListBansRequest(
                room_id=room_id, page_size=LIST_PAGE, page_token=token
            )

        async for page in self._listed("bans", "ListBans", asked):
            for ban in page.bans:
                yield ban_from(ban)

    # ---- Invitations --------------------------------------------------------------------

    async def invite(
        self,
        room_id: str,
        *,
        uses: int | None = None,
        until: datetime | None = None,
        name: str = "",
    ) -> Invitation:
        """Make an invitation; its `secret` is told now, and never again.

        `uses` is how many memberships may begin with it (None: any number), `name` the name
        tag that it fixes.
        """
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import invitation_from, timestamp

        request = moderation_pb2.CreateInvitationRequest(
            room_id=room_id, uses=uses or 0, until=timestamp(until), name=name
        )
        return invitation_from(await self._moderate("CreateInvitation", request))

    async def revoke_invitation(self, invitation_id: str) -> Invitation:
        """Let nobody come by it any more, nor come back; who is in stays."""
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import invitation_from

        request = moderation_pb2.RevokeInvitationRequest(invitation_id=invitation_id)
        return invitation_from(await self._moderate("RevokeInvitation", request))

    async def invitations(self, room_id: str) -> AsyncIterator[Invitation]:
        """Those of a room, the oldest first, without their secrets."""
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import invitation_from

        def asked(token: str) -> object:
            return moderation_pb2.ListInvitationsRequest(
                room_id=room_id, page_size=LIST_PAGE, page_token=token
            )

        async for page in self._listed("invitations", "ListInvitations", asked):
            for invitation in page.invitations:
                yield invitation_from(invitation)

    # ---- The record of what was done ------------------------------------------------------

    async def audit_records(
        self, room_id: str = "", *, since: datetime | None = None
    ) -> AsyncIterator[AuditRecord]:
        """Who did what when, the oldest first: of a room, or of all. For admins."""
        from chatroom.api.rpc import moderation_pb2
        from chatroom.client.moderation import record_from, timestamp

        begin = timestamp(since)

        def asked(token: str) -> object:
            return moderation_pb2.ListAuditRecordsRequest(
                room_id=room_id, since=begin, page_size=LIST_PAGE, page_token=token
            )

        async for page in self._listed("audit records", "ListAuditRecords", asked):
            for record in page.records:
                yield record_from(record)

    # ---------------------------------------------------------------------------------------

    async def _moderate(self, method: str, request: object) -> Any:
        from chatroom.api.rpc.moderation_pb2_grpc import ModerationServiceStub

        return await self._ask(method, request, ModerationServiceStub)

    async def _listed(
        self, what: str, method: str, asked: Callable[[str], object]
    ) -> AsyncIterator[Any]:
        from chatroom.api.rpc.moderation_pb2_grpc import ModerationServiceStub

        async for page in self._pages(what, method, asked, ModerationServiceStub):
            yield page
