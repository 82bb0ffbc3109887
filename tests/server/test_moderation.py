"""How moderators keep a room in order, as its members see it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.limits import Limits
from tests.carriers import Ended, run
from tests.server.access.tokens_for import token
from tests.server.moderated import ADMIN, end_of, moderated, resuming, until


def test_a_muted_member_reads_and_does_not_speak(tmp_path: Path) -> None:
    """Everybody is told, also who comes later; what it says is refused; it may speak again."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann, bob = await on.join("Ann"), await on.join("Bob")
            state = await on.moderate(
                "SetMember",
                mod.SetMemberRequest(room_id="lobby", name="bob", muted=True, reason="spam"),
            )
            assert ("Bob", True, False) == (state.name, state.muted, state.moderator)
            told = await until(ann, "changed")
            assert ("chat server", "Bob was muted: spam") == (told.name, told.message)
            assert ("Bob", True) == (told.changed.name, told.changed.muted)
            await until(bob, "changed")
            await on.server.say(bob, "buy this", "n1")
            refused = (await until(bob, "refused")).refused
            assert ("n1", "MUTED", 7) == (refused.nonce, refused.reason, refused.code)
            await on.server.say(ann, "quiet now")
            assert "quiet now" == (await bob.receive()).message
            cat = await on.join("Cat")
            assert [("Ann", False), ("Bob", True), ("Cat", False)] == [
                (each.name, each.muted) for each in cat.joined.members
            ]
            await on.moderate(
                "SetMember", mod.SetMemberRequest(room_id="lobby", name="Bob", muted=False)
            )
            await until(bob, "changed")
            await on.server.say(bob, "sorry", "n2")
            while (await ann.receive()).message != "sorry":
                pass

    run(scene())


@pytest.mark.parametrize("again", ["another stream", "a restart", "leaving and coming back"])
def test_a_mute_lasts(again: str, tmp_path: Path) -> None:
    """For the name, or the identity: not only for the stream."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            bob = await on.join("Bob")
            await on.moderate(
                "SetMember", mod.SetMemberRequest(room_id="lobby", name="Bob", muted=True)
            )
            await until(bob, "changed")
            if again == "leaving and coming back":
                await bob.send(pb.ChatMessage(leave=pb.Leave()))
                await end_of(bob)
                bob = await on.join("bob")
            elif again == "another stream":
                bob = await on.join("Bob", resume=resuming(bob))
            if again != "a restart":
                await on.server.say(bob, "hey", "n")
                assert "MUTED" == (await until(bob, "refused")).refused.reason
        async with moderated(tmp_path) as on:
            bob = await on.join("Bob", resume=resuming(bob))
            await on.server.say(bob, "hey", "n")
            assert "MUTED" == (await until(bob, "refused")).refused.reason

    run(scene())


def test_who_is_made_a_moderator_moderates_that_room(tmp_path: Path) -> None:
    """Not another, nor who else moderates; and only somebody with an identity can be."""
    bob = token("bob")

    async def scene() -> None:
        async with moderated(tmp_path, rooms=("lobby", "other")) as on:
            ann = await on.join("Ann")
            assert await on.join("Bob", bob)
            mute = mod.SetMemberRequest(room_id="lobby", name="Ann", muted=True)
            promote = mod.SetMemberRequest(room_id="lobby", name="Bob", moderator=True)
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "SetMember", mute, bob
            )
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "SetMember", promote, token("mo", chat={"moderate": True})
            )
            assert (await on.moderate("SetMember", promote, **ADMIN)).moderator
            assert (await until(ann, "changed")).changed.moderator
            assert ("OK", "") == await on.refused("SetMember", mute, bob)
            other = mod.SetMemberRequest(room_id="other", name="Ann", muted=True)
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "SetMember", other, bob
            )
            ann_too = mod.SetMemberRequest(room_id="lobby", name="Ann", moderator=True)
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "SetMember", ann_too, bob
            )
            with pytest.raises(Ended) as refused:
                await on.moderate("SetMember", ann_too, **ADMIN)
            assert "without a token" in refused.value.message
        async with moderated(tmp_path) as on:
            assert ("INVALID_ARGUMENT", "REQUEST_INVALID") == await on.refused(
                "CreateBan", mod.Ban(room_id="lobby", address="192.0.2.1/8"), bob
            )  # it may, still

    run(scene())


@pytest.mark.parametrize("where", ["lobby", ""])
@pytest.mark.parametrize("whom", ["identity", "address"])
def test_a_moderator_who_is_banned_moderates_nothing(tmp_path: Path, whom: str, where: str) -> None:
    """They would lift the ban, and be in again; when it is over they moderate as before."""
    bob = token("bob")

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            assert await on.join("Bob", bob)
            promote = mod.SetMemberRequest(room_id="lobby", name="Bob", moderator=True)
            assert (await on.moderate("SetMember", promote, **ADMIN)).moderator
            order = mod.Ban(room_id=where)
            setattr(order, whom, "bob" if whom == "identity" else "127.0.0.0/8")
            ban = await on.moderate("CreateBan", order, **ADMIN)
            lift = mod.LiftBanRequest(ban_id=ban.ban_id)
            refused = "BANNED" if where else "GRANT_MISSING"  # one of the server is for admins
            assert ("PERMISSION_DENIED", refused) == await on.refused("LiftBan", lift, bob)
            bans = mod.ListBansRequest(room_id="lobby")
            assert ("PERMISSION_DENIED", "BANNED") == await on.refused("ListBans", bans, bob)
            await on.moderate("LiftBan", lift, **ADMIN)
            assert ("OK", "") == await on.refused("ListBans", bans, bob)

    run(scene())


def test_a_room_is_changed_while_people_are_in_it(tmp_path: Path) -> None:
    """They are told, lists say it, a restart keeps it; what is absent stays."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann = await on.join("Ann")
            room = await on.moderate(
                "UpdateChatRoom", pb.UpdateChatRoomRequest(room_id="lobby", title="Tea", capacity=2)
            )
            assert ("Tea", 2, False) == (room.title, room.capacity, room.closed_to_newcomers)
            told = await until(ann, "updated")
            assert "the title is now 'Tea'; 2 members may be in" == told.message
            assert ("lobby", "Tea", 2) == (
                told.updated.room_id, told.updated.title, told.updated.capacity,
            )  # fmt: skip
            await on.join("Bob")
            assert "ROOM_FULL" == (await on.join_is_refused("Cat")).reason
            for wrong in ({"title": "x" * 200}, {"capacity": 1 << 31}, {"history": 1 << 31}):
                assert ("INVALID_ARGUMENT", "REQUEST_INVALID") == await on.refused(
                    "UpdateChatRoom",
                    pb.UpdateChatRoomRequest(room_id="lobby", **wrong),
                    token("mo", chat=ADMIN),
                )
        async with moderated(tmp_path) as on:
            [room] = (await on.moderate("ListChatRooms", pb.ListChatRoomsRequest())).chat_rooms
            assert ("Tea", 2) == (room.title, room.capacity)

    run(scene())


def test_less_history_is_kept_when_that_is_asked_for(tmp_path: Path) -> None:
    """What is beyond it goes at once."""

    async def scene() -> None:
        async with moderated(tmp_path, limits=Limits(message_rate=0)) as on:
            ann = await on.join("Ann")
            for number in range(200):
                await on.server.say(ann, f"line {number}")
            while (await ann.receive()).message != "line 199":
                pass
            update = pb.UpdateChatRoomRequest(room_id="lobby", history=20)
            await on.moderate("UpdateChatRoom", update)
            log = on.server.service.hub.rooms.get("lobby").log
            async with asyncio.timeout(10):
                while log.oldest < 150:
                    await asyncio.sleep(0.01)

    run(scene())


def test_a_room_closed_to_newcomers(tmp_path: Path) -> None:
    """Who is in stays and comes back; others do not come in, but for moderators."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann = await on.join("Ann")
            close = pb.UpdateChatRoomRequest(room_id="lobby", closed_to_newcomers=True)
            await on.moderate("UpdateChatRoom", close)
            assert (await until(ann, "updated")).updated.closed_to_newcomers
            ended = await on.join_is_refused("Bob")
            assert ("PERMISSION_DENIED", "ROOM_CLOSED_TO_NEWCOMERS") == (ended.code, ended.reason)
            await ann.cancel()
            assert await on.join("Ann", resume=resuming(ann))
            assert await on.join("Mo", token("mo", chat={"moderate": True}))
        async with moderated(tmp_path) as on:
            assert "ROOM_CLOSED_TO_NEWCOMERS" == (await on.join_is_refused("Bob")).reason
            again = pb.UpdateChatRoomRequest(room_id="lobby", closed_to_newcomers=False)
            await on.moderate("UpdateChatRoom", again)
            assert await on.join("Bob")

    run(scene())


def test_there_is_a_bound_to_mutes(tmp_path: Path) -> None:
    """Also of those who have gone; it says what to do."""

    async def scene() -> None:
        async with moderated(tmp_path, data=False, limits=Limits(room_marks=2)) as on:
            for name in ("Ann", "Bob", "Cat"):
                await on.join(name)
            mute = mod.SetMemberRequest(room_id="lobby", name="Ann", muted=True)
            for name in ("Ann", "Bob"):
                mute.name = name
                await on.moderate("SetMember", mute)
            mute.name = "Cat"
            with pytest.raises(Ended, match="lift some mutes first"):
                await on.moderate("SetMember", mute)
            lift = mod.SetMemberRequest(room_id="lobby", name="Bob", muted=False)
            await on.moderate("SetMember", lift)
            assert (await on.moderate("SetMember", mute)).muted

    run(scene())


def test_a_mute_is_lifted_while_they_are_away(tmp_path: Path) -> None:
    """By the name; of nobody who is muted there is nothing to lift."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann, bob = await on.join("Ann"), await on.join("Bob")
            mute = mod.SetMemberRequest(room_id="lobby", name="Bob", muted=True)
            await on.moderate("SetMember", mute)
            await bob.send(pb.ChatMessage(leave=pb.Leave()))
            await end_of(bob)
            lift = mod.SetMemberRequest(room_id="lobby", name="bob", muted=False)
            state = await on.moderate("SetMember", lift)
            assert ("bob", False) == (state.name, state.muted)
            while (told := await until(ann, "changed")).message != "bob may speak again":
                pass
            assert not told.changed.HasField("since")
            with pytest.raises(Ended, match="nobody called"):
                await on.moderate("SetMember", lift)
            bob = await on.join("Bob")
            await on.server.say(bob, "thanks")
            assert "thanks" == (await bob.receive()).message

    run(scene())
