"""What a membership makes of servers that end, fall silent or misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import chat_pb2_grpc as rpc
from chatroom.client import (
    Chat,
    ChatError,
    Kind,
    NotInRoom,
    Patience,
    RoomClosed,
    ServerUnavailable,
    connect,
)

from .scripted_server import Ending

Behaviour = Callable[[AsyncIterator[pb.ChatMessage], grpc.aio.ServicerContext], Awaitable[None]]
packed = Any()
packed.Pack(error_details_pb2.ErrorInfo(reason="ROOM_CLOSED", domain="rpc.ChatService"))
FIRST_STREAM = Patience(recovery=0)
"""What a lost stream means when it is not to be got back."""
ROOM_CLOSED = (
    (
        "grpc-status-details-bin",
        status_pb2.Status(details=[packed]).SerializeToString(),
    ),
)
JOINED = pb.Message(joined=pb.Joined(session="s", epoch="e", name="Bob"))
LIVE = pb.Message(live=pb.Live())


def play(
    behaviour: Behaviour,
    scene: Callable[[Chat], Awaitable[None]],
    patience: Patience = FIRST_STREAM,
) -> None:
    """Play a scene with a server whose Chat behaves so, in the same process."""

    class Service(rpc.ChatServiceServicer):
        async def Chat(self, requests, context):
            await behaviour(aiter(requests), context)

    async def stage() -> None:
        server = grpc.aio.server()
        rpc.add_ChatServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with (
                asyncio.timeout(30),
                connect(f"127.0.0.1:{port}", patience=patience) as chat,
            ):
                await scene(chat)
        finally:
            await server.stop(None)

    asyncio.run(stage())


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(grpc.StatusCode.OK, "room 1 was closed"), (grpc.StatusCode.NOT_FOUND, "by its admin")],
)
def test_sending_against_the_end_loses_nothing(code: grpc.StatusCode, sentence: str) -> None:
    """A member that keeps sending while the room closes still gets every message and the end."""

    async def closes(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.write(LIVE)
        for number in range(20):
            await context.write(pb.Message(name="A", message=str(number)))
        await context.write(pb.Message(name="chat server", closed=pb.Closed()))
        if code is not grpc.StatusCode.OK:
            await context.abort(code, "by its admin", ROOM_CLOSED)

    async def send_on(room) -> None:
        while True:
            await room.post("x" * 1000)

    async def scene(chat: Chat) -> None:
        for _ in range(50):
            async with chat.join("1", "Bob") as room:
                sending = asyncio.create_task(send_on(room))
                heard = [(await anext(room)).text for _ in range(21)]
                with pytest.raises(RoomClosed, match=sentence):
                    await anext(room)
                with pytest.raises((NotInRoom, RoomClosed)):
                    await sending
            assert [*map(str, range(20)), ""] == heard

    play(closes, scene)


@pytest.mark.parametrize("code", [grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN])
def test_final_message_counts_whatever_the_status(code: grpc.StatusCode) -> None:
    """Servers that end a deleted room's stream with OK, or with "EOF", mean the same."""

    async def closes(requests, context) -> None:
        await anext(requests)
        await context.write(pb.Message(name="chat server", message="chat room is closing"))
        if code is not grpc.StatusCode.OK:
            await context.abort(code, "EOF")

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as room:
            assert "chat room is closing" == (await anext(room)).text
            with pytest.raises(RoomClosed):
                await anext(room)

    play(closes, scene)


def test_silence_after_heartbeats_is_a_lost_connection() -> None:
    """A server that has sent a heartbeat and then nothing at all counts as lost."""

    async def falls_silent(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.write(pb.Message(heartbeat=pb.Heartbeat(sequence=1)))
        await asyncio.Event().wait()

    async def scene(chat: Chat) -> None:
        with pytest.raises(ServerUnavailable, match="fell silent"):
            async with chat.join("1", "Bob") as room:
                await anext(room)

    play(falls_silent, scene, Patience(silence=0.2, recovery=0))


def test_silence_without_heartbeats_is_patience() -> None:
    """A server that has never sent a heartbeat may be silent for as long as it likes."""

    async def thinks(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.write(LIVE)
        while not (await anext(requests)).HasField("message"):
            pass
        await context.write(pb.Message(name="A", message="finally"))

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as room:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await anext(room)
            await room.post("go on")
            assert "finally" == (await anext(room)).text

    play(thinks, scene, Patience(silence=0.1, recovery=0))


def test_room_of_a_silent_server_is_entered() -> None:
    """A server without events that has nothing to say yet does not hold up the join."""

    async def says_nothing(requests, context) -> None:
        await anext(requests)
        async for request in requests:
            await context.write(pb.Message(name="A", message=request.message.message.upper()))

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as room:
            await room.send("hello")
            assert "HELLO" == (await anext(room)).text

    play(says_nothing, scene, Patience(admission=0.1, plain_leave=0.1))


def test_unconfirmed_leave_is_an_error() -> None:
    """Leaving the block says so when the server never confirms what was sent."""

    async def never_ends(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.write(LIVE)
        await asyncio.Event().wait()

    async def scene(chat: Chat) -> None:
        with pytest.raises(ServerUnavailable, match="did not confirm"):
            async with chat.join("1", "Bob") as room:
                await room.post("stored?")

    play(never_ends, scene, Patience(leave=0.2))


def test_server_that_takes_nothing_is_left_in_time() -> None:
    """What was said waits for the server, which flow control holds back; leaving does not."""

    async def reads_nothing(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.write(LIVE)
        await asyncio.Event().wait()

    async def scene(chat: Chat) -> None:
        room = chat.join("1", "Bob")
        await room.__aenter__()
        for _ in range(15):
            await room.post("x" * 60_000)
        with pytest.raises(ServerUnavailable, match="did not confirm"):
            await room.__aexit__(None, None, None)
        assert 15 == room.unacknowledged

    play(reads_nothing, scene, Patience(leave=0.3))


def test_stream_that_ends_at_once_is_no_admission() -> None:
    """A server that says nothing and ends well has not let anybody in."""

    async def says_nothing(requests, context) -> None:
        await anext(requests)

    async def scene(chat: Chat) -> None:
        with pytest.raises(ServerUnavailable, match="ended the stream at once"):
            async with chat.join("1", "Bob"):
                pass

    play(says_nothing, scene)


def test_second_admission_on_a_stream_is_ignored() -> None:
    """Only the first one says who this member is."""

    async def joins_twice(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.write(pb.Message(joined=pb.Joined(session="other", name="Eve")))
        await context.write(LIVE)
        await context.write(pb.Message(name="A", message="hello"))
        await asyncio.Event().wait()

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as room:
            assert "hello" == (await anext(room)).text
            assert ("Bob", "s") == (room.name, room.joined.session)

    play(joins_twice, scene, Patience(leave=0.1))


def test_leaving_does_not_wait_for_a_server_that_is_away_for_longer() -> None:
    """With nothing unsaid, who is on the way out does not come back a minute later to say so."""
    leaving = asyncio.Event()

    async def drains(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await leaving.wait()
        await Ending(grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_after=60.0).abort(context)

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as room:
            await room.leave()
            leaving.set()
            assert [Kind.CONNECTION_LOST] == [message.kind async for message in room]

    play(drains, scene, Patience())


def test_stream_that_fails_in_the_middle_raises() -> None:
    """A status that has no type of its own is a ChatError with code and sentence."""

    async def fails(requests, context) -> None:
        await anext(requests)
        await context.write(JOINED)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too slow")

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as room:
            with pytest.raises(ChatError) as failure:
                await anext(room)
        assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "too slow") == (
            failure.value.code, str(failure.value),
        )  # fmt: skip

    play(fails, scene)


def test_stopped_server_is_a_lost_connection() -> None:
    """A server that goes away ends the membership with ServerUnavailable."""
    begun = asyncio.Event()

    async def scene() -> None:
        class Service(rpc.ChatServiceServicer):
            async def Chat(self, requests, context):
                await context.write(JOINED)
                begun.set()
                await asyncio.Event().wait()

        server = grpc.aio.server()
        rpc.add_ChatServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with (
            asyncio.timeout(30),
            connect(f"127.0.0.1:{port}", patience=FIRST_STREAM) as chat,
            chat.join("1", "Bob") as room,
        ):
            await begun.wait()
            await server.stop(None)
            with pytest.raises(ServerUnavailable):
                await anext(room)

    asyncio.run(scene())
