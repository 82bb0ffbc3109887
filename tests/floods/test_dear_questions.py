"""How long another connection waits while one calls each unary method a hundred times at once.

Printed by `make soak`, where no other test runs meanwhile, and not asserted, since a busy machine
makes any figure: what the loop does between two turns is counted in
tests/server/test_dear_questions.py. The goal: 50 ms more than alone.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import Code
from tests.faults.people import Person
from tests.faults.scale import report, scaled
from tests.faults.server_process import ServerProcess, serving
from tests.floods.siege import SWITCH_SECONDS
from tests.interop.raw_grpc import CREATE, answer
from tests.interop.raw_http2 import Connection

ROOMS = scaled(500, 9_900, brief=150)
CHECKS = scaled(20, 200, brief=8)
AT_ONCE = 100
TEXTS = 200
HEALTH = "/grpc.health.v1.Health/Check"
REQUESTS = {
    "ListChatRooms": pb.ListChatRoomsRequest(),
    "ListMessages": pb.ListMessagesRequest(room_id="lobby", page_size=1000),
    "SearchMessages": pb.SearchMessagesRequest(room_id="lobby", query="word", page_size=100),
    "ListMembers": pb.ListMembersRequest(room_id="lobby"),
    "CreateChatRoom": pb.CreateChatRoomRequest(room_id="lobby"),
    "DeleteChatRoom": pb.DeleteChatRoomRequest(room_id="nowhere"),
    "RemoveMember": pb.RemoveMemberRequest(room_id="lobby", name="nobody"),
    "SendMessage": pb.SendMessageRequest(session="none", heartbeat=pb.Heartbeat()),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    limits = ("--message-rate", "0", "--max-rooms", "10000")
    with (
        serving("--in-memory", "--room", "lobby", *limits) as running,
        Connection(running.address) as connection,
    ):
        for _ in range(ROOMS):
            assert Code.OK == answer(connection, CREATE, envelope(b"")).grpc_status
        writer = Person(connection, "lobby", "Writer", [pb.FEATURE_ECHO])
        for _ in range(TEXTS):
            writer.say("x" * 1000)
        writer.say("done")
        writer.hears("done")
        yield running


def p99(address: str) -> float:
    """Seconds that a health check takes, but for the slowest in a hundred."""
    with Connection(address) as connection:
        took = []
        for _ in range(CHECKS):
            begun = time.monotonic()
            assert Code.OK == answer(connection, HEALTH, envelope(b"")).grpc_status
            took.append(time.monotonic() - begun)
    return sorted(took)[int(len(took) * 0.99) - 1]


@pytest.mark.parametrize("method", REQUESTS)
def test_a_flood_of_one_connection_beside_the_health_check_of_another(
    server: ServerProcess, method: str
) -> None:
    """Everybody is answered, the flood too."""
    alone = p99(server.address)
    body = envelope(REQUESTS[method].SerializeToString())
    begun, over = threading.Event(), threading.Event()
    answered = 0

    def flood() -> None:
        nonlocal answered
        with Connection(server.address) as connection:
            while not over.is_set():
                streams = [connection.call(f"/rpc.ChatService/{method}") for _ in range(AT_ONCE)]
                for stream in streams:
                    connection.data(stream, body, end=True)
                begun.set()
                for stream in streams:
                    assert connection.response(stream).grpc_status is not None
                    answered += 1

    flooding = threading.Thread(target=flood)
    switching = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)  # the flood's thread is not what is waited for
    flooding.start()
    try:
        begun.wait()
        beside = p99(server.address)
    finally:
        over.set()
        flooding.join()
        sys.setswitchinterval(switching)
    report(
        f"a health check beside {AT_ONCE} of {method} at once",
        f"p99 {beside * 1000:.1f} ms, alone {alone * 1000:.1f} ms",
    )
    assert answered >= AT_ONCE
