"""One's own place after a crash: its name is waited for, or taken back with a kept session."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
import pytest

from chatroom.client import (
    Chat,
    ChatError,
    Gap,
    Kind,
    NameTaken,
    Patience,
    Room,
    Session,
    connect,
)

from .recovering import play, rest, said, until
from .scripted_server import Ending, ScriptedServer

TAKEN = Ending(grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN", metadata=(("free", "Bob 2"),))


async def kept_by_a_lost_process(server: ScriptedServer, text: str) -> Session:
    """The session of a Bob who has read up to a text, and then fell without leaving."""
    async with connect(server.address, patience=Patience(recovery=0)) as chat:
        room = await chat.join("1", "Bob").__aenter__()
        server.say("Alice", text)
        await until(room, text)
        server.end()
        await rest(room)
        with contextlib.suppress(ChatError):
            await room.__aexit__(None, None, None)
        assert room.session is not None
        return room.session


def test_a_name_in_use_is_waited_for() -> None:
    """Whoever enters is told once, with what the server said."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.refusals = [TAKEN] * 3
        told: list[NameTaken] = []
        async with chat.join("1", "Bob", when_taken=told.append) as room:
            assert "Bob" == room.name
        assert ["Bob 2"] == [taken.free for taken in told]
        assert 4 == len(server.joins)

    play(scene)


def test_a_name_that_stays_in_use_is_given_up() -> None:
    """After `Patience.name`; what else is refused meanwhile is raised at once."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.refusals = [TAKEN] * 1000
        begun = asyncio.get_running_loop().time()
        with pytest.raises(NameTaken):
            await chat.join("1", "Bob", when_taken=lambda _: None).__aenter__()
        assert asyncio.get_running_loop().time() - begun >= 0.2
        server.refusals = [TAKEN, Ending(grpc.StatusCode.PERMISSION_DENIED, "BANNED"), TAKEN]
        with pytest.raises(ChatError, match="BANNED"):
            await chat.join("1", "Bob", when_taken=lambda _: None).__aenter__()
        assert 1 == len(server.refusals)

    play(scene, Patience(name=0.2, backoff=0.01))


def test_who_does_not_say_whom_to_tell_is_refused_at_once() -> None:
    """A person chooses another name."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.refusals = [TAKEN, TAKEN]
        with pytest.raises(NameTaken):
            await chat.join("1", "Bob").__aenter__()
        assert 1 == len(server.joins)

    play(scene)


def test_waiting_can_be_cancelled() -> None:
    """Nobody asks for the name any more then."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.refusals = [TAKEN] * 1000
        waiting = asyncio.Event()
        entering = asyncio.create_task(
            chat.join("1", "Bob", when_taken=lambda _: waiting.set()).__aenter__()
        )
        await waiting.wait()
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert [] == server.streams

    play(scene, Patience(backoff=10.0))


def test_a_kept_session_is_gone_on_with() -> None:
    """By another connection: what was missed comes once, and is not called earlier."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        session = await kept_by_a_lost_process(server, "one")
        server.say("Alice", "two")
        async with chat.join("1", "Bob", resume=session) as room:
            heard = await until(room, "two")
            assert session.secret == room.session.secret
        assert [("two", False)] == [(message.text, message.replayed) for message in heard]
        asked = server.joins[-1].resume
        assert (session.secret, session.epoch, session.after) == (
            asked.session, asked.epoch, asked.after,
        )  # fmt: skip

    play(scene)


def test_a_kept_session_that_is_forgotten() -> None:
    """It is a new join, and the log of the same epoch is read on from where it was."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        session = await kept_by_a_lost_process(server, "one")
        server.say("Alice", "two")
        server.forget()
        server.refusals = [TAKEN]  # by one's ghost
        async with chat.join("1", "Bob", resume=session, when_taken=lambda _: None) as room:
            heard = await until(room, "two")
            assert session.secret != room.session.secret
        assert ["two"] == said(heard)
        assert [] == [message for message in heard if message.kind is Kind.GAP]

    play(scene)


def test_a_kept_session_of_another_log() -> None:
    """Nobody knows what was missed: that is told, and then the room's history."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        session = await kept_by_a_lost_process(server, "one")
        server.renew(keep=0)
        server.say("Alice", "of the new log")
        async with chat.join("1", "Bob", resume=session) as room:
            heard = await until(room, "of the new log")
            await room.wait_live()
            assert server.epoch == room.session.epoch
        assert [None] == [m.event.missed for m in heard if isinstance(m.event, Gap)]

    play(scene)


def test_what_was_not_yielded_is_not_read() -> None:
    """Nor what was yielded last, until more is asked for: another process is given it then."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            one = server.say("Alice", "one")
            server.say("Alice", "two")
            await until(room, "one")
            own = await room.send("mine")  # its echo comes behind the rest
            assert one.sequence - 1 == room.session.after
            await until(room, "two")
            assert one.sequence == room.session.after  # it is in hand
            asking = asyncio.create_task(anext(room))
            await asyncio.sleep(0)
            assert own.sequence == room.session.after
            asking.cancel()

    play(scene)


def test_who_has_read_nothing_is_given_the_history() -> None:
    """As on the stream that was lost before any came."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        for number in range(5):
            server.say("Alice", f"line {number}")
        async with chat.join("1", "Bob", history=3) as room:
            await room.wait_live()
            assert 2 == room.session.after

    play(scene)


def test_before_and_without_a_session() -> None:
    """There is none before entering; and none to resume without events."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        room: Room = chat.join("1", "Bob")
        assert room.session is None
        session = Session(secret="s", epoch="e", after=1)
        with pytest.raises(ValueError, match="events"):
            chat.join("1", "Bob", events=False, resume=session)
        assert "'s'" not in repr(session)
        server.plain = True
        async with chat.join("1", "Bob", resume=session) as room:
            assert room.session is None

    play(scene, Patience(plain_leave=0.01))
