"""A real server and a client that no one here wrote, with the tap between."""

from __future__ import annotations

import asyncio

import grpc
import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire.decode import Frame, Kind, records
from chatroom.chatwire.decode.records import Role
from chatroom.chatwire.passage import Side
from chatroom.chatwire.recorded import RecordedTap
from tests.client.servers import OURS, running

from .loops import run
from .wire import kinds, notes


@pytest.fixture(scope="module")
def server():  # type: ignore[no-untyped-def]
    with running([*OURS, "--room", "lobby"]) as address:
        yield address


def role(frame: Frame) -> Role | None:
    return frame.detail.role if isinstance(frame.detail, records.Headers) else None


def values(frames: list[Frame], sender: Side) -> list[object]:
    return [
        message.value for frame in frames if frame.sender is sender for message in frame.messages
    ]


async def chat(address: str) -> list[Frame]:
    """Join, talk, leave; then a room that does not exist."""
    async with RecordedTap(address) as tap, grpc.aio.insecure_channel(tap.address) as channel:
        stub = ChatServiceStub(channel)
        call = stub.Chat()
        await call.write(pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Bob")))
        await call.write(pb.ChatMessage(message=pb.Message(message="hello")))
        await call.write(pb.ChatMessage(leave=pb.Leave()))
        assert [frame async for frame in call]
        refused = stub.Chat()
        await refused.write(pb.ChatMessage(join=pb.JoinChat(room_id="none", name="Bob")))
        assert grpc.StatusCode.NOT_FOUND == await refused.code()
        await tap.until(lambda frame: role(frame) is Role.TRAILERS_ONLY)
    return tap.frames


def test_a_conversation_is_seen(server: str) -> None:
    """Join, messages, trailers, refusal, by name and in order, with nothing wrong about it."""
    frames = run(chat(server))
    assert "" == notes([frame for frame in frames if frame.kind is not Kind.ENDED])
    assert [Kind.OPENED, Kind.PREFACE, Kind.SETTINGS] == kinds(frames)[:3]
    said = values(frames, Side.CLIENT)
    assert ["join", "message", "leave", "join"] == [
        field.name
        for message in said
        for field, _ in message.ListFields()  # type: ignore[attr-defined]
    ]
    heard = values(frames, Side.SERVER)
    assert "Has entered the chat" in [message.message for message in heard]  # type: ignore[attr-defined]
    trailers = [frame for frame in frames if role(frame) in (Role.TRAILERS, Role.TRAILERS_ONLY)]
    statuses = [frame.detail.status for frame in trailers]  # type: ignore[union-attr]
    assert ["OK", "NOT_FOUND"] == [status.name for status in statuses]
    details = [detail.value for detail in statuses[1].details]
    assert "ROOM_NOT_FOUND" == details[0].reason
    assert frames == sorted(frames, key=lambda frame: frame.number)


async def waiting(address: str) -> tuple[bool, Frame]:
    async with RecordedTap(address) as tap:
        wanted = asyncio.create_task(tap.until(lambda frame: frame.kind is Kind.PREFACE))
        await asyncio.sleep(0)
        early = wanted.done()
        async with grpc.aio.insecure_channel(tap.address) as channel:
            await ChatServiceStub(channel).ListChatRooms(pb.ListChatRoomsRequest())
        return early, await wanted


def test_a_program_can_wait_for_a_frame(server: str) -> None:
    """`until` returns when it has passed."""
    early, frame = run(waiting(server))
    assert (False, Kind.PREFACE) == (early, frame.kind)
