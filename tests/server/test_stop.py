"""Stopping in order: every stream has its status, and what was accepted is stored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.addresses import Address
from tests.carriers import Ended, run
from tests.server.services import running

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)


def test_streams_end_with_draining_and_what_was_said_is_stored(tmp_path: Path) -> None:
    """UNAVAILABLE tells clients to come back; nothing that was accepted is lost."""

    async def scene() -> None:
        async with running(tmp_path) as server:
            await server.create("lobby")
            alice = await server.join("lobby", "Alice", pb.FEATURE_ECHO)
            bob = await server.join("lobby", "Bob")
            await server.say(alice, "last words")
            while (await alice.receive()).message != "last words":
                pass
            await server.service.stop()
            for stream in (alice, bob):
                with pytest.raises(Ended) as ended:
                    await stream.rest()
                assert ("UNAVAILABLE", "DRAINING") == (ended.value.code, ended.value.reason)
        async with running(tmp_path) as server:
            response = await server.carrier.call(
                "ListMessages", pb.ListMessagesRequest(room_id="lobby")
            )
            assert "last words" in [message.message for message in response.messages]
            left = [m for m in response.messages if m.HasField("left")]
            assert {"Alice", "Bob"} == {message.name for message in left}

    run(scene())


def test_a_loop_that_goes_on_is_rid_of_the_server() -> None:
    """Whoever embeds one opens sockets afterwards, which get the descriptors of its listeners."""

    async def scene() -> None:
        other = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        async with running(ops_bind=(Address("127.0.0.1", 0),)):
            pass
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert b"" == await reader.read()
            writer.close()
        other.close()

    run(scene())


def test_members_with_events_are_told_and_stay_in_the_room(tmp_path: Path) -> None:
    """They resume after the start, silently, and miss nothing; plain ones have left."""

    async def scene() -> None:
        async with running(tmp_path) as server:
            await server.create("lobby")
            alice = await server.join("lobby", "Alice", *BOTH)
            bob = await server.join("lobby", "Bob")
            assert (await alice.receive()).HasField("entered")
            joined = alice.joined
            await server.say(alice, "last words")
            while (await bob.receive()).message != "last words":
                pass
            await server.service.stop()
            said, draining = await alice.receive(), await alice.receive()
            assert "last words" == said.message
            assert draining.draining.HasField("retry_after")
            with pytest.raises(Ended) as ended:
                await alice.receive()
            assert ("UNAVAILABLE", "DRAINING") == (ended.value.code, ended.value.reason)
        async with running(tmp_path) as server:
            members = await server.carrier.call(
                "ListMembers", pb.ListMembersRequest(room_id="lobby")
            )
            assert ["Alice"] == [member.name for member in members.members]
            back = server.carrier.chat()
            await back.send(
                pb.ChatMessage(
                    join=pb.JoinChat(
                        room_id="lobby",
                        name="Alice",
                        features=BOTH,
                        resume=pb.Resume(
                            session=joined.session, epoch=joined.epoch, after=said.sequence
                        ),
                    )
                )
            )
            again = (await back.receive()).joined
            assert pb.RECOVERY_COMPLETE == again.recovery
            assert ("Bob", said.sequence + 1) == (
                (left := await back.receive()).left.name,
                left.sequence,
            )
            assert (await back.receive()).HasField("live")
            await back.cancel()

    run(scene())


def test_while_it_drains_calls_and_joins_are_refused(tmp_path: Path) -> None:
    """The port still accepts; what was accepted before is answered."""

    async def scene() -> None:
        async with running(tmp_path) as server:
            await server.create("lobby")
            alice = await server.join("lobby", "Alice")
            await server.service.hub.drain()
            with pytest.raises(Ended) as ended:
                await alice.rest()
            assert "DRAINING" == ended.value.reason
            for method, request in (
                ("ListChatRooms", pb.ListChatRoomsRequest()),
                ("CreateChatRoom", pb.CreateChatRoomRequest()),
                ("SendMessage", pb.SendMessageRequest(leave=pb.Leave())),
            ):
                with pytest.raises(Ended) as ended:
                    await server.carrier.call(method, request)
                assert ("UNAVAILABLE", "DRAINING") == (ended.value.code, ended.value.reason)
            with pytest.raises(Ended) as ended:
                await server.join("lobby", "Bob")
            assert ("UNAVAILABLE", "DRAINING") == (ended.value.code, ended.value.reason)

    run(scene())


def test_a_stream_that_has_not_joined_yet_is_told_too() -> None:
    """It ends with the status that says so, as the others do."""

    async def scene() -> None:
        async with running() as server:
            stream = server.carrier.chat()
            await stream.call.wait_for_connection()
            await server.create("lobby")  # the stream is open by the time this is answered
            await server.service.stop()
            with pytest.raises(Ended) as ended:
                await stream.rest()
            assert ("UNAVAILABLE", "DRAINING") == (ended.value.code, ended.value.reason)

    run(scene())


def test_who_watches_the_health_of_the_server_is_told_and_then_let_go() -> None:
    """A watch lasts as long as its client; the server does not wait for that."""

    async def scene() -> None:
        async with running() as server:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
            call = HealthStub(channel).Watch(HealthCheckRequest())
            assert HealthCheckResponse.SERVING == (await call.read()).status
            await server.service.stop()
            assert HealthCheckResponse.NOT_SERVING == (await call.read()).status
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await call.read()
            assert grpc.StatusCode.UNAVAILABLE is ended.value.code()
            await channel.close()

    run(scene())
