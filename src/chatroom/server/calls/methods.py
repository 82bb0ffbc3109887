"""The methods of the contract that answer once: a message in, a message out.

They raise refusals and know no protocol.
"""

from __future__ import annotations

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core import refusals
from chatroom.core.entry import Entry
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.refusals import RequestInvalid
from chatroom.server.rooms.hub import Hub
from chatroom.wire.envelopes import payload

from . import encode

MAX_SEQUENCE = (1 << 63) - 1


class Methods:
    """`rpc.ChatService` without its two streams."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # ---- Rooms --------------------------------------------------------------------

    async def create_chat_room(self, request: pb.CreateChatRoomRequest) -> pb.ChatRoom:
        """See `Hub.create_room`."""
        room = await self._hub.rooms.create(
            room_id=request.room_id,
            private=request.private,
            title=request.title,
            capacity=request.capacity,
            history=request.history,
        )
        return encode.room_message(room)

    async def list_chat_rooms(self, request: pb.ListChatRoomsRequest) -> pb.ListChatRoomsResponse:
        """Rooms that are not private; the page token is the last room id of the page."""
        size = request.page_size
        rooms = self._hub.rooms.listed(after=request.page_token, count=size + 1 if size else 0)
        page = rooms[:size] if size else rooms
        return pb.ListChatRoomsResponse(
            chat_rooms=[encode.room_message(room) for room in page],
            next_page_token=page[-1].room_id if len(page) < len(rooms) else "",
        )

    async def delete_chat_room(self, request: pb.DeleteChatRoomRequest) -> pb.ChatRoom:
        """See `Hub.delete_room`."""
        room = await self._hub.delete_room(
            request.room_id, reason=request.reason, successor=request.successor
        )
        return encode.room_message(room)

    # ---- Messages -----------------------------------------------------------------

    async def send_message(self, request: pb.SendMessageRequest) -> pb.Message:
        """The sending half of a membership whose stream is open elsewhere."""
        hub = self._hub
        fields = [
            field
            for field in ("message", "typing", "heartbeat", "leave")
            if request.HasField(field)
        ]
        if len(fields) != 1:
            raise refusals.OneField(
                "a SendMessageRequest carries exactly one of message, typing, heartbeat, leave"
            )
        field = fields[0]
        place = hub.speaker(request.session, streaming=field != "leave")
        if field == "leave":
            hub.quit(place)
            return pb.Message()
        place.member.heard(field == "heartbeat")
        if field == "message":
            entry = await hub.talk.send(place, request.message.message, request.message.nonce)
            return stored_message(entry)
        if field == "typing":
            await hub.talk.pace(place)
            hub.talk.type(place, request.typing.active)
        return pb.Message()

    async def list_messages(self, request: pb.ListMessagesRequest) -> pb.ListMessagesResponse:
        """A page of a room's log, every kind of entry. Raises DataLoss."""
        hub = self._hub
        room = hub.rooms.get(request.room_id)
        limits = hub.limits
        if request.page_size > limits.page_entries:
            raise RequestInvalid("page_size", f"a page has at most {limits.page_entries} messages")
        count = request.page_size or limits.page_entries_default
        if request.HasField("before") and request.HasField("after"):
            raise RequestInvalid("before", "ask for before or after, not for both")
        newest = room.newest
        if request.HasField("after"):
            page = await hub.replay.after(room, min(request.after, MAX_SEQUENCE), count)
            page = [entry for entry in page if entry.sequence <= newest]
            more = bool(page) and page[-1].sequence < newest
        else:
            before = min(request.before if request.HasField("before") else newest + 1, newest + 1)
            page = await hub.replay.before(room, before, count)
            more = bool(page) and await hub.replay.any_before(room, page[0].sequence)
        return pb.ListMessagesResponse(
            messages=[stored_message(entry) for entry in page],
            epoch=room.facts.epoch,
            more=more,
        )

    # ---- Members ------------------------------------------------------------------

    async def list_members(self, request: pb.ListMembersRequest) -> pb.ListMembersResponse:
        """The roster in order of name tag; the page token is the last name's key."""
        hub = self._hub
        room = hub.rooms.get(request.room_id)
        size = min(request.page_size or hub.limits.page_members, hub.limits.page_members)
        members = sorted(
            (member for member in room.members() if member.tag.key > request.page_token),
            key=lambda member: member.tag.key,
        )
        page = members[:size]
        return pb.ListMembersResponse(
            members=[encode.member_message(member) for member in page],
            next_page_token=page[-1].tag.key if len(page) < len(members) else "",
        )

    async def remove_member(self, request: pb.RemoveMemberRequest) -> pb.Member:
        """See `Hub.remove_member`."""
        member = await self._hub.remove_member(request.room_id, request.name, request.reason)
        return encode.member_message(member, LeaveReason.REMOVED)


def stored_message(entry: Entry) -> pb.Message:
    """The message of an entry."""
    return pb.Message.FromString(payload(entry.envelope))
