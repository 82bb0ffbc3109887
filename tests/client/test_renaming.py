"""What the library makes of actions, replies and renames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chatroom.client import Chat, Joined, Kind, Message, NotAccepted, Renamed, Room, connect

from .recovering import EAGER, play, until
from .scripted_server import ScriptedServer
from .servers import Restartable


def on(server: str, scene: Callable[[Chat, str], Awaitable[None]]) -> None:
    async def stage() -> None:
        async with asyncio.timeout(30), connect(server, patience=EAGER) as chat:
            await scene(chat, (await chat.create_room()).room_id)

    asyncio.run(stage())


async def until_renamed(room: Room) -> Message:
    async for message in room:
        if message.kind is Kind.RENAMED:
            return message
    raise AssertionError("nobody was renamed")


def names(room: Room) -> list[str]:
    return [member.name for member in room.members or ()]


def test_actions_and_replies_come_as_they_were_sent(server: str) -> None:
    """By `send` and `post`, heard and read as history."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice, chat.join(room_id, "Bob") as bob:
            first = await bob.send("waves", action=True)
            posted = await bob.post("at you", in_reply_to=first.sequence)
            second = await posted.stored()
            await until(alice, "waves")
            heard = (await until(alice, "at you"))[-1]
            assert (False, first.sequence) == (heard.action, heard.in_reply_to)
            page = await chat.history(room_id)
            read = [each for each in page.messages if each.kind is Kind.SAID]
            assert [(True, 0), (False, first.sequence)] == [
                (each.action, each.in_reply_to) for each in read
            ]
            assert [first.sequence, second.sequence] == [each.sequence for each in read]

    on(server, scene)


def test_a_rename_is_told_to_all_and_the_member_goes_on(server: str) -> None:
    """`name` and `members` follow; the own entry is yielded without `echo` too."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice, chat.join(room_id, "Bob") as bob:
            assert bob.joined is not None
            assert "rename" in bob.joined.supported
            entry = await bob.rename(" Rob ")
            assert ("Bob", Kind.RENAMED) == (entry.name, entry.kind)
            assert isinstance(entry.event, Renamed)
            assert ("Rob", "Rob") == (entry.event.name, bob.name)
            assert entry == await until_renamed(bob)
            assert "Rob" == (await bob.send("hello")).name
            assert entry == await until_renamed(alice)
            assert ["Alice", "Rob"] == names(alice) == names(bob)
            with pytest.raises(NotAccepted) as refused:
                await bob.rename("Bobby")
            assert "RENAME_TOO_OFTEN" == refused.value.reason
            assert 0 == (await bob.rename("Rob")).sequence  # it is called so: nobody is told
            with pytest.raises(NotAccepted) as refused:
                await alice.rename("rob")
            assert "NAME_TAKEN" == refused.value.reason
            assert "Rob" == bob.name

    on(server, scene)


def test_what_was_said_under_the_old_name_is_acknowledged(server: str) -> None:
    """However the messages and the rename are mixed, and no echo of them is yielded."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as bob:
            before = [await bob.post(f"before {number}") for number in range(5)]
            renaming = asyncio.create_task(bob.rename("Rob"))
            await asyncio.sleep(0)
            after = [await bob.post(f"after {number}") for number in range(5)]
            await renaming
            stored = [await posted.stored() for posted in (*before, *after)]
            assert ["Bob"] * 5 + ["Rob"] * 5 == [message.name for message in stored]
            await bob.leave()
            assert [Kind.ENTERED, Kind.RENAMED] == [message.kind async for message in bob]

    on(server, scene)


def test_a_server_that_cannot_is_not_asked(plain_server: str) -> None:
    """Neither one without events, nor one of before: it would take it for an empty message."""

    async def plain(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as bob:
            with pytest.raises(NotAccepted) as refused:
                await bob.rename("Rob")
            assert "RENAME_UNKNOWN" == refused.value.reason

    async def of_before(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as bob:
            await bob.wait_live()
            with pytest.raises(NotAccepted):
                await bob.rename("Rob")
            await bob.send("still Bob")
        assert not [each for each in server.requests if "rename" in str(each)]

    on(plain_server, plain)
    play(of_before)


@pytest.mark.parametrize("data", [True, False], ids=["on disk", "in memory"])
def test_who_is_renamed_comes_back_under_the_new_name(data: bool, tmp_path: Path) -> None:
    """After the server was killed: by the session, or where it is lost as a newcomer."""
    where = ("--data", str(tmp_path)) if data else ("--in-memory",)
    server = Restartable(*where, "--room", "1")

    async def scene(chat: Chat) -> None:
        async with chat.join("1", "Bob") as bob:
            await bob.rename("Rob")
            await until_renamed(bob)
            await asyncio.to_thread(server.kill)
            async for message in bob:
                if message.kind is Kind.CONNECTION_LOST:
                    break
            renaming = asyncio.create_task(bob.rename("Robert"))  # said when it is back
            await asyncio.to_thread(server.start)
            async for message in bob:
                if isinstance(message.event, Joined):
                    assert "Rob" == message.event.name
                    break
            entry = await renaming
            assert ("Rob", "Robert") == (entry.name, bob.name)
            assert ["Robert"] == names(bob)

    async def stage() -> None:
        server.start()
        try:
            async with asyncio.timeout(60), connect(server.address, patience=EAGER) as chat:
                await scene(chat)
        finally:
            server.kill()

    asyncio.run(stage())
