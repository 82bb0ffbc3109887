"""Servers that are written as one writes the first one, to see where that ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from chatroom.chatwire.lab.servers import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import grpc

    from chatroom.api.rpc.chat_pb2 import ChatMessage, Message

    Context = grpc.aio.ServicerContext[ChatMessage, Message]
    Chat = Callable[[AsyncIterator[ChatMessage], Context], AsyncIterator[Message]]

OPTIONS = (("grpc.http2.bdp_probe", 0), ("grpc.so_reuseport", 0))
"""Windows stay as they are announced, and no PING measures the connection."""


@contextlib.asynccontextmanager
async def grpcio_server(chat: Chat) -> AsyncIterator[Server]:
    """A server of grpcio's in this process, whose `Chat` is this function."""
    import grpc

    from chatroom.api.rpc import chat_pb2_grpc

    class Service(chat_pb2_grpc.ChatServiceServicer):
        async def Chat(  # noqa: N802 - the contract names it
            self, requests: AsyncIterator[ChatMessage], context: Context
        ) -> AsyncIterator[Message]:
            async for answer in chat(requests, context):
                yield answer

    server = grpc.aio.server(options=OPTIONS)
    chat_pb2_grpc.add_ChatServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call] # generated
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Server(f"127.0.0.1:{port}")
    finally:
        await server.stop(grace=None)


async def answers(requests: AsyncIterator[ChatMessage], _: Context) -> AsyncIterator[Message]:
    """Answer each message before the next is read; a join with an arrival, as if it were one."""
    from chatroom.api.rpc.chat_pb2 import Message

    async for request in requests:
        if request.HasField("join"):
            yield Message(name=request.join.name, message="Has entered the chat")
        else:
            yield Message(name="server", message=request.message.message)
