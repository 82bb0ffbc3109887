"""The client library: connect to a chat server, join a room, talk.

    async with connect("localhost:8080") as chat:
        async with chat.join("lobby", name="bot") as room:
            async for message in room:
                if message.kind is Kind.SAID and not message.replayed:
                    await room.send(f"{message.name} said {message.text}")

Importing this package does not import gRPC; connecting does.
"""

from chatroom.client.address import Address, AddressInvalid
from chatroom.client.chat import Chat, connect
from chatroom.client.errors import (
    ChatError,
    NameInvalid,
    NameTaken,
    NotInRoom,
    Removed,
    RoomClosed,
    RoomNotFound,
    ServerUnavailable,
)
from chatroom.client.messages import (
    SERVER_NAME,
    ChatRoom,
    Closed,
    Draining,
    Joined,
    Kind,
    Member,
    Message,
    Page,
    Refused,
)
from chatroom.client.patience import Patience
from chatroom.client.room import Room

__all__ = [
    "SERVER_NAME",
    "Address",
    "AddressInvalid",
    "Chat",
    "ChatError",
    "ChatRoom",
    "Closed",
    "Draining",
    "Joined",
    "Kind",
    "Member",
    "Message",
    "NameInvalid",
    "NameTaken",
    "NotInRoom",
    "Page",
    "Patience",
    "Refused",
    "Removed",
    "Room",
    "RoomClosed",
    "RoomNotFound",
    "ServerUnavailable",
    "connect",
]
