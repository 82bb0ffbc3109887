"""The methods of the contract that answer once: a message in, a message out.

They raise refusals and know no protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core import refusals
from chatroom.core.entry import Entry
from chatroom.core.grants import ANYBODY, Identity, Right, demand, demand_in, is_for
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.query import parsed
from chatroom.core.refusals import RequestInvalid
from chatroom.core.room import Room
from chatroom.server.rooms.hub import Hub
from chatroom.wire.envelopes import payload

from . import encode
from .listing import Listing
from .orders import in_room, orderly, owned
from .said import manner_of

MAX_SEQUENCE = (1 << 63) - 1
ANY_ID = "0"
"""In place of an id that the server is to choose, where it is asked whether it is covered."""


class Methods:
    """`rpc.ChatService` without its two streams."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # ---- Rooms --------------------------------------------------------------------

    async def create_chat_room(
        self, request: pb.CreateChatRoomRequest, who: Identity = ANYBODY
    ) -> pb.ChatRoom:
        """See `Rooms.create`."""
        demand(who, Right.CREATE)
        grant, moderates = who.grant, who.grant.gives(Right.CREATE_MODERATES)
        covers = grant.covers(request.room_id or ANY_ID, private=request.private)
        if not covers and (request.room_id or not moderates):
            raise refusals.GrantMissing(Right.CREATE, request.room_id)
        self._hub.quotas.create(who)
        room = await self._hub.rooms.create(
            room_id=request.room_id,
            private=request.private,
            title=request.title,
            capacity=request.capacity,
            history=request.history,
            creator=who.subject if moderates else "",
        )
        return encode.room_message(room)

    async def list_chat_rooms(
        self, request: pb.ListChatRoomsRequest, who: Identity = ANYBODY
    ) -> Listing:
        """Rooms that are not private; the page token is the last room id of the page.

        It ends above `Limits.page_bytes`, whatever was asked for. Rooms that are not for who
        asks are left out.
        """
        demand(who, Right.LIST)
        response = pb.ListChatRoomsResponse()
        return Listing(response, "chat_rooms", self._rooms(request, response, who))

    def _rooms(
        self, request: pb.ListChatRoomsRequest, response: pb.ListChatRoomsResponse, who: Identity
    ) -> Iterator[list[bytes]]:
        limits = self._hub.limits
        left = request.page_size or limits.server_rooms
        bytes_left = limits.page_bytes
        after = last = request.page_token
        while True:
            rooms = self._hub.rooms.listed(after=after, count=limits.slice_items)
            there = [room for room in rooms if is_for(who, room.facts)]
            told = there[:left]
            items = [encode.room_message(room).SerializeToString() for room in told]
            yield items
            left -= len(items)
            bytes_left -= sum(map(len, items))
            if told:
                last = told[-1].room_id  # a page token tells of no room that is left out
            if len(rooms) < limits.slice_items and len(told) == len(there):
                return
            after = rooms[-1].room_id
            if not left or bytes_left <= 0:
                if self._hub.rooms.listed(after=last, count=1):
                    response.next_page_token = last
                return

    async def delete_chat_room(
        self, request: pb.DeleteChatRoomRequest, who: Identity = ANYBODY
    ) -> pb.ChatRoom:
        """See `Moderation.delete_room`."""
        room = owned(self._hub, who, request.room_id)
        await self._hub.moderation.delete_room(
            room, reason=request.reason, successor=request.successor
        )
        return encode.room_message(room)

    async def update_chat_room(
        self, request: pb.UpdateChatRoomRequest, who: Identity = ANYBODY
    ) -> pb.ChatRoom:
        """See `Moderation.update`."""
        room = orderly(self._hub, who, request.room_id)
        changes = {
            field: getattr(request, field)
            for field in ("title", "capacity", "history", "closed_to_newcomers")
            if request.HasField(field)
        }
        await self._hub.moderation.update(room, **changes)
        return encode.room_message(room)

    # ---- Messages -----------------------------------------------------------------

    async def send_message(
        self, request: pb.SendMessageRequest, who: Identity = ANYBODY
    ) -> pb.Message:
        """The sending half of a membership whose stream is open elsewhere."""
        nodes = self._hub.nodes
        if nodes is not None and request.HasField("leave"):
            await nodes.know_session(request.session)
        try:
            return await self._send_message(request, who)
        except (refusals.SessionReplaced, refusals.SessionUnknown):
            if nodes is None:
                raise
        await nodes.know_session(request.session)  # it may have moved just now
        return await self._send_message(request, who)

    async def _send_message(self, request: pb.SendMessageRequest, who: Identity) -> pb.Message:
        hub = self._hub
        fields = [
            field
            for field in ("message", "typing", "heartbeat", "leave", "rename")
            if request.HasField(field)
        ]
        if len(fields) != 1:
            raise refusals.OneField(
                "a SendMessageRequest carries exactly one of message, typing, heartbeat, leave, "
                "rename"
            )
        field = fields[0]
        speaks = field in ("message", "typing", "rename")
        if speaks:
            demand(who, Right.SEND)
        place = hub.sessions.speaker(request.session, streaming=field != "leave")
        member = place.member
        if not hub.invitations.holds(who, member.subject, member.invitation):
            raise refusals.SessionMismatch("identity")
        if speaks:
            demand_in(who, Right.SEND, place.room.facts)
        if field == "leave":
            hub.quit(place)
            return pb.Message()
        place.member.heard(field == "heartbeat")
        if field == "message":
            said = request.message
            entry = await hub.talk.send(place, said.message, said.nonce, manner_of(said))
            return stored_message(entry)
        if field == "rename":
            tag = hub.doors.new_name(place.room, member, who, request.rename.name)
            return stored_message(await hub.talk.send_rename(place, tag, request.rename.nonce))
        if field == "typing":
            await hub.talk.pace(place)
            hub.talk.type(place, request.typing.active)
        return pb.Message()

    async def list_messages(
        self, request: pb.ListMessagesRequest, who: Identity = ANYBODY
    ) -> Listing:
        """A page of a room's log, every kind of entry. Raises DataLoss."""
        hub = self._hub
        demand(who, Right.HISTORY)
        room = in_room(hub, who, Right.HISTORY, request.room_id)
        hub.invitations.check(who)  # a link that is used up may be in other hands
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
        response = pb.ListMessagesResponse(epoch=room.facts.epoch, more=more)
        return Listing(response, "messages", self._entries(page))

    async def search_messages(
        self, request: pb.SearchMessagesRequest, who: Identity = ANYBODY
    ) -> Listing:
        """What was said in a room and has the words of a query, the newest first."""
        hub, limits = self._hub, self._hub.limits
        demand(who, Right.HISTORY)
        room = in_room(hub, who, Right.HISTORY, request.room_id)
        hub.invitations.check(who)  # likewise
        if request.page_size > limits.page_found:
            raise RequestInvalid("page_size", f"a page has at most {limits.page_found} messages")
        query = parsed(request.query, characters=limits.query_characters, most=limits.query_words)
        hub.quotas.search(who)
        newest = room.newest
        before = min(request.before or newest + 1, newest + 1)
        count = request.page_size or limits.page_found_default
        found = await hub.replay.search(room, query, before, count)
        response = pb.SearchMessagesResponse(more=found.more)
        return Listing(response, "messages", self._entries(found.entries))

    def _entries(self, page: Sequence[Entry]) -> Iterator[list[bytes]]:
        limits = self._hub.limits
        items: list[bytes] = []
        size = 0
        for entry in page:
            items.append(payload(entry.envelope))
            size += len(entry.envelope)
            if size >= limits.slice_bytes or len(items) >= limits.slice_items:
                yield items
                items, size = [], 0
        if items:
            yield items

    # ---- Members ------------------------------------------------------------------

    async def list_members(
        self, request: pb.ListMembersRequest, who: Identity = ANYBODY
    ) -> Listing:
        """The roster in order of name tag; the page token is the last name's key."""
        demand(who, Right.JOIN)
        room = in_room(self._hub, who, Right.JOIN, request.room_id)
        self._hub.invitations.check(who)  # likewise
        response = pb.ListMembersResponse()
        return Listing(response, "members", self._members(room, request, response))

    def _members(
        self, room: Room, request: pb.ListMembersRequest, response: pb.ListMembersResponse
    ) -> Iterator[list[bytes]]:
        limits = self._hub.limits
        left = min(request.page_size or limits.page_members, limits.page_members)
        after = request.page_token
        while True:
            page = room.members_following(after, min(left, limits.slice_items))
            if not page:
                return
            yield [encode.member_message(member).SerializeToString() for member in page]
            left -= len(page)
            after = page[-1].tag.key
            if not left:
                if room.members_following(after, 1):
                    response.next_page_token = after
                return

    async def remove_member(
        self, request: pb.RemoveMemberRequest, who: Identity = ANYBODY
    ) -> pb.Member:
        """See `Moderation.remove`."""
        room = orderly(self._hub, who, request.room_id)
        member = self._hub.moderation.remove(room, request.name, request.reason)
        return encode.member_message(member, LeaveReason.REMOVED)


def stored_message(entry: Entry) -> pb.Message:
    """The message of an entry."""
    return pb.Message.FromString(payload(entry.envelope))
