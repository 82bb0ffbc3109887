"""What is said over lost streams: stored once, in order, and bounded."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.api.rpc import chat_pb2
from chatroom.client import Chat, Kind, Limits, Message, NotInRoom
from chatroom.client.endings import not_in_room
from chatroom.client.outbox import Outbox, Posted

from .recovering import play, said, until
from .scripted_server import LOST, ScriptedServer


def test_unacknowledged_messages_are_sent_again_in_order() -> None:
    """With the same nonces, after the resume; each is stored once."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.reads.clear()
            posted = [await room.post(str(number)) for number in range(5)]
            server.end()
            server.reads.set()
            stored = [await one.stored() for one in posted]
        assert [str(number) for number in range(5)] == server.texts
        assert [str(number) for number in range(5)] == [m.text for m in stored]
        assert [2, 3, 4, 5, 6] == [message.sequence for message in stored]
        assert [one.nonce for one in posted] == [m.nonce for m in server.said[-5:]]

    play(scene)


def test_message_stored_without_an_echo_is_not_sent_again() -> None:
    """The replay shows it: `send` returns it as it was stored."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", echo=True) as room:
            server.lose_echoes = True
            stored = await room.send("only once")
            heard = await until(room, "only once")
        assert ["only once"] == server.texts
        assert ["only once"] == [message.message for message in server.said]
        assert (2, "only once") == (stored.sequence, stored.text)
        assert stored == heard[-1]

    play(scene)


def test_message_stored_before_the_session_was_forgotten_is_not_sent_again() -> None:
    """After a fresh join the room's log is searched for own nonces."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", history=0) as room:
            server.lose_echoes = True
            server.refusals = [LOST]
            sending = asyncio.create_task(room.send("only once"))
            await server.until(lambda: len(server.joins) == 2)
            server.forget()
            stored = await sending
        assert ["only once"] == server.texts
        assert 2 == stored.sequence

    play(scene)


def test_message_is_said_again_where_the_log_starts_over() -> None:
    """What a new epoch does not have was not said there."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.lose_echoes = True
            server.refusals = [LOST]
            sending = asyncio.create_task(room.send("once more"))
            await server.until(lambda: len(server.joins) == 2)
            server.lose_echoes = False
            server.renew(keep=0)
            stored = await sending
        assert ["once more"] == server.texts
        assert 2 == stored.sequence

    play(scene)


@pytest.mark.parametrize("echo", [True, False])
def test_answer_that_overtakes_the_log_hides_nothing(echo: bool) -> None:
    """The echo of a retry may come before entries below it; they are yielded all the same."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", echo=echo) as room:
            server.reads.clear()
            sending = asyncio.create_task(room.send("again"))
            await server.until(lambda: len(server.streams) == 1)
            server.end()
            await server.until(lambda: len(server.joins) == 2)
            server.early_echoes = True
            server.reads.set()
            assert 3 == (await sending).sequence
            server.say("Other", "the end")
            heard = await until(room, "the end")
        own = ["again"] if echo else []
        assert ["before again", *own, "the end"] == said(heard)
        assert [] == [message for message in heard if message.kind is Kind.GAP]

    play(scene)


@pytest.mark.parametrize("echo", [True, False])
def test_own_messages_are_yielded_only_if_asked_for(echo: bool) -> None:
    """Also those that come by a replay."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", echo=echo) as room:
            await room.send("mine")
            server.lose_echoes = True
            await room.send("mine too")
            server.lose_echoes = False
            server.say("Alice", "the end")
            heard = await until(room, "the end")
        own = ["mine", "mine too"] if echo else []
        assert [*own, "the end"] == said(heard)

    play(scene)


@pytest.mark.parametrize(
    "limits", [Limits(unacknowledged=3), Limits(unacknowledged_bytes=350)], ids=["count", "bytes"]
)
def test_unacknowledged_messages_are_bounded(limits: Limits) -> None:
    """At the bound `post` waits; an acknowledgement lets it go on."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.reads.clear()
            for _ in range(3):
                await room.post("x" * 80)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await room.post("y" * 80)
            assert 3 == room.unacknowledged
            server.reads.set()
            await room.post("z" * 80)
        assert ["x" * 80] * 3 + ["z" * 80] == server.texts

    play(scene, limits=limits)


def test_nonce_is_checked_before_it_is_sent() -> None:
    """One that is under way, or too long, is refused here."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.reads.clear()
            await room.post("one", nonce="n")
            with pytest.raises(ValueError, match="under way"):
                await room.post("two", nonce="n")
            with pytest.raises(ValueError, match="64 bytes"):
                await room.post("three", nonce="ä" * 33)
            server.reads.set()
        assert ["one"] == server.texts

    play(scene)


def said_as(nonce: str) -> Posted:
    return Posted(chat_pb2.ChatMessage(message=chat_pb2.Message(message="x", nonce=nonce)))


def test_acknowledgements_that_come_at_once_let_all_go_on_who_wait() -> None:
    """However many come before the first of those who wait has had its turn."""

    async def scene() -> None:
        outbox = Outbox(Limits(unacknowledged=2))
        first, second = said_as("1"), said_as("2")
        for posted in (first, second):
            await outbox.add(posted, lambda: None)
        waiting = [asyncio.create_task(outbox.add(said_as(n), lambda: None)) for n in "345"]
        done, _ = await asyncio.wait(waiting, timeout=0.05)
        assert not done
        for posted in (first, second):
            outbox.settle(posted, Message(name="Bob", text="x"))
        done, (left,) = await asyncio.wait(waiting, timeout=0.05)
        assert (2, 2) == (len(done), len(outbox))
        left.cancel()

    asyncio.run(scene())


def test_acknowledgement_that_comes_twice_counts_once() -> None:
    """A late admission, after which what was written is also echoed, brings it about."""

    async def scene() -> None:
        outbox = Outbox(Limits(unacknowledged_bytes=2 * said_as("1").size))
        first, second = said_as("1"), said_as("2")
        for posted in (first, second):
            await outbox.add(posted, lambda: None)
        for sequence in (0, 1):
            outbox.settle(first, Message(name="Bob", text="x", sequence=sequence))
        assert 0 == (await first.stored()).sequence
        await outbox.add(said_as("3"), lambda: None)
        waiting = asyncio.create_task(outbox.add(said_as("4"), lambda: None))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        waiting.cancel()

    asyncio.run(scene())


def test_message_that_was_given_up_stays_given_up() -> None:
    """Its echo may come after all, when whoever waited for it has been told already."""

    async def scene() -> None:
        outbox = Outbox(Limits())
        posted = said_as("1")
        await outbox.add(posted, lambda: None)
        outbox.fail(not_in_room())
        outbox.settle(posted, Message(name="Bob", text="x", sequence=1))
        with pytest.raises(NotInRoom):
            await posted.stored()

    asyncio.run(scene())
