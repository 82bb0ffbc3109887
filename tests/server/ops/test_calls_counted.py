"""Calls and their messages, by the names of gRPC's dashboards: what moves by what was done."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import CARRIERS, SECONDS, Ended, run

from .looking import Watched, watched
from .scrapes import Scrape, scraped

EVENTS, ECHO = pb.FEATURE_EVENTS, pb.FEATURE_ECHO
CHAT = ("Chat", "rpc.ChatService", "bidi_stream")
SUBSCRIBE = ("Subscribe", "rpc.ChatService", "server_stream")
CREATE = ("CreateChatRoom", "rpc.ChatService", "unary")


async def when(ops: Watched, name: str, before: Scrape, expected: dict[tuple[str, ...], float]):
    """Scrape until a metric has moved as expected: the end of a call is told a moment later."""
    moved: dict[tuple[str, ...], float] | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while moved != expected:
                moved = (await scraped(ops)).since(before, of=name)
    assert expected == moved


@pytest.mark.parametrize("carrier", CARRIERS)
def test_calls_that_answer_once(carrier: str) -> None:
    """Each begins, has a message, and ends once: with an answer, or with the code of a refusal."""

    async def scene() -> None:
        async with watched() as ops:
            client = CARRIERS[carrier](ops.server.port)
            before = await scraped(ops)
            request = pb.CreateChatRoomRequest(room_id="lobby")
            await client.call("CreateChatRoom", request)
            with pytest.raises(Ended, match="ROOM_EXISTS"):
                await client.call("CreateChatRoom", request)
            after = await scraped(ops)
            assert {CREATE: 2} == after.since(before, of="grpc_server_started_total")
            assert {CREATE: 2} == after.since(before, of="grpc_server_msg_received_total")
            assert {CREATE: 1} == after.since(before, of="grpc_server_msg_sent_total")
            method, service, kind = CREATE
            ended = {("AlreadyExists", method, service, kind): 1, ("OK", method, service, kind): 1}
            assert ended == after.since(before, of="grpc_server_handled_total")
            await client.close()

    run(scene())


def test_health_and_reflection_are_counted_too() -> None:
    """A message in, a message out; a watch that is cancelled says so."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{ops.server.port}") as channel:
                await HealthStub(channel).Check(HealthCheckRequest())
                stub = reflection_pb2_grpc.ServerReflectionStub(channel)
                ask = reflection_pb2.ServerReflectionRequest(list_services="")
                asking = stub.ServerReflectionInfo()
                await asking.write(ask)
                await asking.read()
                await asking.done_writing()
                assert grpc.StatusCode.OK == await asking.code()
            check = ("Check", "grpc.health.v1.Health", "unary")
            service = "grpc.reflection.v1alpha.ServerReflection"
            described = ("ServerReflectionInfo", service, "bidi_stream")
            for name in ("started", "msg_received", "msg_sent"):
                moved = {check: 1, described: 1}
                await when(ops, f"grpc_server_{name}_total", before, moved)
            ended = {("OK", *check): 1, ("OK", *described): 1}
            await when(ops, "grpc_server_handled_total", before, ended)

    run(scene())


@pytest.mark.parametrize("features", [(), (EVENTS,), (EVENTS, ECHO)])
def test_messages_of_streams(features: tuple[int, ...]) -> None:
    """As many out as each client has read, its own left out or not, and as many in as were sent."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            old = await server.join("lobby", "Old")
            for number in range(3):
                await server.say(old, f"before {number}")
            while (await scraped(ops)).of("chatroom_turn_entries_sum") < 4:
                pass
            await old.cancel()
            while (await scraped(ops)).of("chatroom_readers") == 1:
                pass
            before = await scraped(ops)
            read = 0
            ann, bob = server.carrier.chat(), server.carrier.chat()
            for stream, name in ((ann, "Ann"), (bob, "Bob")):
                join = pb.JoinChat(room_id="lobby", name=name, features=features)
                await stream.send(pb.ChatMessage(join=join))
                while not (message := await stream.receive()).HasField("entered"):
                    read += 1
                read += 1
                while EVENTS in features and not message.HasField("live"):
                    message = await stream.receive()
                    read += 1
            for number in range(5):
                await server.say(ann, f"ann {number}")
                await server.say(bob, f"bob {number}")
            for stream, other in ((ann, "bob"), (bob, "ann")):
                while (message := await stream.receive()).message != f"{other} 4":
                    read += 1
                read += 1
            if ECHO in features:  # their own may stand behind the other's
                heard = (await scraped(ops)).since(before, of="grpc_server_msg_sent_total")
                assert read <= heard[CHAT] <= read + 2
            else:
                await when(ops, "grpc_server_msg_sent_total", before, {CHAT: read})
            await when(ops, "grpc_server_msg_received_total", before, {CHAT: 12})
            await when(ops, "grpc_server_started_total", before, {CHAT: 2})

    run(scene())


def test_who_types_is_told_in_messages_that_are_counted() -> None:
    """One in, and one out to each of the others who want to know."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            ann = await server.join("lobby", "Ann", EVENTS)
            bob = await server.join("lobby", "Bob", EVENTS)
            assert (await ann.receive()).HasField("entered")
            before = await scraped(ops)
            await ann.send(pb.ChatMessage(typing=pb.Typing(active=True)))
            assert (await bob.receive()).HasField("typing")
            after = await scraped(ops)
            assert {CHAT: 1} == after.since(before, of="grpc_server_msg_sent_total")
            assert {CHAT: 1} == after.since(before, of="grpc_server_msg_received_total")

    run(scene())


def test_a_resumed_stream_is_counted_with_what_it_missed() -> None:
    """And nothing is forgotten, or counted again, of streams that have ended."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            ann = await server.join("lobby", "Ann", EVENTS, ECHO)
            bob = await server.join("lobby", "Bob", EVENTS, ECHO)
            before = await scraped(ops)
            await bob.cancel()
            while (await scraped(ops)).of("chatroom_members_away") == 0:
                pass
            assert {} == (await scraped(ops)).since(before, of="grpc_server_msg_sent_total")
            for number in range(4):
                await server.say(ann, f"missed {number}")
                while (await ann.receive()).message != f"missed {number}":
                    pass
            again = server.carrier.chat()
            resume = pb.Resume(
                session=bob.joined.session, epoch=bob.joined.epoch, after=bob.joined.sequence + 1
            )
            join = pb.JoinChat(room_id="lobby", name="Bob", features=[EVENTS, ECHO], resume=resume)
            middle = await scraped(ops)
            await again.send(pb.ChatMessage(join=join))
            read = 1
            while not (await again.receive()).HasField("live"):
                read += 1
            assert 6 == read  # joined, four messages, live
            await when(ops, "grpc_server_msg_sent_total", middle, {CHAT: read})
            after = await scraped(ops)
            assert {("complete",): 1} == after.since(before, of="chatroom_resumes_total")
            assert {("GONE",): 1} == after.since(before, of="chatroom_readers_ended_total")
            ended = {("Canceled", *CHAT): 1}
            assert ended == after.since(before, of="grpc_server_handled_total")

    run(scene())


def test_resumes_by_their_outcome() -> None:
    """A session that nobody knows is a fresh join; one of another room is refused."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            await server.create("other")
            ann = await server.join("lobby", "Ann", EVENTS)
            before = await scraped(ops)
            for room_id, session in (("lobby", "unknown"), ("other", ann.joined.session)):
                stream = server.carrier.chat()
                resume = pb.Resume(session=session, epoch=ann.joined.epoch, after=1)
                join = pb.JoinChat(room_id=room_id, name="Bob", features=[EVENTS], resume=resume)
                await stream.send(pb.ChatMessage(join=join))
                if room_id == "lobby":
                    await stream.receive()
                else:
                    with pytest.raises(Ended, match="SESSION_MISMATCH"):
                        await stream.receive()
            moved = (await scraped(ops)).since(before, of="chatroom_resumes_total")
            assert {("fresh",): 1, ("refused",): 1} == moved

    run(scene())


def test_a_resume_from_what_is_no_longer_kept_is_partial() -> None:
    """And what it is handed is counted from there on."""

    async def scene() -> None:
        async with watched(limits=Limits(message_rate=0)) as ops:
            server = ops.server
            room = await server.create(history=2)
            ann = await server.join("lobby", "Ann", EVENTS)
            bob = await server.join("lobby", "Bob")
            await ann.cancel()
            for number in range(40):
                await server.say(bob, f"{number}")
            log = server.service.hub.rooms.get(room.room_id).log
            while log.oldest < 10 or log.tail.newest < 42:
                await asyncio.sleep(0)
            before = await scraped(ops)
            again = server.carrier.chat()
            session, epoch = ann.joined.session, ann.joined.epoch
            resume = pb.Resume(session=session, epoch=epoch, after=1)
            join = pb.JoinChat(room_id="lobby", name="Ann", features=[EVENTS], resume=resume)
            await again.send(pb.ChatMessage(join=join))
            read = 1
            while not (await again.receive()).HasField("live"):
                read += 1
            await when(ops, "grpc_server_msg_sent_total", before, {CHAT: read})
            moved = (await scraped(ops)).since(before, of="chatroom_resumes_total")
            assert {("partial",): 1} == moved

    run(scene())


def test_subscribers_are_counted_apart() -> None:
    """The request is one message; what is said is handed to it too."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            before = await scraped(ops)
            sub = server.carrier.subscribe(pb.JoinChat(room_id="lobby", name="Sue"))
            assert (await sub.receive()).HasField("entered")
            ann = await server.join("lobby", "Ann")
            assert (await sub.receive()).HasField("entered")
            await server.say(ann, "hello")
            assert "hello" == (await sub.receive()).message
            await when(ops, "grpc_server_msg_sent_total", before, {SUBSCRIBE: 3, CHAT: 1})
            await when(ops, "grpc_server_msg_received_total", before, {SUBSCRIBE: 1, CHAT: 2})

    run(scene())


def test_why_readers_end() -> None:
    """Each way once: it leaves, is removed, its room is deleted, the server drains."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            await server.create("doomed")
            leaver = await server.join("lobby", "Leaver", EVENTS)
            removed = await server.join("lobby", "Removed")
            doomed = await server.join("doomed", "Doomed")
            before = await scraped(ops)
            await leaver.send(pb.ChatMessage(leave=pb.Leave()))
            with pytest.raises(Ended, match="OK"):
                await leaver.rest()
            request = pb.RemoveMemberRequest(room_id="lobby", name="Removed")
            await server.carrier.call("RemoveMember", request)
            with pytest.raises(Ended, match="REMOVED"):
                await removed.rest()
            await server.carrier.call("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id="doomed"))
            with pytest.raises(Ended, match="ROOM_CLOSED"):
                await doomed.rest()
            ended = {("OK",): 1, ("REMOVED",): 1, ("ROOM_CLOSED",): 1}
            await when(ops, "chatroom_readers_ended_total", before, ended)
            assert {("public",): -1} == (await scraped(ops)).since(before, of="chatroom_rooms")

    run(scene())


def test_messages_that_are_refused_while_their_stream_goes_on() -> None:
    """By reason; the stream has not ended by it."""

    async def scene() -> None:
        async with watched(limits=Limits(text_bytes=10)) as ops:
            server = ops.server
            await server.create()
            ann = await server.join("lobby", "Ann", EVENTS)
            before = await scraped(ops)
            await server.say(ann, "far too long for this server")
            assert (await ann.receive()).HasField("refused")
            after = await scraped(ops)
            assert {("TEXT_TOO_LONG",): 1} == after.since(
                before, of="chatroom_refused_messages_total"
            )
            assert {} == after.since(before, of="chatroom_refusals_total")
            assert {CHAT: 1} == after.since(before, of="grpc_server_msg_sent_total")

    run(scene())
