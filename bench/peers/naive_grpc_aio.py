"""The server everyone would write first with grpc.aio: rooms in memory, a queue for each member.

Run as `python -m bench.peers.naive_grpc_aio [--bind 127.0.0.1:0]`. Nothing in it is
slow on purpose, and nothing is stored, limited or checked beyond what keeps two
members apart.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from chatroom.api.rpc import chat_pb2, chat_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HISTORY = 10
"""Earlier messages that a join replays, as the original service did."""


@dataclass(slots=True)
class Room:
    """One room: what waits for each of its members, and the newest messages."""

    private: bool
    queues: dict[str, asyncio.Queue[chat_pb2.Message]] = field(default_factory=dict)
    history: deque[chat_pb2.Message] = field(default_factory=lambda: deque(maxlen=HISTORY))
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, message: chat_pb2.Message, *, but: str = "") -> None:
        """Put the message into the queue of every member except the one named `but`."""
        for name, queue in self.queues.items():
            if name != but:
                queue.put_nowait(message)


class NaiveChat(chat_pb2_grpc.ChatServiceServicer):
    """The four methods of the original service."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}

    async def _room(
        self,
        room_id: str,
        context: grpc.aio.ServicerContext[chat_pb2.ChatMessage, chat_pb2.Message],
    ) -> Room:
        room = self.rooms.get(room_id)
        if room is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no room {room_id}.")
        assert room is not None
        return room

    async def Chat(  # noqa: N802 - the contract names it
        self,
        request_iterator: AsyncIterator[chat_pb2.ChatMessage],
        context: grpc.aio.ServicerContext[chat_pb2.ChatMessage, chat_pb2.Message],
    ) -> AsyncIterator[chat_pb2.Message]:
        first = await anext(request_iterator)
        name = first.join.name
        room = await self._room(first.join.room_id, context)
        if name in room.queues:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{name} is taken.")
        queue = room.queues[name] = asyncio.Queue()
        for message in room.history:
            queue.put_nowait(message)
        room.tell(chat_pb2.Message(name=name, message="Has entered the chat"))
        reader = asyncio.create_task(self._read(request_iterator, room, name))
        try:
            while True:
                message = await queue.get()
                yield message
                if room.closed.is_set() and queue.empty():
                    return
        finally:
            reader.cancel()
            del room.queues[name]
            room.tell(chat_pb2.Message(name=name, message="Has left the chat"))

    async def _read(
        self, requests: AsyncIterator[chat_pb2.ChatMessage], room: Room, name: str
    ) -> None:
        """Pass on what one member says until it stops talking."""
        async for request in requests:
            message = chat_pb2.Message(name=name, message=request.message.message)
            room.history.append(message)
            room.tell(message, but=name)

    async def CreateChatRoom(  # noqa: N802 - the contract names it
        self,
        request: chat_pb2.CreateChatRoomRequest,
        context: grpc.aio.ServicerContext[chat_pb2.CreateChatRoomRequest, chat_pb2.ChatRoom],
    ) -> chat_pb2.ChatRoom:
        room_id = request.room_id or str(random.randrange(100_000, 1_000_000))
        if room_id in self.rooms:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Room {room_id} exists.")
        self.rooms[room_id] = Room(private=request.private)
        return chat_pb2.ChatRoom(room_id=room_id, private=request.private)

    async def ListChatRooms(  # noqa: N802 - the contract names it
        self,
        _request: chat_pb2.ListChatRoomsRequest,
        _context: grpc.aio.ServicerContext[
            chat_pb2.ListChatRoomsRequest, chat_pb2.ListChatRoomsResponse
        ],
    ) -> chat_pb2.ListChatRoomsResponse:
        return chat_pb2.ListChatRoomsResponse(
            chat_rooms=[
                chat_pb2.ChatRoom(room_id=room_id, member_count=len(room.queues))
                for room_id, room in sorted(self.rooms.items())
                if not room.private
            ]
        )

    async def DeleteChatRoom(  # noqa: N802 - the contract names it
        self,
        request: chat_pb2.DeleteChatRoomRequest,
        context: grpc.aio.ServicerContext[chat_pb2.DeleteChatRoomRequest, chat_pb2.ChatRoom],
    ) -> chat_pb2.ChatRoom:
        room = self.rooms.pop(request.room_id, None)
        if room is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no room {request.room_id}.")
        assert room is not None
        room.closed.set()
        room.tell(chat_pb2.Message(name="chat server", message="chat room is closing"))
        return chat_pb2.ChatRoom(room_id=request.room_id, private=room.private)


async def serve(bind: str) -> None:
    """Serve until SIGTERM or SIGINT; says on standard error when it listens."""
    server = grpc.aio.server()
    chat_pb2_grpc.add_ChatServiceServicer_to_server(  # type: ignore[no-untyped-call]  # generated
        NaiveChat(), server
    )
    host, _, _ = bind.rpartition(":")
    port = server.add_insecure_port(bind)
    await server.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"naive: listening on {host}:{port}", file=sys.stderr, flush=True)
    await stop.wait()
    await server.stop(grace=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="naive")
    parser.add_argument("--bind", default="127.0.0.1:0", metavar="HOST:PORT")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.bind))


if __name__ == "__main__":
    main()
