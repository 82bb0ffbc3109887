"""`Chat` and `Subscribe` for native gRPC: the hot path."""

from __future__ import annotations

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.server.port.asgi import Application, Receive, Scope, Send
from chatroom.server.rooms.hub import Hub

from .grpcstream import GrpcStream, serve_call
from .stream import conversation, first_join, nothing


def chat(hub: Hub, limits: Limits) -> Application:
    """`rpc.ChatService/Chat` as an ASGI application."""

    async def call(stream: GrpcStream) -> None:
        requests = stream.messages(pb.ChatMessage)
        join = await first_join(hub, requests)
        async with conversation(hub, join, requests, stream.disconnected) as chunks:
            async for data in chunks:
                await stream.write(data)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await serve_call(GrpcStream(scope, receive, send, limit=limits.envelope_bytes), call)

    return application


def subscribe(hub: Hub, limits: Limits) -> Application:
    """`rpc.ChatService/Subscribe` as an ASGI application."""

    async def call(stream: GrpcStream) -> None:
        join = await stream.message(pb.JoinChat)
        async with conversation(hub, join, nothing(), stream.disconnected) as chunks:
            async for data in chunks:
                await stream.write(data)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await serve_call(GrpcStream(scope, receive, send, limit=limits.envelope_bytes), call)

    return application
