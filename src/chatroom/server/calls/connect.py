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
from connectrpc.codec import Codec
from connectrpc.compression import Compression
from connectrpc.errors import ConnectError

from chatroom.api.rpc.chat_connect import ChatService, ChatServiceASGIApplication
from chatroom.core.grants import Identity
from chatroom.core.limits import Limits
from chatroom.core.refusals import Refusal
from chatroom.server.access.access import OPEN, Access
from chatroom.server.port.rota import next_turn
from chatroom.server.rooms.hub import Hub
from chatroom.wire.grpc import Code, media_type
from chatroom.wire.ip import canonical

from .agreement import CODECS, COMPRESSIONS, INTERCEPTORS
from .listing import Listing, Prepared, prepared
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
    """`chatroom.api.rpc.chat_connect.ChatService` over the hub, for whom `Access` lets in."""

    chat = ChatService.chat
    subscribe = ChatService.subscribe
    """Streams are `calls.streams`', whatever the protocol: they never come here."""

    def __init__(self, hub: Hub, access: Access) -> None:
        self._hub = hub
        methods = Methods(hub)
        self.create_chat_room = _answering(hub, access, _one(methods.create_chat_room))
        self.list_chat_rooms = _answering(hub, access, _listing(methods.list_chat_rooms))
        self.delete_chat_room = _answering(hub, access, _one(methods.delete_chat_room))
        self.send_message = _answering(hub, access, _one(methods.send_message))
        self.list_messages = _answering(hub, access, _listing(methods.list_messages))
        self.list_members = _answering(hub, access, _listing(methods.list_members))
        self.remove_member = _answering(hub, access, _one(methods.remove_member))


def _one(
    method: Callable[[Q, Identity], Awaitable[A]],
) -> Callable[[Q, Anything, Identity], Awaitable[A]]:
    """A method whose answer is small, and is encoded by connectrpc."""

    async def answer(request: Q, _context: Anything, who: Identity) -> A:
        response = await method(request, who)
        await next_turn()  # a commit answers many at once
        return response

    return answer


def _listing(
    method: Callable[[Q, Identity], Awaitable[Listing]],
) -> Callable[[Q, Anything, Identity], Awaitable[Anything]]:
    """A method whose answer is long, and is encoded a part at a time: into a `Prepared`."""

    async def answer(request: Q, context: Anything, who: Identity) -> Prepared:
        listing = await method(request, who)
        headers = context.request_headers
        media = media_type(headers.get("content-type", "").encode())
        accepted = "accept-encoding"
        if media.startswith(b"application/grpc"):
            accepted = "grpc-accept-encoding"
        return await prepared(
            listing, json=media.endswith(b"json"), gzip=_gzips(headers.get(accepted, ""))
        )

    return answer


def _gzips(accepted: str) -> bool:
    """Whether connectrpc compresses: it takes the first encoding that it knows."""
    known = [name for each in accepted.split(",") if (name := each.strip()) in ("gzip", "identity")]
    return known[:1] == ["gzip"]


class _Codec:
    """A codec that has nothing to do where a message is prepared."""

    def __init__(self, codec: Codec) -> None:
        self.name = codec.name
        self.decode = codec.decode
        self._encode = codec.encode

    def encode(self, message: Anything) -> bytes:
        """Marshal a message."""
        return message if isinstance(message, Prepared) else self._encode(message)


class _Compression:
    """A compression that has nothing to do where a message is prepared."""

    def __init__(self, compression: Compression) -> None:
        self.name = compression.name
        self.decompress = compression.decompress
        self._compress = compression.compress

    def compress(self, data: bytes | bytearray | memoryview) -> bytes:
        """Compress a message."""
        if isinstance(data, Prepared) and data.gzipped is not None:
            return data.gzipped
        return self._compress(data)


def _answering(
    hub: Hub, access: Access, method: Callable[[Q, Anything, Identity], Awaitable[A]]
) -> Callable[[Q, Anything], Coroutine[Anything, Anything, A]]:
    async def answer(request: Q, context: Anything) -> A:
        try:
            # connectrpc has put host and port together, an IPv6 address without brackets.
            address = canonical((context.client_address or "").rpartition(":")[0])
            who = access.identity(context.request_headers.get("authorization", ""), address)
            hub.check_open()
            return await method(request, context, who)
        except Refusal as refusal:
            hub.quotas.counters.refuse(refusal)
            if code_of(refusal) is Code.UNAUTHENTICATED:  # RFC 9110, section 15.5.2
                context.response_headers["www-authenticate"] = "Bearer"
            raise connect_error(refusal) from None
        except Exception:
            # connectrpc would tell the caller what the exception says.
            log.exception("a call failed")
            raise ConnectError(ConnectCode.INTERNAL, FAILED.message) from None

    return answer


def application(hub: Hub, limits: Limits, access: Access = OPEN) -> ChatServiceASGIApplication:
    """The contract as an ASGI application."""
    return ChatServiceASGIApplication(
        ConnectChatService(hub, access),
        read_max_bytes=limits.envelope_bytes,
        interceptors=INTERCEPTORS,
        compressions=[_Compression(each) for each in COMPRESSIONS],
        codecs=[_Codec(each) for each in CODECS],
    )
