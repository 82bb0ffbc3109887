"""The client library: connect to a chat server, join a room, talk.

    async with connect("localhost:8080") as chat:
        async with chat.join("lobby", name="bot") as room:
            async for message in room:
                if message.kind is Kind.SAID and not message.replayed:
                    await room.send(f"{message.name} said {message.text}")

`send` returns when the room has stored the message; a lost connection is got back.
Importing this package does not import gRPC; connecting does.
"""

from chatroom.client.chat import Chat, connect
from chatroom.client.errors import (
    Banned,
    ChatError,
    DataLoss,
    InvitationRefused,
    NameInvalid,
    NameReserved,
    NameTaken,
    NotAccepted,
    NotInRoom,
    Removed,
    RoomClosed,
    RoomNotFound,
    ServerUnavailable,
    SessionReplaced,
    TokenRefused,
)
from chatroom.client.limits import Limits
from chatroom.client.messages import (
    SERVER_NAME,
    ChatRoom,
    Closed,
    Draining,
    Expiring,
    Gap,
    Joined,
    Kind,
    Member,
    Message,
    Page,
    Refused,
    Renamed,
    Typing,
    Withdrawn,
)
from chatroom.client.moderation import AuditRecord, Ban, Invitation
from chatroom.client.outbox import Posted
from chatroom.client.patience import Patience
from chatroom.client.room import Room
from chatroom.client.security import Tls, TlsUnusable, TokenInvalid
from chatroom.client.session import Session
from chatroom.wire.addresses import Address, AddressInvalid

__all__ = [
    "SERVER_NAME",
    "Address",
    "AddressInvalid",
    "AuditRecord",
    "Ban",
    "Banned",
    "Chat",
    "ChatError",
    "ChatRoom",
    "Closed",
    "DataLoss",
    "Draining",
    "Expiring",
    "Gap",
    "Invitation",
    "InvitationRefused",
    "Joined",
    "Kind",
    "Limits",
    "Member",
    "Message",
    "NameInvalid",
    "NameReserved",
    "NameTaken",
    "NotAccepted",
    "NotInRoom",
    "Page",
    "Patience",
    "Posted",
    "Refused",
    "Removed",
    "Renamed",
    "Room",
    "RoomClosed",
    "RoomNotFound",
    "ServerUnavailable",
    "Session",
    "SessionReplaced",
    "Tls",
    "TlsUnusable",
    "TokenInvalid",
    "TokenRefused",
    "Typing",
    "Withdrawn",
    "connect",
]
