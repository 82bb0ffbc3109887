"""What a call leaves for the garbage collector, which stops everybody while it works: nothing."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import pytest
from google.protobuf.message import Message

from chatroom.api.rpc import chat_pb2 as pb
from tests.carriers import CARRIERS, Carrier, Ended, run
from tests.server.services import running

CALLS = 10
NOWHERE = "no-such-room"
REFUSED: dict[str, Message] = {
    "CreateChatRoom": pb.CreateChatRoomRequest(room_id="lobby"),
    "DeleteChatRoom": pb.DeleteChatRoomRequest(room_id=NOWHERE),
    "ListMembers": pb.ListMembersRequest(room_id=NOWHERE),
    "ListMessages": pb.ListMessagesRequest(room_id=NOWHERE),
    "SearchMessages": pb.SearchMessagesRequest(room_id="lobby"),
    "RemoveMember": pb.RemoveMemberRequest(room_id="lobby", name="nobody"),
    "SendMessage": pb.SendMessageRequest(session="none", heartbeat=pb.Heartbeat()),
}
ANSWERED: dict[str, Message] = {
    "ListChatRooms": pb.ListChatRoomsRequest(),
    "ListMembers": pb.ListMembersRequest(room_id="lobby"),
    "ListMessages": pb.ListMessagesRequest(room_id="lobby"),
    "SearchMessages": pb.SearchMessagesRequest(room_id="lobby", query="word"),
}


async def calls(carrier: Carrier) -> None:
    """Each method so many times, those that are refused too, and joins."""
    for _ in range(CALLS):
        for requests in (REFUSED, ANSWERED):
            for method, request in requests.items():
                with contextlib.suppress(Ended):
                    await carrier.call(method, request)
        for room in (NOWHERE, "lobby"):
            stream = carrier.subscribe(pb.JoinChat(room_id=room, name="Bob"))
            with contextlib.suppress(Ended):
                await stream.receive()
            await stream.cancel()


@contextlib.contextmanager
def collected() -> Iterator[list[object]]:
    """What the collector finds at the end of the block that nobody else has freed."""
    gc.collect()
    gc.disable()
    found: list[object] = []
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.extend(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("protocol", CARRIERS)
def test_a_call_leaves_nothing_for_the_collector(protocol: str) -> None:
    """A refusal as little as an answer: no error, traceback and frame that hold each other."""
    garbage: list[str] = []

    async def scene() -> None:
        async with running() as server:
            await server.create("lobby")
            carrier = CARRIERS[protocol](server.port)
            await calls(carrier)
            with collected() as found:
                await calls(carrier)
            garbage.extend(
                type(each).__name__
                for each in found
                if type(each).__module__.startswith(("chatroom.server", "chatroom.wire"))
            )
            await carrier.close()

    run(scene())
    assert [] == garbage
