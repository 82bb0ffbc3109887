"""The contract over gRPC, gRPC-Web and Connect, by connectrpc.

Only what answers once goes through here: `streams` has the streams of every protocol.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any as Anything
from typing import TypeVar

import protobuf.wkt
from connectrpc.code import Code as ConnectCode
from connectrpc.codec import Codec
from connectrpc.compression import Compression
from connectrpc.errors import ConnectError
from google.protobuf.message import Message as ProtobufMessage

from chatroom.api.rpc.chat_connect import ChatService, ChatServiceASGIApplication
from chatroom.api.rpc.moderation_connect import ModerationServiceASGIApplication
from chatroom.core.grants import Identity
from chatroom.core.limits import Limits
from chatroom.core.refusals import Refusal
from chatroom.server.access.access import Access
from chatroom.server.port.asgi import CERTIFICATE, Application, Receive, Scope, Send
from chatroom.server.port.log_names import here
from chatroom.server.port.rota import next_turn
from chatroom.server.rooms.audit import Audit
from chatroom.server.rooms.hub import Hub
from chatroom.server.traces import Traces
from chatroom.wire.grpc import CHAT_METHODS, MODERATION_METHODS, NODES, Code, media_type
from chatroom.wire.ip import canonical

from .agreement import CODECS, COMPRESSIONS, interceptors
from .audited import told_of
from .listing import Listing, Prepared, prepared
from .methods import Methods
from .moderation import ModerationMethods
from .refused import log_refused
from .statuses import code_of, details_of
from .stream_call import FAILED
from .traced import TracedCalls

log = logging.getLogger(__name__)

_certificate: ContextVar[bytes] = ContextVar("certificate", default=b"")
"""Of whose call this task serves: connectrpc hands on the address alone."""

Q = TypeVar("Q", bound=ProtobufMessage)
A = TypeVar("A")
Method = Callable[[Q, Identity], Awaitable[A]]
"""One of the contract's, as it is written here."""
Answer = Callable[[Q, Anything], Coroutine[Anything, Anything, A]]
"""The same, as connectrpc calls it."""


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

    def __init__(self, answering: Answering) -> None:
        methods = Methods(answering.hub)
        self.create_chat_room = answering.audited(methods.create_chat_room)
        self.list_chat_rooms = answering.listing(methods.list_chat_rooms)
        self.delete_chat_room = answering.audited(methods.delete_chat_room)
        self.send_message = answering.one(methods.send_message)
        self.list_messages = answering.listing(methods.list_messages)
        self.search_messages = answering.listing(methods.search_messages)
        self.list_members = answering.listing(methods.list_members)
        self.remove_member = answering.audited(methods.remove_member)
        self.update_chat_room = answering.audited(methods.update_chat_room)


class ConnectModerationService:
    """`chatroom.api.rpc.moderation_connect.ModerationService`, likewise."""

    def __init__(self, answering: Answering) -> None:
        methods = ModerationMethods(answering.hub, answering.audit)
        self.set_member = answering.audited(methods.set_member)
        self.withdraw_message = answering.audited(methods.withdraw_message)
        self.create_ban = answering.audited(methods.create_ban)
        self.lift_ban = answering.audited(methods.lift_ban)
        self.list_bans = answering.listing(methods.list_bans)
        self.create_invitation = answering.audited(methods.create_invitation)
        self.revoke_invitation = answering.audited(methods.revoke_invitation)
        self.list_invitations = answering.listing(methods.list_invitations)
        self.list_audit_records = answering.listing(methods.list_audit_records)


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


class Answering:
    """How methods answer, whatever they do: for whom `Access` lets in, and audited if asked for."""

    def __init__(self, hub: Hub, access: Access, audit: Audit) -> None:
        self.hub = hub
        self.audit = audit
        self._access = access

    def one(self, method: Method[Q, A]) -> Answer[Q, A]:
        """A method whose answer is small, and is encoded by connectrpc."""
        return self._answering(_one(method))

    def listing(self, method: Method[Q, Listing]) -> Answer[Q, Anything]:
        """A method whose answer is long, and is encoded a part at a time."""
        return self._answering(_listing(method))

    def audited(self, method: Method[Q, A]) -> Answer[Q, A]:
        """As `one`; who did it, or was refused it, is in the audit log before it is answered.

        And also if it never is: what is begun is recorded, whether its caller stays or not.
        """

        async def whole(request: Q, who: Identity) -> A:
            return await self.audit.background.whole(self._audited(method, request, who))

        return self._answering(_one(whole))

    async def _audited(self, method: Method[Q, A], request: Q, who: Identity) -> A:
        name = "".join(word.capitalize() for word in method.__name__.split("_"))
        try:
            self.hub.quotas.order(who)
            answer = await method(request, who)
        except Refusal as refusal:
            if who.named:
                outcome = f"{code_of(refusal).name} {refusal.reason}"
                room_id, target = told_of(request)
                await self.audit.refused(who, name, room_id=room_id, target=target, outcome=outcome)
            raise
        room_id, target = told_of(request, answer)
        await self.audit.done(who, name, room_id=room_id, target=target, outcome="OK")
        return answer

    def _answering(self, method: Callable[[Q, Anything, Identity], Awaitable[A]]) -> Answer[Q, A]:
        hub, access = self.hub, self._access

        async def answer(request: Q, context: Anything) -> A:
            try:
                # connectrpc has put host and port together, an IPv6 address without brackets.
                address = canonical((context.client_address or "").rpartition(":")[0])
                authorization = context.request_headers.get("authorization", "")
                who = access.identity(authorization, address, _certificate.get())
                hub.check_open()
                if hub.nodes is not None:
                    await hub.nodes.know(
                        room_id=getattr(request, "room_id", ""),
                        session=getattr(request, "session", ""),
                    )
                    context.response_headers[NODES] = str(hub.nodes.count)
                return await method(request, context, who)
            except Refusal as refusal:
                hub.quotas.counters.refuse(refusal)
                log_refused(here.get(), refusal)
                if code_of(refusal) is Code.UNAUTHENTICATED:  # RFC 9110, section 15.5.2
                    context.response_headers["www-authenticate"] = "Bearer"
                raise connect_error(refusal) from None
            except Exception:
                # connectrpc would tell the caller what the exception says.
                name = here.get()
                log.exception("%s: a call failed", name, extra=name.known())
                raise ConnectError(ConnectCode.INTERNAL, FAILED.message) from None

        return answer


def applications(
    hub: Hub, limits: Limits, access: Access, audit: Audit, traces: Traces | None = None
) -> dict[str, Application]:
    """The contract as ASGI applications, by the paths of its methods."""
    answering = Answering(hub, access, audit)
    traced = () if traces is None else (TracedCalls(traces),)
    options: dict[str, Anything] = {
        "read_max_bytes": limits.envelope_bytes,
        "interceptors": interceptors(hub.quotas.counters.calls, *traced),
        "compressions": [_Compression(each) for each in COMPRESSIONS],
        "codecs": [_Codec(each) for each in CODECS],
    }
    chat = ChatServiceASGIApplication(ConnectChatService(answering), **options)
    moderation = ModerationServiceASGIApplication(ConnectModerationService(answering), **options)
    return dict.fromkeys(CHAT_METHODS, _with_certificate(chat)) | dict.fromkeys(
        MODERATION_METHODS, _with_certificate(moderation)
    )


def _with_certificate(contract: Application) -> Application:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        _certificate.set(scope.get("extensions", {}).get(CERTIFICATE, b""))
        await contract(scope, receive, send)

    return serve
