"""Members who send as fast as they are answered, and a record of all they were shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from tests.interop.programs import SECONDS

IN_FLIGHT = 32
"""Messages that a member has sent and not yet got back."""
PAGE = 1000

Shown = dict[tuple[str, int], str]
"""What was shown: by room and sequence, `name: text`."""


class Load:
    """A crowd over one server, and what anybody in it was shown, by whatever way."""

    def __init__(self) -> None:
        self.shown: Shown = {}
        self.repeated: list[str] = []
        """Two different things under one sequence: there must be none."""
        self._wanted = 0
        self._reached = asyncio.Event()

    def record(self, room_id: str, message: pb.Message) -> None:
        """Note what a stream or a method has brought."""
        if not message.sequence:
            return
        line = f"{message.name}: {message.message}"
        before = self.shown.setdefault((room_id, message.sequence), line)
        if before != line:
            self.repeated.append(f"{room_id} {message.sequence}: {before!r}, then {line!r}")
        if len(self.shown) >= self._wanted:
            self._reached.set()

    async def shown_reaches(self, count: int) -> None:
        """Wait until so many entries were shown; raises TimeoutError when nothing moves."""
        self._wanted = count
        if len(self.shown) < count:
            self._reached.clear()
            async with asyncio.timeout(SECONDS):
                await self._reached.wait()

    @contextlib.asynccontextmanager
    async def on(self, port: int, rooms: list[str]) -> AsyncIterator[None]:
        """Make the rooms, and have a crowd in each for the length of the block.

        In each: two members on streams, one who sends by method, and one who names no
        feature and only listens. All of them end by themselves when the server is gone.
        """
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = ChatServiceStub(channel)
            for room_id in rooms:
                await stub.CreateChatRoom(pb.CreateChatRoomRequest(room_id=room_id))
            members = [
                asyncio.create_task(member(stub, room_id))
                for room_id in rooms
                for member in (self._ann, self._bob, self._sending_by_method, self._plain)
            ]
            try:
                yield
            finally:
                # The server is gone or is about to go: what it had shown is read first.
                await asyncio.gather(*members, return_exceptions=True)
        for member in members:
            failure = member.exception()
            if failure is not None and not isinstance(failure, grpc.aio.AioRpcError):
                raise failure

    async def _ann(self, stub: ChatServiceStub, room_id: str) -> None:
        await self._talking(stub, room_id, "Ann")

    async def _bob(self, stub: ChatServiceStub, room_id: str) -> None:
        await self._talking(stub, room_id, "Bob")

    async def _talking(self, stub: ChatServiceStub, room_id: str, name: str) -> None:
        """Send whatever fits in flight; an own echo makes room for the next."""
        call = stub.Chat()
        await call.write(pb.ChatMessage(join=_join(room_id, name)))
        free = asyncio.Semaphore(IN_FLIGHT)

        async def send() -> None:
            number = 0
            while True:
                await free.acquire()
                number += 1
                text = f"{number} " + "x" * (number * 37 % 300)
                await call.write(pb.ChatMessage(message=pb.Message(message=text)))

        sending = asyncio.create_task(send())
        try:
            async for message in call:
                self.record(room_id, message)
                if message.name == name and not message.HasField("entered"):
                    free.release()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _sending_by_method(self, stub: ChatServiceStub, room_id: str) -> None:
        call = stub.Subscribe(_join(room_id, "Cy"))
        messages = aiter(call)
        joined = await anext(messages)

        async def send() -> None:
            number = 0
            while True:
                number += 1
                request = pb.SendMessageRequest(session=joined.joined.session)
                request.message.message = f"{number} by method"
                self.record(room_id, await stub.SendMessage(request))

        sending = asyncio.create_task(send())
        try:
            async for message in messages:
                self.record(room_id, message)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _plain(self, stub: ChatServiceStub, room_id: str) -> None:
        call = stub.Chat()
        await call.write(pb.ChatMessage(join=pb.JoinChat(room_id=room_id, name="Old")))
        async for message in call:
            self.record(room_id, message)


def _join(room_id: str, name: str) -> pb.JoinChat:
    return pb.JoinChat(room_id=room_id, name=name, features=[pb.FEATURE_EVENTS, pb.FEATURE_ECHO])


async def stored(port: int, room_id: str) -> list[pb.Message]:
    """The whole log of a room, as ListMessages tells it."""
    found: list[pb.Message] = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ChatServiceStub(channel)
        more = True
        while more:
            after = found[-1].sequence if found else 0
            page = await stub.ListMessages(
                pb.ListMessagesRequest(room_id=room_id, after=after, page_size=PAGE)
            )
            found += page.messages
            more = page.more
    return found


async def missing(port: int, rooms: list[str], shown: Shown) -> list[str]:
    """What was shown in these rooms and is not stored just so; and every hole in a log."""
    wrong: list[str] = []
    logs: dict[tuple[str, int], str] = {}
    for room_id in rooms:
        try:
            log = await stored(port, room_id)
        except grpc.aio.AioRpcError as error:
            wrong.append(f"{room_id}: {error.code().name}")
            continue
        if [message.sequence for message in log] != list(range(1, len(log) + 1)):
            wrong.append(f"{room_id}: its sequences have a hole")
        logs |= {(room_id, m.sequence): f"{m.name}: {m.message}" for m in log}
    wrong += [
        f"{place}: shown {line!r}, stored {logs.get(place)!r}"
        for place, line in shown.items()
        if place[0] in rooms and logs.get(place) != line
    ]
    return wrong
