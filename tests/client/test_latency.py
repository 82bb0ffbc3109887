"""How round trips are measured."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.client import Chat, Kind, NotAccepted, connect
from chatroom.client.latency import BEAT_SECONDS, Latency

from .recovering import play, until
from .scripted_server import ScriptedServer


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_messages_are_timed_by_nonce() -> None:
    """From each one's own writing, and what was never written not at all."""
    clock = Clock()
    latency = Latency(clock)
    assert latency.latest is None
    latency.said("a")
    clock.now += 1
    latency.said("b")
    clock.now += 2
    latency.answered("a")
    assert 3 == latency.latest
    latency.answered("b")
    assert 2 == latency.latest
    clock.now += 5
    latency.answered("b")
    latency.answered("of another stream")
    assert 2 == latency.latest


def test_only_heartbeats_that_are_answered_are_timed() -> None:
    """Else one that the server sends by itself would be taken for an answer."""
    clock = Clock()
    latency = Latency(clock)
    latency.beaten()
    assert latency.latest is None
    latency.beat()
    clock.now += 0.5
    latency.beaten()
    assert 0.5 == latency.latest
    latency.beat()
    clock.now += BEAT_SECONDS
    latency.beaten()
    assert 0.5 == latency.latest
    latency.beat()
    clock.now += 0.25
    latency.beaten()
    assert 0.25 == latency.latest


def test_nothing_is_timed_across_streams() -> None:
    """What is answered on the next stream was written again there."""
    clock = Clock()
    latency = Latency(clock)
    latency.beat()
    latency.said("a")
    latency.said("b")
    clock.now += 1
    latency.answered("a")
    latency.restart()
    assert latency.latest is None
    latency.answered("b")
    latency.beaten()
    assert latency.latest is None
    latency.beat()
    clock.now += 2
    latency.beaten()
    assert 2 == latency.latest


def test_latency_is_known_soon_after_the_join() -> None:
    """Also to a member that says nothing: a first heartbeat goes once it is live."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await server.until(lambda: any(r.HasField("heartbeat") for r in server.requests))
            server.say("Alice", "after the answer")
            await until(room, "after the answer")
            assert room.latency is not None
            assert 0 < room.latency < 30

    play(scene)


def test_every_echo_is_a_round_trip() -> None:
    """The newest counts."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.send("one")
            first = room.latency
            await room.send("two")
            assert first is not None
            assert first != room.latency

    play(scene)


def test_a_refusal_is_a_round_trip(server: str) -> None:
    """The server has read the message."""

    async def stage() -> None:
        async with asyncio.timeout(30), connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            async with chat.join(room_id, "Bob") as room:
                before = (await room.send("fine"), room.latency)[1]
                with pytest.raises(NotAccepted):
                    await room.send("\x1b[31m")
                assert before != room.latency

    asyncio.run(stage())


def test_a_lost_connection_has_no_latency() -> None:
    """Until something was answered on the next one."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.send("one")
            assert room.latency is not None
            server.end()
            async for message in room:
                if message.kind is Kind.CONNECTION_LOST:
                    assert room.latency is None
                    break
            await room.send("two")
            assert room.latency is not None
            await until(room, "connected again")

    play(scene)
