"""Members whom a token names: their name, what they may in the room, how they come back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.server.access import KeysUnusable
from chatroom.server.access.revoked import REVOKED_FILE, RevokedTokens
from tests.carriers import CARRIERS, Ended, GrpcStream, Stream, run
from tests.server.access.tokens_for import OTHER, SECRET, bearer, key_file, token
from tests.server.services import Running, running

EVENTS = [pb.FEATURE_EVENTS]


async def join(
    server: Running, shown: str, name: str = "Ann", *, resume: pb.Resume | None = None,
    events: bool = True, history: int | None = None,
) -> GrpcStream:  # fmt: skip
    """A stream that has sent its join."""
    stream = server.carrier.chat(bearer(shown))
    asked = pb.JoinChat(room_id="lobby", name=name, features=EVENTS if events else [])
    if resume is not None:
        asked.resume.CopyFrom(resume)
    if history is not None:
        asked.history = history
    await stream.send(pb.ChatMessage(join=asked))
    return stream


async def until(stream: Stream, field: str) -> pb.Message:
    """The next message with an event of this kind."""
    while not (message := await stream.receive()).HasField(field):
        pass
    return message


async def live(server: Running, shown: str, name: str = "Ann", **how: Any) -> GrpcStream:
    """The same once it is live; `joined` has what it was told."""
    stream = await join(server, shown, name, **how)
    stream.joined = (await until(stream, "joined")).joined
    await until(stream, "live")
    return stream


async def refused(stream: Stream) -> Ended:
    """How it ends, whatever comes before."""
    try:
        while True:
            await stream.receive()
    except Ended as ended:
        return ended


def resuming(stream: GrpcStream, after: int = 0) -> pb.Resume:
    joined = stream.joined
    return pb.Resume(session=joined.session, epoch=joined.epoch, after=after or joined.sequence)


@pytest.mark.parametrize(
    ("fixed", "asked", "shown"),
    [("Ann", "Ann", "Ann"), ("Ann", "", "Ann"), ("Ann", "ann", "Ann"), ("", "Bob", "Bob")],
)
def test_a_token_may_fix_the_name(fixed: str, asked: str, shown: str, tmp_path: Path) -> None:
    """As it is written there; who asks for none has it."""

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            claims = {"name": fixed} if fixed else {}
            stream = await live(server, token(**claims), asked)
            assert shown == stream.joined.name

    run(scene())


def test_another_name_than_the_fixed_one_is_refused(tmp_path: Path) -> None:
    """With the name, so that a client can go on."""

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            ended = await refused(await join(server, token(name="Ann"), "Bob"))
            assert ("PERMISSION_DENIED", "NAME_FIXED") == (ended.code, ended.reason)
            assert {"name": "Ann"} == ended.metadata

    run(scene())


@pytest.mark.parametrize("events", [True, False])
def test_who_may_not_send_reads_on(events: bool, tmp_path: Path) -> None:
    """Each message is refused, under its nonce; the stream stays. So is one by SendMessage."""
    silent = token(chat={"send": False})

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            bob = await live(server, token("bob"), "Bob")
            ann = await join(server, silent, events=events)
            await until(ann, "entered")
            for text in ("short", "x" * 200):
                await server.say(ann, text, "n1")
                await server.say(ann, "", "n2")
            told = [await ann.receive() for _ in range(4 + events)][events:]
            assert ["you may not do this: it needs the grant 'send'"] * 4 == [
                message.message for message in told
            ]
            if events:
                assert ["n1", "n2"] * 2 == [message.refused.nonce for message in told]
                assert {"GRANT_MISSING"} == {message.refused.reason for message in told}
                session = ann.joined.session
                request = pb.SendMessageRequest(session=session, message=pb.Message(message="x"))
                with pytest.raises(Ended) as ended:
                    await server.carrier.call("SendMessage", request, bearer(silent))
                assert "GRANT_MISSING" == ended.value.reason
            await server.say(bob, "hello")
            assert "hello" == (await ann.receive()).message

    run(scene())


def test_who_may_not_read_history_begins_with_nothing(tmp_path: Path) -> None:
    """Whatever was asked for. What comes from the join on is read, also after a resume."""
    fresh = token(chat={"history": False})

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            bob = await live(server, token("bob"), "Bob")
            await server.say(bob, "before")
            assert ["before"] == [
                message.message
                for message in await everything(server)
                if not message.WhichOneof("event")
            ]
            ann = await join(server, fresh, history=10)
            ann.joined = (await until(ann, "joined")).joined
            assert "Ann" == (await ann.receive()).entered.name
            await ann.cancel()
            await server.say(bob, "while away")
            back = await live(server, fresh, resume=resuming(ann))
            assert pb.RECOVERY_COMPLETE == back.joined.recovery

    async def everything(server: Running) -> list[pb.Message]:
        request = pb.ListMessagesRequest(room_id="lobby")
        while True:
            page = await server.carrier.call("ListMessages", request, bearer(token()))
            if len(page.messages) > 1:
                return list(page.messages)

    run(scene())


@pytest.mark.parametrize("how", ["in its grace", "taken over", "after it has left", "restart"])
def test_who_may_not_read_history_does_not_get_it_by_a_resume(how: str, tmp_path: Path) -> None:
    """Not even by saying that it had nothing yet; what came since its own arrival it gets."""
    fresh = token(chat={"history": False})
    settings: dict[str, Any] = {"keys": key_file(tmp_path / "keys"), "rooms": ("lobby",)}
    if how == "after it has left":
        settings["limits"] = Limits(grace=0.0)
    told: list[str] = []

    async def back(server: Running, ann: GrpcStream, bob: GrpcStream) -> None:
        resume = pb.Resume(session=ann.joined.session, epoch=ann.joined.epoch, after=0)
        again = await join(server, fresh, resume=resume)
        await until(again, "joined")
        await server.say(bob, "live")
        while "live" not in told:
            told.append((await again.receive()).message)

    async def scene() -> None:
        async with running(tmp_path / "data", **settings) as server:
            bob = await live(server, token("bob"), "Bob")
            await server.say(bob, "before")
            await until_said(bob, server)
            ann = await live(server, fresh)
            await server.say(bob, "meanwhile")
            while (await ann.receive()).message != "meanwhile":
                pass
            if how != "restart":
                if how != "taken over":
                    await ann.cancel()
                if how == "after it has left":
                    await until(bob, "left")
                await back(server, ann, bob)
        if how == "restart":
            async with running(tmp_path / "data", **settings) as server:
                bob = await live(server, token("bob"), "Bob", resume=resuming(bob))
                await back(server, ann, bob)
        assert "before" not in told
        assert ("meanwhile" in told) == (how in ("in its grace", "taken over"))

    async def until_said(_bob: GrpcStream, server: Running) -> None:
        """It is in the log, which everybody who may can read."""
        request = pb.ListMessagesRequest(room_id="lobby")
        while True:
            page = await server.carrier.call("ListMessages", request, bearer(token()))
            if "before" in [message.message for message in page.messages]:
                return

    run(scene())


# ---- Sessions ----------------------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True])
def test_a_session_is_resumed_under_its_own_identity_alone(restarts: bool, tmp_path: Path) -> None:
    """A stolen one is worth nothing: not to somebody else, nor to nobody, nor for SendMessage."""
    settings: dict[str, Any] = {
        "keys": key_file(tmp_path / "keys"), "rooms": ("lobby",), "anonymous": None,
    }  # fmt: skip

    async def check(server: Running, ann: GrpcStream) -> None:
        thief = await join(server, token("mallory"), resume=resuming(ann))
        ended = await refused(thief)
        assert ("INVALID_ARGUMENT", "SESSION_MISMATCH") == (ended.code, ended.reason)
        request = pb.SendMessageRequest(session=ann.joined.session, leave=pb.Leave())
        with pytest.raises(Ended) as refusal:
            await server.carrier.call("SendMessage", request, bearer(token("mallory")))
        assert "SESSION_MISMATCH" == refusal.value.reason
        back = await live(server, token("ann", jti="another"), resume=resuming(ann))
        assert pb.RECOVERY_COMPLETE == back.joined.recovery

    async def scene() -> None:
        async with running(tmp_path / "data", **settings) as server:
            ann = await live(server, token("ann"))
            if not restarts:
                await check(server, ann)
                return
        async with running(tmp_path / "data", **settings) as server:
            await check(server, ann)

    run(scene())


def test_one_sub_is_one_person_whichever_key_has_signed(tmp_path: Path) -> None:
    """So a key can be replaced under members; and whoever has a key can speak as anybody."""
    keys = key_file(tmp_path / "keys", home=SECRET, new=OTHER)

    async def scene() -> None:
        async with running(keys=keys, rooms=("lobby",), anonymous=None) as server:
            ann = await live(server, token("ann"))
            other = token("ann", key="new", secret=OTHER)
            back = await live(server, other, resume=resuming(ann))
            assert pb.RECOVERY_COMPLETE == back.joined.recovery

    run(scene())


# ---- The end -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("protocol", CARRIERS)
def test_a_token_that_ends_is_told_before_and_ends_its_stream(
    protocol: str, tmp_path: Path
) -> None:
    """Over every protocol. Who resumes with a new one loses nothing; nobody sees it go."""

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            carrier = CARRIERS[protocol](server.port)
            bob = await live(server, token("bob"), "Bob")
            asked = pb.JoinChat(room_id="lobby", name="Ann", features=EVENTS)
            ann = carrier.subscribe(asked, bearer(token(valid_for=3)))
            joined = (await until(ann, "joined")).joined
            assert (await until(ann, "expiring")).expiring.at.seconds > 1_700_000_000
            ended = await refused(ann)
            assert ("UNAUTHENTICATED", "TOKEN_EXPIRED") == (ended.code, ended.reason)
            await server.say(bob, "while she is away")
            asked.resume.session, asked.resume.epoch = joined.session, joined.epoch
            asked.resume.after = joined.sequence + 1
            back = carrier.subscribe(asked, bearer(token()))
            assert pb.RECOVERY_COMPLETE == (await until(back, "joined")).joined.recovery
            while not (message := await back.receive()).sequence:
                pass  # what is not in the log
            assert "while she is away" == message.message
            await back.cancel()
            await carrier.close()
            assert "Ann" == (await until(bob, "entered")).entered.name
            await server.say(bob, "nobody has left")
            members = await server.carrier.call(
                "ListMembers", pb.ListMembersRequest(room_id="lobby"), bearer(token())
            )
            assert ["Ann", "Bob"] == [member.name for member in members.members]

    run(scene())


def test_who_has_no_events_is_ended_as_well(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            ann = await join(server, token(valid_for=1), events=False)
            assert "TOKEN_EXPIRED" == (await refused(ann)).reason

    run(scene())


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_a_key_that_is_gone_or_another_ends_its_streams(change: str, tmp_path: Path) -> None:
    """Within seconds, without a signal. Streams under other keys, and new tokens, stay."""
    keys = key_file(tmp_path / "keys", home=SECRET, away=SECRET)

    async def scene() -> None:
        async with running(keys=keys, rooms=("lobby",)) as server:
            ann = await live(server, token())
            bob = await live(server, token("bob", key="away"), "Bob")
            if change == "gone":
                replace_with(keys, away=SECRET)
            else:
                replace_with(keys, home=OTHER, away=SECRET)
            ended = await refused(ann)
            assert ("UNAUTHENTICATED", "TOKEN_REVOKED") == (ended.code, ended.reason)
            assert "TOKEN_INVALID" == (await refused(await join(server, token()))).reason
            if change == "replaced":
                new = token(secret=OTHER)
                await live(server, new, resume=resuming(ann))
            await server.say(bob, "hello")

    run(scene())


def replace_with(path: Path, **keys: str) -> None:
    """As a careful program writes: another file in its place."""
    os.replace(key_file(path.with_name("new"), **keys), path)  # noqa: PTH105 # one call, as it is asked for


def test_keys_that_cannot_be_used_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A line in the log names the file; the last ones stay."""
    keys = key_file(tmp_path / "keys")

    async def scene() -> None:
        async with running(keys=keys, rooms=("lobby",)) as server:
            await live(server, token())
            keys.write_text("[keys.home]\nalgorithm = 'none'\n")
            while "the last ones stay" not in caplog.text:
                await server.carrier.call(
                    "ListChatRooms", pb.ListChatRoomsRequest(), bearer(token())
                )
            assert str(keys) in caplog.text

    run(scene())


def test_a_revoked_token_ends_its_streams(tmp_path: Path) -> None:
    """It alone: by a line in a file of the data directory, which is read again by itself."""
    data = tmp_path / "data"

    async def scene() -> None:
        async with running(data, keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            ann = await live(server, token(jti="lost"))
            bob = await live(server, token("bob", jti="kept"), "Bob")
            assert await asyncio.to_thread(RevokedTokens(data / REVOKED_FILE).add, "lost")
            assert "TOKEN_REVOKED" == (await refused(ann)).reason
            ended = await refused(await join(server, token(jti="lost")))
            assert ("UNAUTHENTICATED", "TOKEN_REVOKED") == (ended.code, ended.reason)
            await server.say(bob, "hello")
            again = await asyncio.to_thread(RevokedTokens(data / REVOKED_FILE).add, "lost")
            assert not again
        async with running(data, keys=tmp_path / "keys") as server:
            ended = await refused(await join(server, token(jti="lost")))
            assert "TOKEN_REVOKED" == ended.reason

    run(scene())


def test_a_server_that_cannot_know_who_is_revoked_does_not_start(tmp_path: Path) -> None:
    """Else whoever was shut out would be let in again."""
    (tmp_path / "data" / REVOKED_FILE).mkdir(parents=True)

    async def scene() -> None:
        with pytest.raises(KeysUnusable, match="revoked"):
            async with running(tmp_path / "data", keys=key_file(tmp_path / "keys")):
                pass

    run(scene())


def test_members_of_an_open_server_are_as_ever(tmp_path: Path) -> None:
    """No token is looked at where none counts."""

    async def scene() -> None:
        async with running(rooms=("lobby",), limits=Limits(grace=0.0)) as server:
            await live(server, "what a proxy wants")

    run(scene())
