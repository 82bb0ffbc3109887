"""A membership on a server that knows only what the original does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chatroom.client import (
    Chat,
    ChatError,
    Kind,
    Patience,
    RoomClosed,
    RoomNotFound,
    connect,
)


def play(server: str, scene: Callable[[Chat, str], Awaitable[None]]) -> None:
    async def stage() -> None:
        patience = Patience(plain_leave=0.2)
        async with asyncio.timeout(30), connect(server, patience=patience) as chat:
            await scene(chat, (await chat.create_room()).room_id)

    asyncio.run(stage())


def test_members_talk(plain_server: str) -> None:
    """Joining, talking and hearing need nothing that the original lacks."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice, chat.join(room_id, "Bob") as bob:
            await bob.send("Hey")
            heard = [await anext(alice) for _ in range(3)]
        assert [
            ("Alice", "Has joined the chat"), ("Bob", "Has joined the chat"), ("Bob", "Hey"),
        ] == [(message.name, message.text) for message in heard]  # fmt: skip
        assert {Kind.SAID} == {message.kind for message in heard}
        assert {None} == {message.sent for message in heard}
        assert alice.joined is None

    play(plain_server, scene)


def test_what_was_said_arrives_before_leaving(plain_server: str) -> None:
    """A server that confirms nothing has read everything before the call ends."""

    async def scene(chat: Chat, room_id: str) -> None:
        said = [f"line {number}" for number in range(100)]
        async with chat.join(room_id, "Alice") as alice:
            async with chat.join(room_id, "Bob") as bob:
                for text in said:
                    await bob.send(text)
            heard = [await anext(alice) for _ in range(102)]
        assert said == [message.text for message in heard[2:]]

    play(plain_server, scene)


def test_iterating_ends_after_leave(plain_server: str) -> None:
    """Leaving ends the iteration although the server does not end the stream."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as room:
            await room.leave()
            assert ["Has joined the chat"] == [message.text async for message in room]

    play(plain_server, scene)


def test_deleted_room_raises_as_everywhere(plain_server: str) -> None:
    """The final message is yielded; the OK that follows it means RoomClosed."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as room:
            await chat.delete_room(room_id)
            heard = [await anext(room), await anext(room)]
            with pytest.raises(RoomClosed):
                await anext(room)
        assert "chat room is closing" == heard[-1].text

    play(plain_server, scene)


def test_unknown_room_is_refused(plain_server: str) -> None:
    """A refusal without details has the type that its code tells."""

    async def scene(chat: Chat, room_id: str) -> None:
        with pytest.raises(RoomNotFound, match="room nowhere does not exist"):
            await chat.join("nowhere", "Bob").__aenter__()

    play(plain_server, scene)


def test_newer_method_is_told_apart(plain_server: str) -> None:
    """A method that the server lacks is an error with a sentence."""

    async def scene(chat: Chat, room_id: str) -> None:
        with pytest.raises(ChatError, match="cannot do this"):
            await chat.members(room_id)

    play(plain_server, scene)
