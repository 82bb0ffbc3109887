"""Renames beside mutes, bans and names that belong to somebody: none is evaded by another name."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.denials import Banned
from chatroom.core.limits import Limits
from chatroom.server.rooms.hub import Hub
from tests.carriers import GrpcStream, run
from tests.server.access.tokens_for import token
from tests.server.listeners import Listener, TamedJournal
from tests.server.moderated import Moderated, end_of, moderated, resuming
from tests.server.test_renaming import EVENTS, FREELY, rename, roster, told
from tests.server.test_sessions import play

FREE = Limits(rename_interval=0.0)


async def asked(stream: GrpcStream, name: str) -> str:
    """The new name, or the reason of the refusal."""
    await stream.send(pb.ChatMessage(rename=pb.Rename(name=name, nonce=name)))
    while True:
        message = await stream.receive()
        if message.HasField("refused"):
            return message.refused.reason
        if message.HasField("renamed") and message.renamed.nonce == name:
            return message.renamed.name


def mute(name: str, *, muted: bool = True) -> mod.SetMemberRequest:
    return mod.SetMemberRequest(room_id="lobby", name=name, muted=muted)


def test_who_is_muted_takes_no_other_name_and_nobody_takes_theirs(tmp_path: Path) -> None:
    """By name or by identity; a mute that is lifted is so for both."""

    async def scene() -> None:
        async with moderated(tmp_path, limits=FREE) as on:
            ann, bob = await on.join("Ann"), await on.join("Bob")
            cat = await on.join("Cat", token("cat"))
            for name in "Bob", "Cat":
                await on.moderate("SetMember", mute(name))
            assert ["MUTED", "MUTED"] == [await asked(bob, "Rob"), await asked(cat, "Kit")]
            await bob.send(pb.ChatMessage(leave=pb.Leave()))
            await end_of(bob)
            assert "MUTED" == await asked(ann, "bob")  # whoever has that name is muted
            await on.moderate("SetMember", mute("Cat", muted=False))
            assert "Kit" == await asked(cat, "Kit")
            await on.moderate("SetMember", mute("Kit"))
            assert "MUTED" == await asked(cat, "Cat")
        async with moderated(tmp_path, limits=FREE) as on:
            cat = await on.join("Cat", token("cat"), resume=resuming(cat))
            assert "Kit" == cat.joined.name
            assert [("Kit", True)] == [
                (each.name, each.muted) for each in cat.joined.members if each.name == "Kit"
            ]

    run(scene())


def test_a_mute_meets_who_renames_at_that_moment() -> None:
    """Whichever of the two is being stored when the other comes."""
    journal = TamedJournal()

    async def muting(hub: Hub, name: str) -> tuple[str, bool]:
        room = hub.rooms.get("lobby")
        found, mark = await hub.moderation.set_member(room, name, muted=True)
        return found, mark.muted

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        cat = await Listener(hub, "Cat", *EVENTS).open()
        dan = await Listener(hub, "Dan", *EVENTS).open()
        journal.going.clear()
        rename(bob, "Rob")
        first = asyncio.create_task(muting(hub, "Bob"))
        await bob.unread()
        journal.going.set()
        assert ("Rob", True) == await first
        journal.going.clear()
        second = asyncio.create_task(muting(hub, "Cat"))
        await bob.unread()
        rename(cat, "Kit", "n")
        rename(dan, "Cat 2", "n")
        assert "MUTED" == (await told(cat, "refused")).refused.reason
        journal.going.set()
        assert ("Cat", True) == await second
        for each in bob, cat:
            each.say("hey")
            assert "MUTED" == (await told(each, "refused")).refused.reason
        assert ["Cat", "Cat 2", "Rob"] == await roster(hub)
        for each in bob, cat, dan:
            await each.close()

    play(scene, FREELY, lambda: journal)


def test_a_ban_of_a_name_meets_who_has_taken_another(tmp_path: Path) -> None:
    """Nobody takes a banned name; who has left it a moment ago goes; not if it is another's now."""

    async def ban(on: Moderated, name: str) -> None:
        await on.moderate("CreateBan", mod.Ban(room_id="lobby", name=name))

    async def scene() -> None:
        async with moderated(tmp_path, limits=FREE) as on:
            await ban(on, "Mallory")
            ann, bob = await on.join("Ann"), await on.join("Bob")
            assert "BANNED" == await asked(ann, "MALLORY")
            assert "Rob" == await asked(bob, "Rob")
            await ban(on, "bob")
            ended = await end_of(bob)
            assert ("PERMISSION_DENIED", "BANNED") == (ended.code, ended.reason)
            assert "REMOVED" == (await on.join_is_refused("Rob", resume=resuming(bob))).reason
            # Eve's first name is somebody else's now: she stays, and may come back by it.
            eve = await on.join("Eve")
            assert "Eva" == await asked(eve, "Eva")
            troll = await on.join("Eve")
            await ban(on, "Eve")
            assert "BANNED" == (await end_of(troll)).reason
            assert "Evelyn" == await asked(eve, "Evelyn")
            await eve.cancel()
            back = await on.join("Eve", resume=resuming(eve))
            assert "Evelyn" == back.joined.name
            # A ban of the present name counts, whichever was given.
            await ban(on, "Evelyn")
            assert "BANNED" == (await end_of(back)).reason

    run(scene())


def test_a_ban_meets_who_renames_at_that_moment() -> None:
    """By the old name, and by the new one, while the rename is being stored."""
    from chatroom.core.bans import Whom

    async def scene(hub: Hub) -> None:
        room = hub.rooms.get("lobby")
        for name in "Bob", "Rob":
            bob = await Listener(hub, "Bob", *EVENTS).open()
            rename(bob, "Rob")
            await bob.unread()
            ban = await hub.banning.ban(room, Whom.NAME, name, until=0, reason="", by="mo")
            assert isinstance(await bob.end(), Banned)
            await hub.banning.lift(room, ban)
            assert [] == await roster(hub)
            await bob.close()

    play(scene, FREELY)


def test_a_name_that_a_token_fixes_stays_and_is_nobody_elses(tmp_path: Path) -> None:
    """NAME_FIXED for who shows the token, NAME_RESERVED for the others, also in other rooms."""
    fixed = token("ann", name="Ann")

    async def scene() -> None:
        async with moderated(tmp_path, limits=FREE, rooms=("lobby", "other")) as on:
            ann, bob = await on.join("Ann", fixed), await on.join("Bob", room_id="other")
            assert "NAME_FIXED" == await asked(ann, "Anne")
            assert "NAME_FIXED" == await asked(ann, "Anna")
            assert "NAME_RESERVED" == await asked(bob, "Ann")
            # Who had no fixed name, and has one now, is in under that alone.
            cat = await on.join("Cat", token("cat"))
            assert "Kit" == await asked(cat, "Kit")
            await cat.cancel()
            back = await on.join_is_refused("Cat", token("cat", name="Cat"), resume=resuming(cat))
            assert "SESSION_MISMATCH" == back.reason

    run(scene())


def test_who_may_not_speak_takes_no_other_name(tmp_path: Path) -> None:
    """It needs the right to send, on a stream and by SendMessage."""
    reader = token("reader", chat={"join": True, "send": False})

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            bob = await on.join("Bob", reader)
            assert "GRANT_MISSING" == await asked(bob, "Rob")
            request = pb.SendMessageRequest(
                session=bob.joined.session, rename=pb.Rename(name="Rob")
            )
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "SendMessage", request, reader
            )

    run(scene())
