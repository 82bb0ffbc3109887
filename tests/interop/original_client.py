"""A client of the original system: the whole of its dialogue, on its own contract alone.

    python original_client.py STUBS ADDRESS sync|aio

STUBS is where `chat_pb2` and `chat_pb2_grpc` of the original chat.proto were generated.
It runs apart from the tests, as both contracts have the same names. What it prints is the
transcript that test_original_client.py expects.
"""

from __future__ import annotations

import asyncio
import importlib
import queue
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio

SECONDS = 20
"""How long anything may take; it never decides a run that succeeds."""


class SyncClient:
    """By grpcio's blocking API."""

    def __init__(self, address: str, stub: Any, pb: Any) -> None:
        self.pb = pb
        self._channel = grpc.insecure_channel(address)
        self._stub = stub(self._channel)

    def call(self, method: str, request: Any) -> Any:
        return getattr(self._stub, method)(request, timeout=SECONDS)

    def join(self, room_id: str, name: str) -> SyncMember:
        return SyncMember(self.pb, self._stub, room_id, name)

    def close(self) -> None:
        self._channel.close()


class SyncMember:
    def __init__(self, pb: Any, stub: Any, room_id: str, name: str) -> None:
        self._pb = pb
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._requests.put(pb.ChatMessage(join=pb.JoinChat(room_id=room_id, name=name)))
        self._call = stub.Chat(iter(self._requests.get, None), timeout=SECONDS)

    def say(self, text: str) -> None:
        self._requests.put(self._pb.ChatMessage(message=self._pb.Message(message=text)))

    def hear(self) -> Any:
        return next(self._call, None)

    def stop_talking(self) -> None:
        self._requests.put(None)

    def hang_up(self) -> None:
        self._call.cancel()
        self._requests.put(None)

    def end(self) -> str:
        self._requests.put(None)
        return str(self._call.code().name)


class AioClient:
    """By grpcio's asyncio API, one step of the loop at a time."""

    def __init__(self, address: str, stub: Any, pb: Any) -> None:
        self.pb = pb
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self._channel = self._runner.run(self._connected(address))
        self._stub = stub(self._channel)

    async def _connected(self, address: str) -> Any:
        return grpc.aio.insecure_channel(address)

    def call(self, method: str, request: Any) -> Any:
        async def called() -> Any:
            return await getattr(self._stub, method)(request, timeout=SECONDS)

        return self._runner.run(called())

    def join(self, room_id: str, name: str) -> AioMember:
        return AioMember(self.pb, self._stub, self._runner, room_id, name)

    def close(self) -> None:
        self._runner.run(self._channel.close())
        self._runner.close()


class AioMember:
    def __init__(self, pb: Any, stub: Any, runner: asyncio.Runner, room_id: str, name: str) -> None:
        self._pb = pb
        self._runner = runner

        async def joined() -> Any:
            call = stub.Chat(timeout=SECONDS)
            await call.write(pb.ChatMessage(join=pb.JoinChat(room_id=room_id, name=name)))
            return call

        self._call = runner.run(joined())

    def say(self, text: str) -> None:
        self._runner.run(
            self._call.write(self._pb.ChatMessage(message=self._pb.Message(message=text)))
        )

    def hear(self) -> Any:
        async def heard() -> Any:
            message = await self._call.read()
            if message is grpc.aio.EOF and await self._call.code() is not grpc.StatusCode.OK:
                raise RuntimeError(await self._call.details())
            return None if message is grpc.aio.EOF else message

        return self._runner.run(heard())

    def stop_talking(self) -> None:
        self._runner.run(self._call.done_writing())

    def hang_up(self) -> None:
        self._call.cancel()

    def end(self) -> str:
        return str(self._runner.run(self._code()).name)

    async def _code(self) -> Any:
        return await self._call.code()


def dialogue(client: Any) -> Iterator[str]:
    """What the original's users saw, line by line."""
    pb = client.pb

    def heard(who: str, member: Any, count: int = 1) -> Iterator[str]:
        for _ in range(count):
            message = member.hear()
            yield f"{who} sees {message.name}: {message.message}"

    def ended(who: str, member: Any) -> str:
        try:
            more = member.hear()
        except (grpc.RpcError, RuntimeError):
            more = None
        return f"{who} ends {member.end()}" if more is None else f"{who} sees {more}"

    def refused(method: str, request: Any) -> str:
        try:
            return f"{method}: {client.call(method, request)}"
        except (grpc.RpcError, grpc.aio.AioRpcError) as error:
            return f"{method} ends {error.code().name}"

    created = client.call("CreateChatRoom", pb.CreateChatRoomRequest())
    room = created.room_id
    yield f"created {len(room)} digits" if room.isdecimal() else f"created {room}"
    private = client.call("CreateChatRoom", pb.CreateChatRoomRequest(private=True)).room_id
    listed = client.call("ListChatRooms", pb.ListChatRoomsRequest()).chat_rooms
    yield f"the room is listed {[each.room_id for each in listed].count(room)} time"
    yield f"the private room is listed {[each.room_id for each in listed].count(private)} times"

    alice = client.join(room, "Alice")
    yield from heard("Alice", alice)
    carol = client.join(room, "Carol")
    yield from heard("Carol", carol)
    yield from heard("Alice", alice)
    for number in range(12):
        alice.say(f"line {number}")
    yield from heard("Carol", carol, 12)

    bob = client.join(room, "Johnny Boi")
    yield from heard("Bob", bob, 11)
    yield from heard("Alice", alice)
    yield from heard("Carol", carol)

    bob.say("Hey Alice")
    yield from heard("Alice", alice)
    alice.say("Hey bob")
    yield from heard("Bob", bob)
    yield from heard("Carol", carol, 2)

    carol.hang_up()
    yield from heard("Alice", alice)
    yield from heard("Bob", bob)

    bob.stop_talking()
    alice.say("Still there?")
    yield from heard("Bob", bob)

    deleted = client.call("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id=room))
    yield f"deleted {'the room' if deleted.room_id == room else deleted}"
    yield from heard("Alice", alice)
    yield ended("Alice", alice)
    yield from heard("Bob", bob)
    yield ended("Bob", bob)
    yield refused("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id=room))
    yield ended("Bob", client.join(room, "Bob"))
    client.call("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id=private))


if __name__ == "__main__":
    stubs, address, api = sys.argv[1:]
    sys.path.insert(0, stubs)
    client = {"sync": SyncClient, "aio": AioClient}[api](
        address,
        importlib.import_module("rpc.chat_pb2_grpc").ChatServiceStub,
        importlib.import_module("rpc.chat_pb2"),
    )
    try:
        for line in dialogue(client):
            print(line)
    finally:
        client.close()
