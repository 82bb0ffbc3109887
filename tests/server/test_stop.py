"""Stopping in order: every stream has its status, and what was accepted is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from tests.carriers import Ended, run
from tests.server.services import running


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
