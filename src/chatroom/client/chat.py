"""A connection to one chat server: its rooms, and the way into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.client.calls import LIST_PAGE
from chatroom.client.errors import DataLoss
from chatroom.client.inbox import Inbox
from chatroom.client.limits import Limits
from chatroom.client.membership import Membership
from chatroom.client.messages import (
    ChatRoom,
    Member,
    Page,
    found_from,
    member_from,
    page_from,
    room_from,
    with_damaged,
)
from chatroom.client.moderating import Moderating
from chatroom.client.outbox import Outbox
from chatroom.client.patience import Patience
from chatroom.client.position import Position
from chatroom.client.room import Room
from chatroom.client.security import Security, Tls, TokenSource
from chatroom.client.server import Server
from chatroom.client.terms import Terms
from chatroom.wire.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.client.errors import NameTaken
    from chatroom.client.session import Session


def connect(
    address: str | Address = "localhost:8080",
    *,
    insecure: bool = False,
    tls: Tls | None = None,
    token: TokenSource = "",
    patience: Patience = Patience(),  # noqa: B008 # it is frozen
    limits: Limits = Limits(),  # noqa: B008 # it is frozen
) -> Chat:
    """A connection to the server at `address` (`host:port`; the port is 8080 if absent).

    Plaintext for loopback addresses, TLS for all others; `insecure` forces plaintext,
    `tls` TLS. The `token` goes with every call as `authorization: Bearer`: in clear text
    only to this machine, or with `insecure`. A function that gives one is called each time:
    a membership whose token has expired then goes on with the next one. Nothing is connected
    before the first call.

    Raises AddressInvalid, TlsUnusable, TokenInvalid; all are ValueErrors.
    """
    where = Address.parse(address) if isinstance(address, str) else address
    security = Security.of(where, insecure=insecure, tls=tls, token=token)
    return Chat(where, security, patience=patience, limits=limits)


class Chat(Moderating):
    """A server's rooms. Use it with `async with`; its methods raise ChatError.

    Once one of them was answered, what only reads is asked for again while the server
    is unavailable, up to `Patience.call`; so is what it refused because it is about to
    stop. Before, whoever waits is told at once: the address may be wrong.
    """

    def join(
        self,
        room_id: str,
        name: str,
        *,
        history: int | None = None,
        echo: bool = False,
        typing: bool = False,
        events: bool = True,
        resume: Session | None = None,
        when_taken: Callable[[NameTaken], object] | None = None,
    ) -> Room:
        """A membership of the room, to be entered with `async with`.

        `history` is how many earlier messages are replayed (None: the server's
        default, 10), `echo` whether own messages are yielded too, with their sequence,
        `typing` whether messages of Kind.TYPING are, which have no text, `events` whether
        the stream carries the structure of `Message.kind`. Without it
        there is no session: a lost connection ends the membership, and nothing that is
        sent is acknowledged.

        A name in use may be one's own, of a process that was killed: the room keeps its place
        for 15 s. With `when_taken` the name is waited for, `Patience.name` at most, and that is
        called once with what the server said. With `resume`, a `Room.session` that was kept, the
        place is taken back at once, and what was said since is yielded like what is missed over
        a lost connection; of a session that the server does not know any more, too, if the
        room's log is still the same. Raises ValueError for `resume` without `events`.
        """
        if resume is not None and not events:
            raise ValueError("only a stream with events has a session to resume")
        terms = Terms(
            room_id=room_id,
            name=name,
            history=history,
            events=events,
            echo=echo,
            typing=typing,
            resume=resume,
            when_taken=when_taken,
        )
        inbox, outbox = Inbox(self.limits), Outbox(self.limits)
        membership = Membership(
            terms,
            self.server(room_id),
            self.patience,
            position=Position(),
            inbox=inbox,
            outbox=outbox,
        )
        return Room(membership, inbox, outbox, self.patience)

    def server(self, room_id: str) -> Server:
        """What a membership in the room needs of this connection."""

        async def entries_after(sequence: int) -> Page:
            return await self.history(room_id, after=sequence, page_size=LIST_PAGE)

        async def found(query: str, before: int | None) -> Page:
            return await self.search(room_id, query, before=before)

        return Server(
            open_stream=self._connections.open_stream,
            full=self._connections.full,
            shared=self._connections.shared,
            entries_after=entries_after,
            found=found,
            renews=self.security.renews,
        )

    async def rooms(self) -> list[ChatRoom]:
        """Every public room, in order of room id."""
        from chatroom.api.rpc import chat_pb2

        def asked(token: str) -> object:
            return chat_pb2.ListChatRoomsRequest(page_size=LIST_PAGE, page_token=token)

        return [
            room_from(room)
            async for page in self._pages("rooms", "ListChatRooms", asked)
            for room in page.chat_rooms
        ]

    async def create_room(
        self,
        room_id: str | None = None,
        *,
        private: bool = False,
        title: str = "",
        capacity: int | None = None,
        history: int | None = None,
    ) -> ChatRoom:
        """Create a room; without an id the server chooses one, as for a private room."""
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.CreateChatRoomRequest(
            private=private,
            room_id=room_id or "",
            title=title,
            capacity=capacity or 0,
            history=history or 0,
        )
        return room_from(await self._ask("CreateChatRoom", request))

    async def delete_room(self, room_id: str, reason: str = "", successor: str = "") -> ChatRoom:
        """Delete a room; its members get the final message and RoomClosed."""
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.DeleteChatRoomRequest(
            room_id=room_id, reason=reason, successor=successor
        )
        return room_from(await self._ask("DeleteChatRoom", request))

    async def members(self, room_id: str) -> list[Member]:
        """Everybody who is in the room."""
        from chatroom.api.rpc import chat_pb2

        def asked(token: str) -> object:
            return chat_pb2.ListMembersRequest(
                room_id=room_id, page_size=LIST_PAGE, page_token=token
            )

        return [
            member_from(member)
            async for page in self._pages("members", "ListMembers", asked)
            for member in page.members
        ]

    async def history(
        self,
        room_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        page_size: int | None = None,
    ) -> Page:
        """A page of the room's entries: the newest, or that below `before` or above `after`.

        A page ends with what is damaged on the server's disk; that stands in its place, as
        a message of Kind.DAMAGED.
        """
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.ListMessagesRequest(
            room_id=room_id, before=before, after=after, page_size=page_size or 0
        )
        try:
            return page_from(await self._ask("ListMessages", request))
        except DataLoss as loss:
            sequence, readable = loss.sequence, loss.readable
            if not sequence or readable is None or readable > LIST_PAGE:
                raise
            page = Page(messages=(), epoch=loss.metadata.get("epoch", ""), more=True)
        if readable:
            request.page_size = readable
            page = page_from(await self._ask("ListMessages", request))
        return with_damaged(page, sequence, upwards=after is not None)

    async def search(
        self,
        room_id: str,
        query: str,
        *,
        before: int | None = None,
        page_size: int | None = None,
    ) -> Page:
        """What was said in a room and has all words of a query, the newest first.

        `"in quotes"` is a phrase, `from:Bob` whose messages are meant. A page has at most 100
        messages (20 unless said otherwise), all below `before` if that is given; where there are
        `more`, ask for those before its last. Raises ChatError: QUERY_INVALID says what to
        change, and a server of before there were searches answers UNIMPLEMENTED.
        """
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.SearchMessagesRequest(
            room_id=room_id, query=query, before=before or 0, page_size=page_size or 0
        )
        return found_from(await self._ask("SearchMessages", request))

    async def remove_member(self, room_id: str, name: str, reason: str = "") -> Member:
        """End somebody's membership; their stream ends with Removed."""
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.RemoveMemberRequest(room_id=room_id, name=name, reason=reason)
        return member_from(await self._ask("RemoveMember", request))
