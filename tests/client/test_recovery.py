"""Lost streams: after which statuses, and when, a member comes back."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from chatroom.client import (
    Banned,
    Chat,
    ChatError,
    DataLoss,
    InvitationRefused,
    Kind,
    NameReserved,
    NameTaken,
    Patience,
    Removed,
    RoomClosed,
    ServerUnavailable,
    SessionReplaced,
    TokenRefused,
    connect,
)
from chatroom.client.retry import RULES, Stream

from .proxy import Proxy
from .recovering import STREAM_STATE, play, rest, said, until
from .scripted_server import LOST, Ending, ScriptedServer

GIVEN_UP = (Stream.GIVE_UP, Stream.RENEWED)
"""What is not tried again; the second: where no source of tokens is."""


def status(rule) -> Ending:
    """The status that a rule of the table is about."""
    return Ending(grpc.StatusCode[rule.code], "" if rule.reason == "*" else rule.reason)


@pytest.mark.parametrize(
    "ending",
    [status(rule) for rule in RULES if rule.stream not in GIVEN_UP],
    ids=lambda ending: f"{ending.code.name}-{ending.reason}",
)
def test_lost_stream_is_resumed(ending: Ending) -> None:
    """After each status to be retried the member resumes, and hears what it missed once."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.say("Alice", "one")
            heard = await until(room, "one")
            server.refusals = [LOST]  # so that something is said before Bob is back
            server.end(ending)
            await server.until(lambda: len(server.joins) == 2)
            server.say("Alice", "two")
            await server.until(lambda: len(server.joins) == 3)
            server.say("Alice", "three")
            heard += await until(room, "three")
        assert ["one", "two", "three"] == said(heard)
        assert {False} == {message.replayed for message in heard if message.kind is Kind.SAID}
        first, again, third = server.joins
        assert not first.HasField("resume")
        assert (room.joined.session, room.joined.epoch, 2) == (
            again.resume.session, again.resume.epoch, again.resume.after,
        )  # fmt: skip
        assert again == third

    play(scene)


@pytest.mark.parametrize(
    "ending",
    [
        *[status(rule) for rule in RULES if rule.stream in GIVEN_UP],
        Ending(grpc.StatusCode.INVALID_ARGUMENT, "ONE_FIELD"),
        Ending(grpc.StatusCode.UNAUTHENTICATED),
        Ending(grpc.StatusCode.FAILED_PRECONDITION),
    ],
    ids=lambda ending: f"{ending.code.name}-{ending.reason}",
)
def test_other_statuses_end_the_membership(ending: Ending) -> None:
    """What was heard before is yielded first; nobody joins again."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.say("Alice", "one")
            server.end(ending)
            heard, failure = await rest(room)
            with pytest.raises(ChatError):
                await room.send("too late")
        assert ["one"] == said(heard)
        expected = {
            "SESSION_REPLACED": SessionReplaced,
            "ROOM_CLOSED": RoomClosed,
            "ROOM_NOT_FOUND": RoomClosed,
            "REMOVED": Removed,
            "DATA_LOSS": DataLoss,
            "TOKEN_EXPIRED": TokenRefused,
            "BANNED": Banned,
            "INVITATION_USED": InvitationRefused,
            "INVITATION_UNKNOWN": InvitationRefused,
            "NAME_RESERVED": NameReserved,
        }
        assert expected.get(ending.reason, ChatError) is type(failure)
        assert 1 == len(server.joins)

    play(scene)


@pytest.mark.parametrize(
    ("reason", "code", "expected"),
    [
        ("ROOM_NOT_FOUND", grpc.StatusCode.NOT_FOUND, RoomClosed),
        ("REMOVED", grpc.StatusCode.PERMISSION_DENIED, Removed),
        ("SESSION_REPLACED", grpc.StatusCode.ABORTED, SessionReplaced),
        ("SESSION_MISMATCH", grpc.StatusCode.INVALID_ARGUMENT, ChatError),
    ],
)
def test_answer_to_coming_back_ends_the_membership(
    reason: str, code: grpc.StatusCode, expected: type
) -> None:
    """Deleted, removed or replaced meanwhile: the right error, after what came before."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.say("Alice", "one")
            server.refusals = [Ending(code, reason)]
            server.end()
            heard, failure = await rest(room)
        assert expected is type(failure)
        assert [Kind.ENTERED, Kind.SAID, Kind.CONNECTION_LOST] == [m.kind for m in heard]

    play(scene)


def test_name_that_is_still_taken_is_asked_for_again() -> None:
    """A server that has forgotten the session may hold the name for a while."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        taken = Ending(grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN")
        async with chat.join("1", "Bob") as room:
            server.refusals = [taken, taken, taken]
            server.end()
            await server.until(lambda: len(server.streams) == 1 and len(server.joins) == 5)
            server.say("Alice", "one")
            assert ["one"] == said(await until(room, "one"))

    play(scene)


def test_name_is_taken_anew_after_a_restart() -> None:
    """What comes between answers that the name is taken begins the time for that anew."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        taken = Ending(grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN", 0.15)
        async with chat.join("1", "Bob") as room:
            server.refusals = [taken, LOST] * 4
            server.end()
            await server.until(lambda: len(server.streams) == 1 and len(server.joins) == 10)
            server.say("Alice", "one")
            assert ["one"] == said(await until(room, "one"))

    play(scene, Patience(backoff=0.01, backoff_limit=0.05, name=0.3))


def test_name_that_stays_taken_ends_the_membership() -> None:
    """After `Patience.name` somebody else has it."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.refusals = [Ending(grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN")] * 1000
            server.end()
            with pytest.raises(NameTaken):
                async for _ in room:
                    pass
        assert len(server.joins) > 2

    play(scene, Patience(backoff=0.01, backoff_limit=0.05, name=0.3))


def test_retry_info_is_a_lower_bound() -> None:
    """A server that asks for time is given it."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob"):
            server.refusals = [Ending(grpc.StatusCode.RESOURCE_EXHAUSTED, "ROOM_FULL", 0.4)]
            server.end(Ending(grpc.StatusCode.UNAVAILABLE, "DRAINING", 0.2))
            ended = asyncio.get_running_loop().time()
            await server.until(lambda: len(server.joins) == 3)
        _, second, third = server.joined_at
        assert second - ended >= 0.2
        assert third - second >= 0.4

    play(scene)


def test_recovery_has_an_end() -> None:
    """After `Patience.recovery` the last failure is raised, and what is unsaid fails with it."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.refusals = [LOST] * 1000
            server.end()
            with pytest.raises(ServerUnavailable):
                await room.send("never heard")
            assert 1 == room.unacknowledged
            kinds = [(await anext(room)).kind for _ in range(2)]
            with pytest.raises(ServerUnavailable):
                await anext(room)
        assert [Kind.ENTERED, Kind.CONNECTION_LOST] == kinds
        assert len(server.joins) > 2

    play(scene, Patience(backoff=0.01, backoff_limit=0.05, recovery=0.3))


def test_join_that_is_not_answered_is_tried_again() -> None:
    """A connection can be made to a server that is stuck; that is no answer."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.silent_joins = 1
            server.end()
            await server.until(lambda: len(server.streams) == 1 and len(server.joins) == 3)
            server.say("Alice", "one")
            assert ["one"] == said(await until(room, "one"))

    play(scene, Patience(backoff=0.01, call=0.2))


def test_server_without_sessions_is_not_taken_for_the_one_that_was_lost() -> None:
    """The member would be somebody new there: it goes on looking for its own server."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.plain = True
            server.end()
            await server.until(lambda: len(server.joins) == 4)
            server.plain = False
            server.say("Alice", "one")
            heard = await until(room, "one")
            assert room.joined.session in server.sessions
        assert [Kind.ENTERED, *STREAM_STATE, Kind.SAID] == [message.kind for message in heard]
        assert {server.joins[1].resume.session} == {
            join.resume.session for join in server.joins[1:]
        }

    play(scene)


def test_connection_is_told_of_once() -> None:
    """However many attempts fail, one message tells of the loss and one of the return."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.refusals = [LOST] * 5
            server.end()
            await server.until(lambda: len(server.streams) == 1 and len(server.joins) == 7)
            server.say("Alice", "one")
            heard = await until(room, "one")
        assert [Kind.ENTERED, Kind.CONNECTION_LOST, Kind.CONNECTED, Kind.SAID] == [
            message.kind for message in heard
        ]
        assert heard[1].text.endswith("; reconnecting")
        assert room.joined == heard[2].event

    play(scene)


def test_dead_path_is_noticed_and_left() -> None:
    """When nothing comes through any more, the member comes back on another connection."""

    async def scene(_: Chat, server: ScriptedServer) -> None:
        patience = Patience(backoff=0.01, backoff_limit=0.05, heartbeat=0.1, silence=0.5)
        async with (
            Proxy(server.address) as proxy,
            connect(proxy.address, patience=patience) as chat,
            chat.join("1", "Bob") as room,
        ):
            await server.until(lambda: any(r.HasField("heartbeat") for r in server.requests))
            proxy.swallow()
            server.say("Alice", "into the void")
            heard = await until(room, "into the void")
            assert 2 == proxy.accepted
        assert [Kind.ENTERED, *STREAM_STATE, Kind.SAID] == [m.kind for m in heard]

    play(scene)


def test_heartbeats_go_on() -> None:
    """A member that says nothing sends one heartbeat after the other."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob"):
            await server.until(lambda: sum(r.HasField("heartbeat") for r in server.requests) == 3)

    play(scene, Patience(heartbeat=0.05))


def test_a_person_may_end_the_pause() -> None:
    """`reconnect_now` tries at once, and does so once."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            room.reconnect_now()  # nothing is lost: nothing happens
            server.refusals = [Ending(grpc.StatusCode.UNAVAILABLE, "DRAINING", 300)]
            server.end(Ending(grpc.StatusCode.UNAVAILABLE, "DRAINING", 300))
            async for message in room:
                if message.kind is Kind.CONNECTION_LOST:
                    break
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await anext(room)
            room.reconnect_now()
            await server.until(lambda: 2 == len(server.joins))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await anext(room)
            assert 2 == len(server.joins)
            room.reconnect_now()
            assert Kind.CONNECTED is (await anext(room)).kind
            await room.send("here again")

    play(scene, Patience())
