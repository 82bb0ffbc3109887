"""Memberships whose real server is killed, stopped, or out of reach for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.client import (
    Chat,
    ChatError,
    Gap,
    Kind,
    Message,
    Patience,
    Removed,
    Room,
    RoomClosed,
    SessionReplaced,
    connect,
)

from .proxy import Proxy
from .recovering import EAGER, rest, said, until
from .servers import Restartable

NOWHERE = "127.0.0.1:1"


def play(
    server: Restartable, scene: Callable[[Chat], Awaitable[None]], patience: Patience = EAGER
) -> None:
    """Play a scene with a connection to a server that is started for it."""

    async def stage() -> None:
        server.start()
        try:
            async with asyncio.timeout(60), connect(server.address, patience=patience) as chat:
                await scene(chat)
        finally:
            server.kill()

    asyncio.run(stage())


async def away(server: Restartable, end: Callable[[], None], room: Room) -> asyncio.Task[Message]:
    """End the server, say something, start the server again; what was said, as a task."""
    await asyncio.to_thread(end)
    async for message in room:
        if message.kind is Kind.CONNECTION_LOST:
            break
    saying = asyncio.create_task(room.send("meanwhile"))
    await asyncio.to_thread(server.start)
    return saying


@pytest.mark.parametrize("options", [(), ("--sync", "normal")], ids=["full", "normal"])
def test_killed_server_costs_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    """With --sync normal the epoch is new after a kill, but the log is the same."""
    server = Restartable("--data", str(tmp_path), "--room", "1", *options)

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Alice", echo=True) as alice, chat.join("1", "Bob") as bob:
            await bob.send("before")
            heard = await until(alice, "before")
            epoch = alice.joined.epoch
            saying = await away(server, server.kill, alice)
            assert "meanwhile" == (await saying).text
            await bob.send("after")
            heard += await until(alice, "after")
        assert ["before", "meanwhile", "after"] == said(heard)
        assert [] == [message for message in heard if message.kind is Kind.GAP]
        sequences = [message.sequence for message in heard if message.sequence]
        assert list(range(1, len(sequences) + 1)) == sequences
        assert bool(options) == (epoch != alice.joined.epoch)

    play(server, scene)


def test_stopped_server_costs_nothing(tmp_path: Path) -> None:
    """One that drains ends the streams itself; the members come back to the next one."""
    server = Restartable("--data", str(tmp_path), "--room", "1")

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Alice", echo=True) as alice:
            await alice.send("before")
            session = alice.joined.session
            saying = await away(server, server.stop, alice)
            assert 3 == (await saying).sequence
            assert ["meanwhile"] == said(await until(alice, "meanwhile"))
        assert session == alice.joined.session

    play(server, scene)


def test_server_without_storage_starts_over() -> None:
    """The application is told that it may have missed something; what it says is said."""
    server = Restartable("--in-memory", "--room", "1")

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Alice", echo=True) as alice:
            await alice.send("before")
            saying = await away(server, server.kill, alice)
            assert "meanwhile" == (await saying).text
            heard = await until(alice, "meanwhile")
        assert [Gap(missed=None)] == [m.event for m in heard if m.kind is Kind.GAP]
        assert ["meanwhile"] == said(heard)

    play(server, scene)


def test_whoever_comes_back_too_often_waits_as_long_as_the_server_says() -> None:
    """Two come back to a server that lets one in a second; a first join is told of it at once."""
    rate = ("--address-joins", "1/1s", "--trust-proxy", "127.0.0.1", "--open")
    server = Restartable("--in-memory", "--room", "1", *rate)

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Alice", echo=True) as alice:
            with pytest.raises(ChatError) as refused:
                await chat.join("1", "Bob").__aenter__()
            assert "JOIN_TOO_OFTEN" == refused.value.reason
            assert refused.value.retry_after is not None
            await asyncio.sleep(refused.value.retry_after)
            async with chat.join("1", "Bob") as bob:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                began = asyncio.get_running_loop().time()
                await asyncio.gather(alice.send("I am back"), bob.send("so am I"))
                assert asyncio.get_running_loop().time() - began > 0.9

    play(server, scene)


@pytest.mark.parametrize("deed", ["delete", "remove"])
def test_what_happens_to_a_member_that_is_away_is_told(deed: str) -> None:
    """A deleted room, and a removal, end the membership with the right error."""
    server = Restartable("--in-memory", "--room", "1")

    async def scene(direct: Chat) -> None:
        async with (
            Proxy(server.address) as proxy,
            connect(proxy.address, patience=EAGER) as chat,
            chat.join("1", "Bob") as bob,
        ):
            await until(bob, "Has entered the chat")
            proxy.retarget(NOWHERE)
            proxy.cut()
            if deed == "delete":
                await direct.delete_room("1")
            else:
                await direct.remove_member("1", "Bob", "spam")
            proxy.retarget(server.address)
            heard, failure = await rest(bob)
        assert {"delete": RoomClosed, "remove": Removed}[deed] is type(failure)
        assert Kind.CONNECTION_LOST is heard[0].kind

    play(server, scene)


def test_replaced_session_is_not_fought_for() -> None:
    """Who has the session resumes it; the client that had it before ends."""
    server = Restartable("--in-memory", "--room", "1")

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as bob:
            joined = bob.joined
            async with grpc.aio.insecure_channel(server.address) as channel:
                call = ChatServiceStub(channel).Chat()
                join = pb.JoinChat(
                    room_id="1",
                    name="Bob",
                    features=[pb.FEATURE_EVENTS],
                    resume=pb.Resume(session=joined.session, epoch=joined.epoch, after=1),
                )
                await call.write(pb.ChatMessage(join=join))
                assert pb.RECOVERY_COMPLETE == (await call.read()).joined.recovery
                heard, failure = await rest(bob)
                assert "live" == (await call.read()).WhichOneof("event")
        assert SessionReplaced is type(failure)
        assert [Kind.ENTERED] == [message.kind for message in heard]

    play(server, scene)
