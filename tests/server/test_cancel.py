"""Streams that are cut at any moment."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import CARRIERS, Ended, run
from tests.server.services import running


@pytest.mark.parametrize("carrier", ["grpc", "grpc-web", "connect"])
def test_streams_cut_at_any_moment_leave_nothing_behind(
    carrier: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No member, no reader, no failure in the log; and one who stays notices only departures."""
    rng = random.Random(7)

    async def cut(port: int, number: int) -> None:
        client = CARRIERS[carrier](port)
        stream = client.chat()
        join = pb.JoinChat(room_id="lobby", name=f"n{number}", features=[pb.FEATURE_EVENTS])
        await stream.send(pb.ChatMessage(join=join))
        try:
            for _ in range(rng.randrange(4)):
                await stream.receive()
            if rng.randrange(2):
                await stream.send(pb.ChatMessage(leave=pb.Leave()))
            await asyncio.sleep(rng.random() * 0.005)  # any moment is what this is about
        except Ended:
            pass
        await stream.cancel()
        await client.close()

    async def scene() -> None:
        async with running(limits=Limits(grace=0.0)) as server:
            await server.create("lobby")
            stays = await server.join("lobby", "Stays")
            for start in range(0, 90, 30):
                await asyncio.gather(*(cut(server.port, start + n) for n in range(30)))
            room = server.service.hub.rooms.get("lobby")
            while len(room.readers) > 1 or room.member_count > 1:
                await asyncio.sleep(0.01)
            assert ["Stays"] == [member.name for member in room.members()]
            await server.say(stays, "end")
            while room.waiting:
                await asyncio.sleep(0)
            await stays.cancel()

    with caplog.at_level(logging.WARNING):
        run(scene())
    assert [] == [record.getMessage() for record in caplog.records]
