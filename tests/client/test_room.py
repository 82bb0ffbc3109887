"""A membership of a room, with the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from chatroom.client import (
    SERVER_NAME,
    Chat,
    ChatError,
    Closed,
    Kind,
    Message,
    NameInvalid,
    NameTaken,
    NotAccepted,
    NotInRoom,
    Refused,
    Removed,
    Room,
    RoomClosed,
    RoomNotFound,
    connect,
)

Scene = Callable[[Chat, str], Awaitable[None]]


def play(server: str, scene: Scene) -> None:
    """Play a scene with a connection and a new room."""

    async def stage() -> None:
        async with asyncio.timeout(30), connect(server) as chat:
            await scene(chat, (await chat.create_room()).room_id)

    asyncio.run(stage())


async def until(room: Room, text: str) -> list[Message]:
    """What comes, up to the message with this text."""
    heard = []
    async for message in room:
        heard.append(message)
        if message.text == text:
            return heard
    raise AssertionError(f"{text!r} never came: {heard}")


async def rest(room: Room) -> list[str]:
    """The texts of what comes until the stream ends with OK."""
    return [message.text async for message in room]


def together(*steps: Coroutine[Any, Any, Any]) -> asyncio.Future[list[Any]]:
    return asyncio.gather(*steps)


def test_two_members_hear_each_other(server: str) -> None:
    """What one says the other hears, with its sequence and the time of sending."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice, chat.join(room_id, "Bob") as bob:
            await alice.send("Hey bob")
            heard = (await until(bob, "Hey bob"))[-1]
            assert ("Alice", Kind.SAID, False) == (heard.name, heard.kind, heard.replayed)
            assert heard.sequence > 0
            assert heard.sent is not None
            assert abs(datetime.now(UTC) - heard.sent) < timedelta(minutes=1)

    play(server, scene)


def test_arrival_and_departure_are_events(server: str) -> None:
    """Others' coming and going are messages with a kind and the member."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice:
            await until(alice, "Has entered the chat")
            async with chat.join(room_id, "Bob"):
                entered = (await until(alice, "Has entered the chat"))[-1]
            left = (await until(alice, "Has left the chat"))[-1]
            assert (Kind.ENTERED, "Bob") == (entered.kind, entered.event.name)
            assert (Kind.LEFT, "Bob", "quit") == (left.kind, left.event.name, left.event.reason)

    play(server, scene)


def test_admission_tells_of_the_room(server: str) -> None:
    """After entering, the name as the room knows it, the session and the roster are known."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "  Bob ") as room:
            assert room.joined is not None
            assert "Bob" == room.name
            assert ["Bob"] == [member.name for member in room.joined.members]
            assert room.joined.room is not None
            assert room_id == room.joined.room.room_id
            assert 4096 == room.joined.text_bytes
            assert room.joined.session
            assert room.joined.epoch

    play(server, scene)


def test_history_is_replayed_and_marked(server: str) -> None:
    """Earlier messages come first and are marked, so that a bot need not answer them.

    One's own arrival is not older than the join, and so is not marked.
    """

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice:
            for number in range(3):
                await alice.send(str(number))
        async with chat.join(room_id, "Bob", history=2) as bob:
            await bob.send("now")
            await bob.leave()
            heard = [(message.text, message.replayed) async for message in bob]
        assert [("1", True), ("2", True), ("Has entered the chat", False)] == heard

    play(server, scene)


def test_own_messages_come_back_when_asked_for(server: str) -> None:
    """With echo a member gets its own messages, with their nonce; without it does not."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with (
            chat.join(room_id, "Alice", echo=True) as alice,
            chat.join(room_id, "Bob") as bob,
        ):
            await alice.send("mine", nonce="n1")
            echo = (await until(alice, "mine"))[-1]
            assert ("Alice", "n1") == (echo.name, echo.nonce)
            await bob.send("quiet")
            await until(alice, "quiet")
            await bob.leave()
            assert "quiet" not in await rest(bob)

    play(server, scene)


def test_own_messages_are_known_by_the_nonce_they_were_posted_with(server: str) -> None:
    """So what is shown before it is confirmed can be told from what is yielded later."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, name="Alice", echo=True) as alice:
            posted = [await alice.post("same text") for _ in range(3)]
            stored = [await each.stored() for each in posted]
            await alice.send("done")
            heard = await until(alice, "done")
        assert [each.nonce for each in posted] == [m.nonce for m in heard if m.text == "same text"]
        assert stored == [m for m in heard if m.text == "same text"]

    play(server, scene)


def test_member_without_events_gets_what_the_original_gave(server: str) -> None:
    """Without events the same lines come, and nothing else is known."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Old", events=False) as old:
            assert old.joined is None
            async with chat.join(room_id, "New") as new:
                await new.send("hello")
                texts = [message.text for message in await until(old, "hello")]
        assert ["Has entered the chat", "Has entered the chat", "hello"] == texts

    play(server, scene)


def test_everything_sent_is_stored_when_the_block_is_left(server: str) -> None:
    """Leaving waits for the server, even for more messages than its rate lets through."""

    async def scene(chat: Chat, room_id: str) -> None:
        said = [f"line {number}" for number in range(30)]
        async with chat.join(room_id, "Bob") as room:
            for text in said:
                await room.send(text)
        page = await chat.history(room_id)
        assert said == [m.text for m in page.messages if m.kind is Kind.SAID]

    play(server, scene)


def test_iterating_ends_after_leave(server: str) -> None:
    """After leave the stream ends with OK, the member is gone and can send no more."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as room:
            await room.leave()
            await rest(room)
            assert [] == await chat.members(room_id)
            with pytest.raises(NotInRoom):
                await room.send("too late")
            assert [] == await rest(room)

    play(server, scene)


def test_refused_text_comes_back_as_a_message(server: str) -> None:
    """A text that is not accepted is told, raised, and the membership goes on."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob", echo=True) as room:
            with pytest.raises(NotAccepted) as not_accepted:
                await room.send("\x1b[31m", nonce="bad")
            await room.send("fine")
            heard = await until(room, "fine")
        refused = next(message for message in heard if message.kind is Kind.REFUSED)
        assert isinstance(refused.event, Refused)
        assert SERVER_NAME == refused.name
        assert ("TEXT_INVALID", "bad") == (refused.event.reason, refused.event.nonce)
        assert (grpc.StatusCode.INVALID_ARGUMENT, "TEXT_INVALID", refused.text) == (
            not_accepted.value.code, not_accepted.value.reason, str(not_accepted.value),
        )  # fmt: skip

    play(server, scene)


def test_deleted_room_ends_after_its_final_message(server: str) -> None:
    """The final message is yielded, then RoomClosed is raised, again and again."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as room:
            await chat.delete_room(room_id, reason="moved", successor="lobby")
            final = (await until(room, "chat room is closing"))[-1]
            with pytest.raises(RoomClosed) as closed:
                await anext(room)
            with pytest.raises(RoomClosed):
                await anext(room)
            with pytest.raises(RoomClosed):
                await room.send("still here?")
        assert SERVER_NAME == final.name
        assert Closed(reason="moved", successor="lobby") == final.event
        assert ("moved", "lobby") == (closed.value.why, closed.value.successor)
        assert grpc.StatusCode.NOT_FOUND is closed.value.code

    play(server, scene)


def test_removed_member_is_told(server: str) -> None:
    """A member that an admin removed gets Removed."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as room:
            removed = await chat.remove_member(room_id, "Bob", "spam")
            assert "Bob" == removed.name
            with pytest.raises(Removed, match="spam"):
                await rest(room)

    play(server, scene)


def test_taken_name_is_refused_with_a_free_one(server: str) -> None:
    """Entering raises NameTaken, which names a tag that is free."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob"):
            with pytest.raises(NameTaken) as taken:
                await chat.join(room_id, "bob").__aenter__()
            async with chat.join(room_id, taken.value.free) as second:
                assert taken.value.free == second.name

    play(server, scene)


@pytest.mark.parametrize("name", ["", "chat server", "a\nb", "x" * 33])
def test_bad_name_is_refused(server: str, name: str) -> None:
    """Entering raises NameInvalid with the field that was wrong."""

    async def scene(chat: Chat, room_id: str) -> None:
        with pytest.raises(NameInvalid) as invalid:
            await chat.join(room_id, name).__aenter__()
        assert "name" == invalid.value.field

    play(server, scene)


def test_unknown_room_is_refused(server: str) -> None:
    """Entering a room that does not exist raises RoomNotFound."""

    async def scene(chat: Chat, room_id: str) -> None:
        with pytest.raises(RoomNotFound):
            await chat.join("nowhere", "Bob").__aenter__()

    play(server, scene)


def test_waiting_with_a_timeout_keeps_the_membership(server: str) -> None:
    """A wait that is given up loses neither the membership nor a message."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Alice") as alice, chat.join(room_id, "Bob") as bob:
            await until(bob, "Has entered the chat")
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await anext(bob)
            await alice.send("still there?")
            assert "still there?" == (await anext(bob)).text

    play(server, scene)


def test_many_tasks_may_send_at_once(server: str) -> None:
    """Messages sent by several tasks all arrive."""

    async def scene(chat: Chat, room_id: str) -> None:
        said = {f"from task {number}" for number in range(10)}
        async with chat.join(room_id, "Bob") as room:
            await together(*(room.send(text) for text in said))
        page = await chat.history(room_id)
        assert said == {m.text for m in page.messages if m.kind is Kind.SAID}

    play(server, scene)


def test_exception_leaves_the_room(server: str) -> None:
    """An exception inside the block leaves the room and passes through."""

    async def scene(chat: Chat, room_id: str) -> None:
        with pytest.raises(ZeroDivisionError):
            async with chat.join(room_id, "Bob"):
                raise ZeroDivisionError
        assert [] == await chat.members(room_id)

    play(server, scene)


def test_cancelled_task_leaves_the_room(server: str) -> None:
    """A task cancelled while it waits for messages leaves its room."""

    async def scene(chat: Chat, room_id: str) -> None:
        inside = asyncio.Event()

        async def member() -> None:
            async with chat.join(room_id, "Bob") as room:
                inside.set()
                await rest(room)

        task = asyncio.create_task(member())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [] == await chat.members(room_id)

    play(server, scene)


def test_room_is_entered_once(server: str) -> None:
    """A membership that has ended is not entered again."""

    async def scene(chat: Chat, room_id: str) -> None:
        room = chat.join(room_id, "Bob")
        async with room:
            pass
        with pytest.raises(RuntimeError):
            await room.__aenter__()

    play(server, scene)


def test_text_that_is_not_unicode_is_refused_here(server: str) -> None:
    """A lone surrogate cannot be sent; nothing breaks."""

    async def scene(chat: Chat, room_id: str) -> None:
        async with chat.join(room_id, "Bob") as room:
            with pytest.raises(ValueError, match="surrogates"):
                await room.send("\ud800")
            await room.send("fine")

    play(server, scene)


def test_errors_are_chat_errors(server: str) -> None:
    """One except clause catches all that a server may refuse."""

    async def scene(chat: Chat, room_id: str) -> None:
        with pytest.raises(ChatError):
            await chat.join("nowhere", "Bob").__aenter__()

    play(server, scene)
