"""The contract over gRPC, gRPC-Web and Connect, by connectrpc.

Only what answers once goes through here: `streams` has the streams of every protocol.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any as Anything
from typing import TypeVar

import protobuf.wkt
from connectrpc.code import Code as ConnectCode
from connectrpc.errors import ConnectError

from chatroom.api.rpc.chat_connect import ChatService, ChatServiceASGIApplication
from chatroom.core.limits import Limits
from chatroom.core.refusals import Refusal
from chatroom.server.rooms.hub import Hub
from chatroom.wire.grpc import Code

from .admin import AdminToken
from .agreement import CODECS, COMPRESSIONS, INTERCEPTORS
from .methods import Methods
from .statuses import code_of, details_of
from .stream_call import FAILED

log = logging.getLogger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")


def connect_error(refusal: Refusal) -> ConnectError:
    """A refusal as connectrpc wants it: the details as protobuf-py's `Any`."""
    return ConnectError(
        ConnectCode[code_of(refusal).name],
        str(refusal),
        details=[
            protobuf.wkt.Any(type_url=detail.type_url, value=detail.value)
            for detail in details_of(refusal)
        ],
    )


class ConnectChatService:
    """`chatroom.api.rpc.chat_connect.ChatService` over the hub.

    Methods with `admin` are for those who show it; without a token they are for everybody.
    """

    chat = ChatService.chat
    subscribe = ChatService.subscribe
    """Streams are `calls.streams`', whatever the protocol: they never come here."""

    def __init__(self, hub: Hub, admin: AdminToken | None) -> None:
        self._hub = hub
        methods = Methods(hub)
        self.create_chat_room = _answering(hub, methods.create_chat_room, admin)
        self.list_chat_rooms = _answering(hub, methods.list_chat_rooms)
        self.delete_chat_room = _answering(hub, methods.delete_chat_room, admin)
        self.send_message = _answering(hub, methods.send_message)
        self.list_messages = _answering(hub, methods.list_messages)
        self.list_members = _answering(hub, methods.list_members)
        self.remove_member = _answering(hub, methods.remove_member, admin)


def _answering(
    hub: Hub,
    method: Callable[[Q], Awaitable[A]],
    admin: AdminToken | None = None,
) -> Callable[[Q, Anything], Coroutine[Anything, Anything, A]]:
    async def answer(request: Q, context: Anything) -> A:
        try:
            if admin is not None:
                admin.check(context.request_headers.get("authorization", ""))
            hub.check_open()
            return await method(request)
        except Refusal as refusal:
            if code_of(refusal) is Code.UNAUTHENTICATED:  # RFC 9110, section 15.5.2
                context.response_headers["www-authenticate"] = "Bearer"
            raise connect_error(refusal) from None
        except Exception:
            # connectrpc would tell the caller what the exception says.
            log.exception("a call failed")
            raise ConnectError(ConnectCode.INTERNAL, FAILED.message) from None

    return answer


def application(
    hub: Hub, limits: Limits, admin: AdminToken | None = None
) -> ChatServiceASGIApplication:
    """The contract as an ASGI application."""
    return ChatServiceASGIApplication(
        ConnectChatService(hub, admin),
        read_max_bytes=limits.envelope_bytes,
        interceptors=INTERCEPTORS,
        compressions=COMPRESSIONS,
        codecs=CODECS,
    )
