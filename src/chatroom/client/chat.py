"""A connection to one chat server: its rooms, and the way into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from chatroom.client.address import Address
from chatroom.client.messages import (
    ChatRoom,
    Member,
    Page,
    member_from,
    page_from,
    room_from,
)
from chatroom.client.patience import Patience
from chatroom.client.room import Room

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    import grpc.aio

    from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
    from chatroom.client.stream import Stream

Answer = TypeVar("Answer")

LIST_PAGE = 1000
"""Rooms, or members, asked for at once, so that an answer stays well under 2 MiB."""


def connect(
    address: str | Address = "localhost:8080",
    *,
    insecure: bool = False,
    patience: Patience = Patience(),  # noqa: B008 # it is frozen
) -> Chat:
    """A connection to the server at `address` (`host:port`; the port is 8080 if absent).

    Plaintext for loopback addresses, TLS for all others; `insecure` forces
    plaintext. Nothing is connected before the first call. Raises AddressInvalid.
    """
    where = Address.parse(address) if isinstance(address, str) else address
    return Chat(where, insecure=insecure, patience=patience)


class Chat:
    """A server's rooms. Use it with `async with`; its methods raise ChatError."""

    def __init__(self, address: Address, *, insecure: bool, patience: Patience) -> None:
        self.address = address
        self.insecure = insecure
        self._patience = patience
        self._channel: grpc.aio.Channel | None = None
        self._opened: ChatServiceStub | None = None

    async def __aenter__(self) -> Self:
        from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
        from chatroom.client.channel import open_channel

        self._channel = open_channel(self.address, insecure=self.insecure)
        self._opened = ChatServiceStub(self._channel)  # type: ignore[no-untyped-call] # generated
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        channel, self._channel, self._opened = self._channel, None, None
        if channel is not None:
            await channel.close(None)

    def join(
        self,
        room_id: str,
        name: str,
        *,
        history: int | None = None,
        echo: bool = False,
        events: bool = True,
    ) -> Room:
        """A membership of the room, to be entered with `async with`.

        `history` is how many earlier messages are replayed (None: the server's
        default, 10), `echo` whether own messages come back with their sequence,
        `events` whether the stream carries the structure of `Message.kind`.
        """
        return Room(
            room_id,
            name,
            self._open_stream,
            self._patience,
            events=events,
            echo=echo,
            history=history,
        )

    async def rooms(self) -> list[ChatRoom]:
        """Every public room, in order of room id."""
        from chatroom.api.rpc import chat_pb2

        found: list[ChatRoom] = []
        token = ""
        while True:
            answer = await self._ask(
                self._stub.ListChatRooms,
                chat_pb2.ListChatRoomsRequest(page_size=LIST_PAGE, page_token=token),
            )
            found.extend(room_from(room) for room in answer.chat_rooms)
            token = answer.next_page_token
            if not token:
                return found

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
        return room_from(await self._ask(self._stub.CreateChatRoom, request))

    async def delete_room(self, room_id: str, reason: str = "", successor: str = "") -> ChatRoom:
        """Delete a room; its members get the final message and RoomClosed."""
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.DeleteChatRoomRequest(
            room_id=room_id, reason=reason, successor=successor
        )
        return room_from(await self._ask(self._stub.DeleteChatRoom, request))

    async def members(self, room_id: str) -> list[Member]:
        """Everybody who is in the room."""
        from chatroom.api.rpc import chat_pb2

        found: list[Member] = []
        token = ""
        while True:
            answer = await self._ask(
                self._stub.ListMembers,
                chat_pb2.ListMembersRequest(room_id=room_id, page_size=LIST_PAGE, page_token=token),
            )
            found.extend(member_from(member) for member in answer.members)
            token = answer.next_page_token
            if not token:
                return found

    async def history(
        self,
        room_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        page_size: int | None = None,
    ) -> Page:
        """A page of the room's entries: the newest, or that below `before` or above `after`."""
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.ListMessagesRequest(
            room_id=room_id, before=before, after=after, page_size=page_size or 0
        )
        return page_from(await self._ask(self._stub.ListMessages, request))

    async def remove_member(self, room_id: str, name: str, reason: str = "") -> Member:
        """End somebody's membership; their stream ends with Removed."""
        from chatroom.api.rpc import chat_pb2

        request = chat_pb2.RemoveMemberRequest(room_id=room_id, name=name, reason=reason)
        return member_from(await self._ask(self._stub.RemoveMember, request))

    @property
    def _stub(self) -> ChatServiceStub:
        if self._opened is None:
            raise RuntimeError("connect first: async with connect(...) as chat")
        return self._opened

    async def _ask(self, method: Callable[..., Awaitable[Answer]], request: object) -> Answer:
        import grpc.aio

        from chatroom.client.statuses import error_from

        try:
            return await method(request, timeout=self._patience.call)
        except grpc.aio.AioRpcError as error:
            raise error_from(error, self.address) from error

    def _open_stream(self) -> Stream:
        from chatroom.client.stream import Stream

        return Stream(self._stub.Chat(), self.address)
