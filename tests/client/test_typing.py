"""Typing notices, told and heard."""

from __future__ import annotations

import asyncio

from chatroom.client import Chat, Kind, Message, Room, Typing, connect
from chatroom.client.typing_notice import INTERVAL, TypingNotice

from .recovering import play, until
from .scripted_server import LOST, ScriptedServer
from .test_latency import Clock


def told(server: ScriptedServer) -> list[bool]:
    return [request.typing.active for request in server.requests if request.HasField("typing")]


def test_the_same_is_told_again_only_after_a_while() -> None:
    """However often a key is pressed; and that nobody types is not repeated at all."""
    clock = Clock()
    notice = TypingNotice(clock)
    assert [False, None] == [notice.note(False), notice.next()]
    assert [True, True, None] == [notice.note(True), notice.next(), notice.next()]
    clock.now += INTERVAL / 2
    assert [False, None] == [notice.note(True), notice.next()]
    clock.now += INTERVAL / 2
    assert [True, True] == [notice.note(True), notice.next()]
    assert [True, False] == [notice.note(False), notice.next()]
    clock.now += INTERVAL
    assert [False, None] == [notice.note(False), notice.next()]


def test_what_could_not_be_told_yet_is_replaced() -> None:
    """Only the latest state waits; one that has been told already does not."""
    notice = TypingNotice(Clock())
    notice.note(True)
    assert [False, None] == [notice.note(False), notice.next()]


def test_a_new_stream_has_been_told_nothing() -> None:
    """What was due on the last one is dropped."""
    notice = TypingNotice(Clock())
    notice.note(True)
    notice.next()
    notice.note(False)
    notice.restart()
    assert notice.next() is None
    assert [True, True] == [notice.note(True), notice.next()]


def test_typing_goes_before_what_is_said_later() -> None:
    """In the order in which it was told, each state once."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            await room.wait_live()
            for _ in range(100):
                await room.typing()
            await room.send("typed")
            await room.typing(active=False)
            await room.typing(active=False)
            await room.send("done")
        fields = [
            field.name
            for request in server.requests
            for field, _ in request.ListFields()
            if field.name != "heartbeat"
        ]
        assert ["typing", "message", "typing", "message", "leave"] == fields
        assert [True, False] == told(server)

    play(scene)


def test_typing_without_a_connection_is_dropped() -> None:
    """It neither raises nor is told late."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        room = chat.join("1", "Bob")
        await room.typing()
        async with room:
            await room.send("here")
            server.refusals = [LOST] * 3
            server.end()
            async for message in room:
                if message.kind is Kind.CONNECTION_LOST:
                    break
            await room.typing()
            await until(room, "connected again")
            await room.send("back")
            assert [] == told(server)
            await room.leave()
            await room.typing()
            assert [] == [message async for message in room if message.kind is Kind.SAID]
        await room.typing()
        assert [] == told(server)

    play(scene)


def test_others_are_told_who_types(server: str) -> None:
    """Only those who asked, and never the one who types."""

    async def until_typing(room: Room, active: bool) -> Message:
        async for message in room:
            if message.event == Typing(active=active):
                return message
        raise AssertionError("the room ended")

    async def stage() -> None:
        async with asyncio.timeout(30), connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            async with (
                chat.join(room_id, "Alice", typing=True) as alice,
                chat.join(room_id, "Bob", typing=True) as bob,
                chat.join(room_id, "Carol") as carol,
            ):
                await until(alice, "Has entered the chat")
                await bob.wait_live()
                await bob.typing()
                notice = await until_typing(alice, True)
                assert (Kind.TYPING, "Bob", "", 0) == (
                    notice.kind, notice.name, notice.text, notice.sequence,
                )  # fmt: skip
                await bob.typing(active=False)
                await until_typing(alice, False)
                await alice.send("what is it?")
                for other in (bob, carol):
                    heard = await until(other, "what is it?")
                    assert {Kind.SAID, Kind.ENTERED} == {message.kind for message in heard}

    asyncio.run(stage())
