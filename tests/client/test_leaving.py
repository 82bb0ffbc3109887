"""Leaving, whatever has become of the stream."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from chatroom.client import (
    Chat,
    Kind,
    NotInRoom,
    Patience,
    ServerUnavailable,
)

from .recovering import play
from .scripted_server import LOST, Ending, ScriptedServer


def test_leaving_waits_for_what_is_unacknowledged() -> None:
    """Also over a lost stream: the block ends when all is stored."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.reads.clear()
            for number in range(5):
                await room.post(str(number))
            server.end()
            server.refusals = [LOST, LOST]
            server.reads.set()
        assert [str(number) for number in range(5)] == server.texts
        assert server.requests[-1].HasField("leave")

    play(scene)


def test_leaving_while_disconnected_comes_back_to_say_so() -> None:
    """At once, and so that the others do not see the member lost."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.end(Ending(grpc.StatusCode.UNAVAILABLE, "DRAINING", 300))
            async for message in room:
                if message.kind is Kind.CONNECTION_LOST:
                    await room.leave()
            with pytest.raises(NotInRoom):
                await room.send("too late")
        assert 2 == len(server.joins)
        assert [True] == [request.HasField("leave") for request in server.requests]

    play(scene)


def test_leaving_while_the_server_is_away_is_no_failure() -> None:
    """With nothing unsaid one failed attempt is enough."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob"):
            server.refusals = [LOST] * 10_000
            server.end()
            await server.until(lambda: len(server.joins) >= 2)
            joins = len(server.joins)
        assert len(server.joins) <= joins + 2  # one may have been under way

    play(scene)


def test_leave_is_not_said_before_all_is_stored() -> None:
    """Else it could not be known, after a lost stream, whether to come back."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.reads.clear()
            await room.post("stored?")
            await room.leave()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await asyncio.gather(*[anext(room) for _ in range(2)])
            server.end()
            await server.until(lambda: len(server.joins) == 2)
            server.reads.set()
        assert ["stored?"] == server.texts

    play(scene)


def test_leaving_with_something_unsaid_is_a_failure() -> None:
    """The block ends with the reason why it could not be said."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        room = chat.join("1", "Bob")
        await room.__aenter__()
        server.refusals = [LOST] * 10_000
        server.end()
        await room.post("unheard")
        with pytest.raises(ServerUnavailable):
            await room.__aexit__(None, None, None)

    play(scene, Patience(backoff=0.01, backoff_limit=0.05, leave=0.5))


def test_stream_lost_after_leaving_is_not_resumed() -> None:
    """All was stored; coming back might enter the room anew."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.send("bye")
            server.leave_ends_with = LOST
            await room.leave()
            assert [Kind.ENTERED] == [message.kind async for message in room]
        assert 1 == len(server.joins)

    play(scene)


def test_leaving_a_server_that_is_frozen_takes_no_longer_than_it_may() -> None:
    """Nothing comes any more, not even the end of the stream; that is soon enough no matter."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.send("heard")
            server.reads.clear()
            await room.leave()
            assert [Kind.ENTERED] == [message.kind async for message in room]
        server.reads.set()

    play(scene, Patience(leave=0.2))


def test_leaving_a_frozen_server_with_something_unsaid_is_a_failure() -> None:
    """Iterating ends with the reason, though the stream has not ended."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.send("heard")
            server.reads.clear()
            await room.post("unheard")
            await room.leave()
            with pytest.raises(ServerUnavailable, match="did not confirm"):
                async for _ in room:
                    pass
        assert ["heard"] == server.texts
        server.reads.set()

    play(scene, Patience(leave=0.2))
