"""Whoever is cancelled, at whichever await, leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest

from chatroom.client import Chat, Kind, Patience, Room, connect

from .interrupted import cancel_at_each_await
from .recovering import EAGER, play, until
from .scripted_server import LOST, ScriptedServer
from .test_stream_faults import play as play_behaviour

NEVER = 3600.0


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Asyncio logs what is lost of tasks; pytest turns warnings into errors by itself.

    What grpcio's server logs of calls that end with it is the peer's; and its queue of events is
    one for all loops, so it may have one left for the loop of a play that has ended.
    """
    with caplog.at_level(logging.WARNING):
        yield
        gc.collect()  # of a task that failed unseen it is told when it goes
    records = [*caplog.get_records("call"), *caplog.records]
    told = [each.getMessage() for each in records if not each.name.startswith("grpc.")]
    assert [] == [each for each in told if "PollerCompletionQueue._handle_events" not in each]


def ours(before: set[asyncio.Task[object]]) -> list[str]:
    """The tasks of the library that were not there before."""
    new = asyncio.all_tasks() - before
    return [repr(task) for task in new if "chatroom/client/" in repr(task)]


async def end_of_all_but(before: set[asyncio.Task[object]]) -> None:
    """Wait for the other tasks: what gRPC has still to do ends by itself."""
    new = asyncio.all_tasks() - before
    if new:
        await asyncio.wait(new)


async def nobody_in(chat: Chat, room_id: str) -> None:
    """The room is empty, and whoever was there has said that they leave."""
    assert [] == await chat.members(room_id)
    page = await chat.history(room_id, page_size=1000)
    entered = [message for message in page.messages if message.kind is Kind.ENTERED]
    left = [message.event.reason for message in page.messages if message.kind is Kind.LEFT]
    assert ["quit"] * len(entered) == left


def test_a_visit_cancelled_at_any_await_leaves_nothing(server: str) -> None:
    """Joining, iterating, sending, leaving: no task and no stream stays, the member leaves."""

    async def stage() -> None:
        async with asyncio.timeout(60), connect(server) as watcher, connect(server) as chat:
            room_id = (await watcher.create_room()).room_id
            await chat.rooms()  # so that connecting is not part of every visit
            before = asyncio.all_tasks()

            async def visit() -> None:
                async with chat.join(room_id, "Bob") as room:
                    await anext(room)
                    await room.wait_live()
                    await room.send("hello")
                    await room.post("bye")
                    await room.leave()
                    async for _ in room:
                        pass

            async def nothing_stays() -> None:
                assert [] == ours(before)
                await end_of_all_but(before)
                await nobody_in(watcher, room_id)

            assert 5 <= await cancel_at_each_await(visit, nothing_stays)

    asyncio.run(stage())


def test_cancelled_twice_it_is_left_at_once(server: str) -> None:
    """Then the room may learn of it late, but here everything ends."""

    async def stage() -> None:
        async with asyncio.timeout(60), connect(server) as chat:
            await chat.rooms()
            before = asyncio.all_tasks()

            async def visit() -> None:
                room_id = (await chat.create_room()).room_id
                async with chat.join(room_id, "Bob") as room:
                    await room.send("hello")

            async def everything_ends() -> None:
                await end_of_all_but(before)

            assert 4 <= await cancel_at_each_await(visit, everything_ends, times=2)

    asyncio.run(stage())


def test_connecting_cancelled_at_any_await_leaves_nothing(server: str) -> None:
    """The first call, the first stream, and closing the connection."""

    async def stage() -> None:
        async with asyncio.timeout(60), connect(server) as watcher:
            room_id = (await watcher.create_room()).room_id
            before = asyncio.all_tasks()

            async def visit() -> None:
                async with connect(server) as chat:
                    await chat.members(room_id)
                    async with chat.join(room_id, "Bob"):
                        pass

            async def nothing_stays() -> None:
                assert [] == ours(before)
                await end_of_all_but(before)

            assert 5 <= await cancel_at_each_await(visit, nothing_stays)

    asyncio.run(stage())


def test_a_lost_connection_may_be_cancelled_at_any_await() -> None:
    """While it is got back nothing stays either."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        await chat.rooms()
        before = asyncio.all_tasks()

        async def visit() -> None:
            server.refusals = []
            async with chat.join("1", "Bob") as room:
                await room.post("before")
                server.refusals = [LOST, LOST]
                server.end()
                await room.send("after")
                await until(room, "connected again")

        async def nothing_stays() -> None:
            assert [] == ours(before)

        assert 3 <= await cancel_at_each_await(visit, nothing_stays)

    play(scene)


Step = Callable[[Room, ScriptedServer], Awaitable[object]]


async def iterate(room: Room, server: ScriptedServer) -> None:
    async for _ in room:
        pass


async def send(room: Room, server: ScriptedServer) -> None:
    await room.send("unheard")


async def leave(room: Room, server: ScriptedServer) -> None:
    await room.post("unheard")
    await room.leave()
    await iterate(room, server)


@pytest.mark.parametrize("step", [iterate, send, leave], ids=lambda step: step.__name__)
@pytest.mark.parametrize("lost", [False, True], ids=["connected", "lost"])
def test_a_timeout_ends_the_wait_and_not_the_membership(step: Step, lost: bool) -> None:
    """Around anything that waits for a server that does not read, or is not there."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.wait_live()
            server.reads.clear()
            if lost:
                server.refusals = [LOST] * 3
                server.end()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await step(room, server)
            server.reads.set()
            if step is not leave:
                await room.send("heard")
        unheard = [] if step is iterate else ["unheard"]
        assert unheard + ([] if step is leave else ["heard"]) == server.texts
        assert server.requests[-1].HasField("leave")

    play(scene)


def test_a_timeout_around_a_join_leaves_nothing() -> None:
    """Of a server that takes the join and says nothing."""

    async def scene(chat: Chat) -> None:
        before = asyncio.all_tasks()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), chat.join("1", "Bob"):
                raise AssertionError("nobody was let in")
        assert [] == ours(before)

    async def says_nothing(requests, context) -> None:
        async for _ in requests:
            pass

    patience = Patience(admission=NEVER, hasty_leave=0.1)
    play_behaviour(says_nothing, scene, patience)


def test_a_timeout_around_a_join_without_a_connection_ends_at_once() -> None:
    """Nothing is on its way to a server with which there is no connection yet."""

    async def stage() -> None:
        accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

        async def says_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.put_nowait(writer)

        listener = await asyncio.start_server(says_nothing, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        patience = Patience(admission=NEVER, hasty_leave=NEVER)
        async with asyncio.timeout(30), listener:
            async with connect(f"127.0.0.1:{port}", patience=patience) as chat:
                before = asyncio.all_tasks()
                joining = asyncio.create_task(chat.join("1", "Bob").__aenter__())
                writer = await accepted.get()
                joining.cancel()
                await asyncio.wait({joining})
                assert joining.cancelled()
                assert [] == ours(before)
            writer.transport.abort()
            assert accepted.empty()

    asyncio.run(stage())


def test_a_timeout_around_leaving_leaves_nothing() -> None:
    """Of a server that does not confirm; what was not confirmed is reported as cancelled."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        room = chat.join("1", "Bob")
        before = asyncio.all_tasks()
        await room.__aenter__()
        await room.wait_live()
        server.reads.clear()
        posted = await room.post("unheard")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await room.__aexit__(None, None, None)
        assert [] == ours(before)
        with pytest.raises(Exception, match="did not confirm"):
            await posted.stored()
        server.reads.set()

    play(scene, Patience(hasty_leave=0.1, backoff=EAGER.backoff))
