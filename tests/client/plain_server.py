"""A server that knows only what the original does, run as a program.

Whatever is said passes unchanged, features and `leave` are unknown, a deleted room's
stream ends with OK, and half-closing ends nothing. Rooms are kept in order.
"""

from __future__ import annotations

import asyncio
import itertools
import sys

import grpc
import grpc.aio

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import chat_pb2_grpc as rpc

Room = tuple[list[pb.Message], dict[str, "asyncio.Queue[pb.Message | None]"]]


class PlainService(rpc.ChatServiceServicer):
    """Rooms whose members each have a queue; None in it ends the stream."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.ids = map(str, itertools.count(1001))

    def push(self, room: Room, message: pb.Message, sender: str) -> None:
        messages, queues = room
        messages.append(message)
        for name, queue in queues.items():
            if name != sender:
                queue.put_nowait(message)

    async def CreateChatRoom(self, request, context):
        room_id = next(self.ids)
        self.rooms[room_id] = ([], {})
        return pb.ChatRoom(room_id=room_id)

    async def ListChatRooms(self, request, context):
        return pb.ListChatRoomsResponse(chat_rooms=[pb.ChatRoom(room_id=r) for r in self.rooms])

    async def DeleteChatRoom(self, request, context):
        room = self.rooms.pop(request.room_id, None)
        if room is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"chat room {request.room_id} does not exist"
            )
        for queue in room[1].values():
            queue.put_nowait(pb.Message(name="chat server", message="chat room is closing"))
            queue.put_nowait(None)
        return pb.ChatRoom(room_id=request.room_id)

    async def Chat(self, requests, context):
        join = (await anext(aiter(requests))).join
        room = self.rooms.get(join.room_id)
        if room is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"room {join.room_id} does not exist")
        queue: asyncio.Queue[pb.Message | None] = asyncio.Queue()
        room[1][join.name] = queue
        self.push(room, pb.Message(name=join.name, message="Has joined the chat"), join.name)
        for message in room[0][-10:]:
            queue.put_nowait(message)

        async def listen() -> None:
            async for request in requests:
                if request.HasField("message"):
                    said = pb.Message(name=join.name, message=request.message.message)
                    self.push(room, said, join.name)

        listening = asyncio.create_task(listen())
        try:
            while (message := await queue.get()) is not None:
                await context.write(message)
        finally:
            listening.cancel()
            room[1].pop(join.name, None)
            self.push(room, pb.Message(name=join.name, message="Has left the chat"), join.name)


async def serve() -> None:
    server = grpc.aio.server()
    rpc.add_ChatServiceServicer_to_server(PlainService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"chatserver: listening on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
