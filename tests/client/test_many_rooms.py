"""Any number of rooms on one `connect`: over as many connections as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import grpc
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.client import Chat, ChatError, Kind, Limits, Patience, Room, connect
from chatroom.client.connections import Connections
from chatroom.client.inbox import Inbox
from chatroom.client.membership import Membership
from chatroom.client.outbox import Outbox
from chatroom.client.position import Position
from chatroom.client.stream import Stream
from chatroom.client.terms import Terms
from chatroom.core.limits import Limits as ServerLimits
from chatroom.server.service import running
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from chatroom.wire.http2.limits import Http2Limits

from .proxy import Proxy
from .scripted_server import LOST, scripted

ROOMS = tuple(f"room-{number}" for number in range(30))
ANSWER_SECONDS = 10.0
"""Far less than a second is usual; who waits behind streams gives up after 15."""
QUICK = Patience(call=5.0, start=0.1, backoff=0.01, backoff_limit=0.1)


@contextlib.asynccontextmanager
async def proxied(**settings: Any) -> AsyncIterator[Proxy]:
    """A server with the rooms, behind a proxy that counts connections."""
    local = Settings(bind=(Address("127.0.0.1", 0),), rooms=ROOMS, **settings)
    async with (
        asyncio.timeout(60),
        running(local) as service,
        Proxy(str(service.addresses[0])) as proxy,
    ):
        yield proxy


async def entered(chat: Chat, stack: AsyncExitStack, count: int) -> list[Room]:
    """So many members at once, spread over the rooms."""
    rooms = [chat.join(ROOMS[n % len(ROOMS)], f"member {n}", history=0) for n in range(count)]
    await asyncio.gather(*[stack.enter_async_context(room) for room in rooms])
    return rooms


async def answers(chat: Chat, members: int) -> None:
    """The server answers calls, and knows of everybody."""
    async with asyncio.timeout(ANSWER_SECONDS):
        assert members == sum(room.member_count for room in await chat.rooms())
        assert (await chat.history(ROOMS[0])).messages


def test_three_hundred_rooms_on_one_connect() -> None:
    """All are joined, calls are answered meanwhile, and the connections go with the rooms."""
    patience = Patience(start=60.0)  # a machine that is busy for a second asks for no more of them

    async def scene() -> None:
        async with proxied() as proxy, connect(proxy.address, patience=patience) as chat:
            await chat.rooms()
            async with AsyncExitStack() as stack:
                joining = asyncio.create_task(entered(chat, stack, 300))
                while not joining.done():
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await chat.rooms()
                        await chat.history(ROOMS[0])
                await answers(chat, 300)
                rooms = await joining
                assert "hello" == (await rooms[-1].send("hello")).text
                assert 4 == proxy.open  # 1 beside the calls, then 100, 100, 99
            await answers(chat, 0)
            await proxy.fewer_than(2)
            assert 4 == proxy.accepted

    asyncio.run(scene())


def test_one_room_needs_no_connection_of_its_own() -> None:
    """Calls and the first room share one; it stays when that room is left for another."""

    async def scene() -> None:
        async with proxied() as proxy, connect(proxy.address) as chat:
            for _ in range(2):
                await chat.rooms()
                async with chat.join(ROOMS[0], "Bob"):
                    await answers(chat, 1)
            assert 1 == proxy.accepted

    asyncio.run(scene())


PEERS = {
    "that queue in silence": {"http2": Http2Limits(streams=7)},
    "that refuse in words": {"limits": ServerLimits(connection_streams=7)},
}
"""Servers, or proxies before them, that allow less than `Limits.connection_streams`."""


@pytest.mark.parametrize("settings", PEERS.values(), ids=PEERS)
def test_peers_that_allow_less(settings: dict[str, Any]) -> None:
    """What one connection does not take begins on others; a lost one is made up for."""

    async def scene() -> None:
        async with proxied(**settings) as proxy, connect(proxy.address, patience=QUICK) as chat:
            async with AsyncExitStack() as stack:
                rooms = await entered(chat, stack, 30)
                await answers(chat, 30)
                assert 1 + -(-29 // 7) == proxy.open
                proxy.cut()
                await asyncio.gather(*[_connected(room) for room in rooms])
                await answers(chat, 30)
            await answers(chat, 0)
            await proxy.fewer_than(2)

    asyncio.run(scene())


def test_a_peer_that_refuses_before_it_is_known_who_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whom it has let in may have heard of that later."""
    full = Connections.full
    asked: list[Stream] = []

    def late(connections: Connections, stream: Stream) -> bool:
        asked.append(stream)
        return len(asked) > 1 and full(connections, stream)

    monkeypatch.setattr(Connections, "full", late)

    async def scene() -> None:
        limits = ServerLimits(connection_streams=1)
        async with (
            proxied(limits=limits) as proxy,
            connect(proxy.address) as chat,
            AsyncExitStack() as stack,
        ):
            await entered(chat, stack, 3)
            await answers(chat, 3)

    asyncio.run(scene())
    assert asked[0] is asked[1]


async def _connected(room: Room) -> None:
    async for message in room:
        if message.kind is Kind.CONNECTED:
            return


def test_a_loop_that_stalls_is_no_connection_without_room() -> None:
    """What has gone meanwhile is not given up: it would be joined twice, under one name."""

    async def scene() -> None:
        async with proxied() as proxy, grpc.aio.insecure_channel(proxy.address) as channel:
            await channel.channel_ready()
            stub = ChatServiceStub(channel)
            loop = asyncio.get_running_loop()
            for turns in range(20):
                stream = Stream(stub.Chat(), Address.parse(proxy.address), channel)
                join = pb.JoinChat(room_id=ROOMS[0], name=f"member {turns}")
                beginning = loop.create_task(
                    stream.begin(pb.ChatMessage(join=join), 0.05, lambda _: True)
                )
                for _ in range(turns):
                    await asyncio.sleep(0)
                time.sleep(0.06)  # so that nobody looks for longer than that
                assert await beginning
                await stream.close()

    asyncio.run(scene())


class GivenUp(Stream):
    """One that goes in the moment in which it is given up."""

    async def begin(
        self, message: pb.ChatMessage, patience: float, full: Callable[[Stream], bool]
    ) -> bool:
        assert await super().begin(message, patience, full)
        assert (await self.read(patience=ANSWER_SECONDS)) is not None
        return False


def test_a_stream_that_was_given_up_had_begun() -> None:
    """The name is in use by oneself then, until the server gives that place up."""

    async def scene() -> None:
        kinds = [GivenUp, Stream, Stream, Stream]
        begun: list[Stream] = []
        async with (
            proxied(limits=ServerLimits(grace=0.3)) as proxy,
            connect(proxy.address, patience=Patience(backoff=0.2)) as chat,
            grpc.aio.insecure_channel(proxy.address) as channel,
        ):

            def open_stream(_: Stream | None) -> Stream:
                call = ChatServiceStub(channel).Chat()
                begun.append(kinds[len(begun)](call, Address.parse(proxy.address), channel))
                return begun[-1]

            terms = Terms(room_id=ROOMS[0], name="Ann")
            position, limits = Position(), Limits()
            member = Membership(
                terms,
                replace(chat.server(ROOMS[0]), open_stream=open_stream),
                chat.patience,
                position=position,
                inbox=Inbox(limits),
                outbox=Outbox(limits),
            )
            await member.enter()
            assert "Ann" == member.name
            assert member.joined is not None
            assert len(begun) > 2, "the name was free at once"
            await begun[-1].close()

    asyncio.run(scene())


def test_rooms_one_after_the_other() -> None:
    """Who was told once how many streams a connection takes does not ask again."""

    async def scene() -> None:
        async with (
            proxied(http2=Http2Limits(streams=3)) as proxy,
            connect(proxy.address, patience=QUICK) as chat,
            AsyncExitStack() as stack,
        ):
            await entered(chat, stack, 5)  # 1, 3, and the one that has waited
            begun = asyncio.get_running_loop().time()
            for number in range(5, 13):
                await stack.enter_async_context(chat.join(ROOMS[0], f"member {number}"))
            assert asyncio.get_running_loop().time() - begun < 8 * QUICK.start
            assert 5 == proxy.open
            await answers(chat, 13)

    asyncio.run(scene())


def test_a_server_without_a_place_says_so() -> None:
    """A refusal on a connection that carries nothing else is told: another one would not help."""

    async def scene() -> None:
        none = ServerLimits(connection_streams=0)
        async with proxied(limits=none) as proxy, connect(proxy.address) as chat:
            with pytest.raises(ChatError) as refused:
                async with chat.join(ROOMS[0], "Bob"):
                    pass
            assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "STREAMS_EXHAUSTED") == (
                refused.value.code, refused.value.reason,
            )  # fmt: skip
            assert 1 == proxy.accepted

    asyncio.run(scene())


def test_streams_of_a_connection_are_as_many_as_asked_for() -> None:
    """`Limits.connection_streams` is for a proxy whose number is known."""

    async def scene() -> None:
        limits = Limits(connection_streams=2)
        async with (
            proxied() as proxy,
            connect(proxy.address, limits=limits) as chat,
            AsyncExitStack() as stack,
        ):
            await entered(chat, stack, 7)
            assert 4 == proxy.open

    asyncio.run(scene())


def test_one_stream_of_a_connection_is_lost() -> None:
    """It comes back on another one, and the others stay where they are until they are lost too."""

    async def scene() -> None:
        async with (
            asyncio.timeout(30),
            scripted() as server,
            Proxy(server.address) as proxy,
            connect(proxy.address, patience=QUICK) as chat,
            AsyncExitStack() as stack,
        ):
            rooms = [await stack.enter_async_context(chat.join("1", name)) for name in "ABCD"]
            assert 2 == proxy.open  # A's is also that of the calls
            for name, room in zip("BC", rooms[1:3], strict=True):
                (stream,) = [stream for stream in server.streams if stream.name == name]
                stream.queue.put_nowait(LOST)
                await _connected(room)
                assert 3 == proxy.accepted
            await rooms[3].send("still here")
            assert [*"ABCDBC"] == [join.name for join in server.joins]
            assert 3 == proxy.open

    asyncio.run(scene())
