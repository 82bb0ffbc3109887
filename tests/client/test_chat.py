"""Rooms made, listed, read and deleted, with the real server."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2, chat_pb2_grpc
from chatroom.client import (
    Address,
    AddressInvalid,
    Chat,
    ChatError,
    Kind,
    Limits,
    RoomNotFound,
    ServerUnavailable,
    connect,
)


def play(address: str, scene: Callable[[Chat], Awaitable[None]]) -> None:
    async def stage() -> None:
        async with asyncio.timeout(30), connect(address) as chat:
            await scene(chat)

    asyncio.run(stage())


def test_created_room_is_listed(server: str) -> None:
    """A room has the id and the title that it was created with, and is listed."""

    async def scene(chat: Chat) -> None:
        created = await chat.create_room("green-room", title="Plants", capacity=5)
        listed = {room.room_id: room for room in await chat.rooms()}["green-room"]
        assert ("Plants", 5, False, 0) == (
            listed.title, listed.capacity, listed.private, listed.member_count,
        )  # fmt: skip
        assert created.created == listed.created

    play(server, scene)


def test_a_room_tells_when_something_was_last_said(server: str) -> None:
    """Nothing yet when it is made; then as the message itself has it."""

    async def scene(chat: Chat) -> None:
        created = await chat.create_room("talk")
        async with chat.join("talk", "Bob") as room:
            said = await room.send("hello")
        listed = {room.room_id: room for room in await chat.rooms()}["talk"]
        assert (None, said.sent) == (created.active, listed.active)

    play(server, scene)


def test_private_room_is_not_listed(server: str) -> None:
    """A private room is found by nobody who does not know its id."""

    async def scene(chat: Chat) -> None:
        created = await chat.create_room(private=True)
        assert created.private
        assert created.room_id not in [room.room_id for room in await chat.rooms()]
        async with chat.join(created.room_id, "Bob") as room:
            assert created.room_id == room.room_id

    play(server, scene)


def test_members_are_listed(server: str) -> None:
    """Who is in a room can be asked from outside."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        async with chat.join(room_id, "Alice"), chat.join(room_id, "Bob"):
            assert {"Alice", "Bob"} == {member.name for member in await chat.members(room_id)}

    play(server, scene)


def test_history_is_paged(server: str) -> None:
    """Pages are read from the newest backwards, and from the oldest forwards."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        async with chat.join(room_id, "Bob") as room:
            await room.send("hello")
        newest = await chat.history(room_id, page_size=1)
        before = await chat.history(room_id, before=newest.messages[0].sequence)
        after = await chat.history(room_id, after=0)
        assert [Kind.LEFT] == [message.kind for message in newest.messages]
        assert [Kind.ENTERED, Kind.SAID] == [message.kind for message in before.messages]
        assert [1, 2, 3] == [message.sequence for message in after.messages]
        assert (True, False, False) == (newest.more, before.more, after.more)

    play(server, scene)


def test_deleted_room_is_gone(server: str) -> None:
    """A deleted room is not listed, and cannot be deleted again."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        await chat.delete_room(room_id)
        with pytest.raises(RoomNotFound):
            await chat.delete_room(room_id)

    play(server, scene)


def test_room_that_exists_is_refused(server: str) -> None:
    """A refusal without a type of its own is a ChatError with the server's reason."""

    async def scene(chat: Chat) -> None:
        await chat.create_room("twice")
        with pytest.raises(ChatError) as refused:
            await chat.create_room("twice")
        assert (grpc.StatusCode.ALREADY_EXISTS, "ROOM_EXISTS") == (
            refused.value.code, refused.value.reason,
        )  # fmt: skip

    play(server, scene)


def test_unreachable_server_is_told() -> None:
    """Calls and joins to a port where nobody listens fail at once, with a sentence."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, so that nobody else is; not listening
        port = reserved.getsockname()[1]

        async def scene(chat: Chat) -> None:
            expected = f"cannot reach 127.0.0.1:{port}: connection refused"
            with pytest.raises(ServerUnavailable) as calling:
                await chat.rooms()
            with pytest.raises(ServerUnavailable) as joining:
                await chat.join("1234", "Bob").__aenter__()
            assert (expected, expected) == (str(calling.value), str(joining.value))

        play(f"127.0.0.1:{port}", scene)


def test_bad_address_is_refused_before_connecting() -> None:
    """An address that cannot be one is refused by connect itself."""
    with pytest.raises(AddressInvalid):
        connect("http://localhost:8080")


def test_address_may_be_given_in_its_parts() -> None:
    """Host and port, as `Address`, are what `host:port` means."""
    parts = connect(Address("::1", 9)).address
    assert connect("[::1]:9").address == parts
    assert ("::1", 9) == parts


def test_connection_is_used_inside_its_block() -> None:
    """Outside `async with` there is no connection, and a sentence says so."""
    with pytest.raises(RuntimeError, match="connect first"):
        asyncio.run(connect("localhost").rooms())


def test_importing_the_library_does_not_import_grpc() -> None:
    """Programs that may not connect at all start quickly."""
    script = "import sys, chatroom.client; assert 'grpc' not in sys.modules"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (0, b"") == (ended.returncode, ended.stderr)


class EndlessServer(chat_pb2_grpc.ChatServiceServicer):
    """Every list has another page, with a token of its own."""

    async def ListChatRooms(self, request, context):
        return chat_pb2.ListChatRoomsResponse(next_page_token=f"{request.page_token}.")

    async def ListMembers(self, request, context):
        return chat_pb2.ListMembersResponse(next_page_token=f"{request.page_token}.")


class SilentServer(chat_pb2_grpc.ChatServiceServicer):
    """Takes questions and answers none."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def ListChatRooms(self, request, context):
        self.asked.set()
        await asyncio.Event().wait()


def test_closing_ends_the_calls_under_way() -> None:
    """With an error like any other: whoever asked was not cancelled."""

    async def stage() -> None:
        service, server = SilentServer(), grpc.aio.server()
        chat_pb2_grpc.add_ChatServiceServicer_to_server(service, server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        async with asyncio.timeout(30):
            async with connect(address) as chat:
                asking = asyncio.create_task(chat.rooms())
                await service.asked.wait()
            with pytest.raises(ServerUnavailable, match="it was closed here"):
                await asking
        await server.stop(None)

    asyncio.run(stage())


def test_endless_lists_are_given_up() -> None:
    """A server that always has one more page is told of, after as many as the limit says."""

    async def stage() -> None:
        server = grpc.aio.server()
        chat_pb2_grpc.add_ChatServiceServicer_to_server(EndlessServer(), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        async with asyncio.timeout(30), connect(address, limits=Limits(list_pages=3)) as chat:
            with pytest.raises(ChatError, match="list of rooms does not end"):
                await chat.rooms()
            with pytest.raises(ChatError, match="list of members does not end"):
                await chat.members("1")
        await server.stop(None)

    asyncio.run(stage())
