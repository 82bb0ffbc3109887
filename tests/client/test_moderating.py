"""Rooms kept in order through the library, with the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import grpc.aio
import pytest

from chatroom.api.rpc import moderation_pb2, moderation_pb2_grpc
from chatroom.client import (
    Ban,
    Banned,
    Chat,
    ChatError,
    ChatRoom,
    Invitation,
    InvitationRefused,
    Kind,
    Limits,
    Member,
    Message,
    NameReserved,
    NotAccepted,
    Room,
    Withdrawn,
    connect,
)
from tests.server.access.tokens_for import key_file, token

from .servers import OURS, running

SOON = datetime(2101, 2, 3, 4, 5, 6, tzinfo=UTC)


def play(
    address: str, scene: Callable[[Chat], Awaitable[None]], shown: str = "", **more: object
) -> None:
    async def stage() -> None:
        async with asyncio.timeout(30), connect(address, token=shown, **more) as chat:
            await scene(chat)

    asyncio.run(stage())


async def until(room: Room, kind: Kind) -> Message:
    async for message in room:
        if message.kind is kind:
            return message
    raise AssertionError(f"no {kind} came")


def test_a_room_is_changed(server: str) -> None:
    """What is not given stays; members are told what is new, and know it from then on."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room(title="Tea", capacity=5)).room_id
        async with chat.join(room_id, "Bob") as bob:
            before = bob.details
            changed = await chat.update_room(room_id, title="Coffee", closed_to_newcomers=True)
            told = await until(bob, Kind.UPDATED)
            assert before is not None
            assert bob.details is not None
            assert ("Tea", "Coffee", 5) == (
                before.title, bob.details.title, bob.details.capacity,
            )  # fmt: skip
            assert bob.details.created == before.created
        assert ("Coffee", 5, True) == (changed.title, changed.capacity, changed.closed_to_newcomers)
        assert isinstance(told.event, ChatRoom)
        assert ("Coffee", True) == (told.event.title, told.event.closed_to_newcomers)
        with pytest.raises(ChatError) as refused:
            await chat.join(room_id, "Carol").__aenter__()
        assert "ROOM_CLOSED_TO_NEWCOMERS" == refused.value.reason

    play(server, scene)


def test_somebody_is_muted(server: str) -> None:
    """The name is compared as names are; the list of members knows it; what is said is refused."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        async with chat.join(room_id, "Bob") as bob, chat.join(room_id, "Ann") as ann:
            state = await chat.set_member(room_id, "bOB", muted=True, reason="spam")
            told = await until(ann, Kind.CHANGED)
            assert Member(name="Bob", muted=True) == state
            assert "Bob was muted: spam" == told.text
            assert isinstance(told.event, Member)
            assert [("Bob", True), ("Ann", False)] == [
                (member.name, member.muted) for member in ann.members or ()
            ]
            await until(bob, Kind.CHANGED)
            with pytest.raises(NotAccepted) as refused:
                await bob.send("hello?")
            assert "MUTED" == refused.value.reason
            await chat.set_member(room_id, "Bob", muted=False)
            assert "hello!" == (await bob.send("hello!")).text

    play(server, scene)


def test_a_message_is_withdrawn(server: str) -> None:
    """Members are told which; who reads the log finds a mark, which is told from words."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        async with chat.join(room_id, "Ann") as ann, chat.join(room_id, "Bob") as bob:
            said = await bob.send("my number is 12")
            copy = await bob.send("(withdrawn)")
            told = await chat.withdraw(room_id, said.sequence, reason="private")
            heard = await until(ann, Kind.WITHDRAWN)
            assert (told, False) == (heard.sequence, heard.withdrawn)
            assert Withdrawn(sequence=said.sequence, reason="private") == heard.event
        page = await chat.history(room_id, after=said.sequence - 1, page_size=2)
        mark, words = page.messages
        assert [("Bob", "(withdrawn)", True), ("Bob", "(withdrawn)", False)] == [
            (entry.name, entry.text, entry.withdrawn) for entry in page.messages
        ]
        assert mark.same_entry(said)
        assert said.same_entry(mark)
        assert words.same_entry(copy)
        assert not words.same_entry(said)
        with pytest.raises(ChatError, match="withdrawn already"):
            await chat.withdraw(room_id, said.sequence)

    play(server, scene)


def test_bans_are_made_listed_and_lifted(server: str) -> None:
    """Whoever is in is sent out with the reason and the time, and comes back when it is lifted."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        async with chat.join(room_id, "Mallory") as mallory:
            ban = await chat.ban(room_id, name="MALLORY", until=SOON, reason="spam")
            with pytest.raises(Banned, match="until 2101-02-03 04:05:06 UTC: spam") as out:
                async for _ in mallory:
                    pass
        assert SOON == out.value.until
        address = await chat.ban(room_id, address="192.0.2.0/24")
        assert (address, None) == (
            Ban(
                ban_id=address.ban_id, room_id=room_id, address="192.0.2.0/24",
                by=address.by, created=address.created,
            ),
            address.until,
        )  # fmt: skip
        assert [ban, address] == [each async for each in chat.bans(room_id)]
        with pytest.raises(Banned):
            await chat.join(room_id, "Mallory").__aenter__()
        assert ban == await chat.lift_ban(ban.ban_id)
        async with chat.join(room_id, "Mallory"):
            assert [address] == [each async for each in chat.bans(room_id)]

    play(server, scene)


def test_a_ban_of_the_whole_server(server: str) -> None:
    """Without a room; it is listed apart."""

    async def scene(chat: Chat) -> None:
        room_id = (await chat.create_room()).room_id
        ban = await chat.ban(identity="mallory")
        assert [ban] == [each async for each in chat.bans()]
        assert [] == [each async for each in chat.bans(room_id)]
        await chat.lift_ban(ban.ban_id)

    play(server, scene)


def test_a_time_without_its_zone_is_refused(server: str) -> None:
    """By the library itself: it could mean any of a day."""

    async def scene(chat: Chat) -> None:
        with pytest.raises(ValueError, match="give an aware datetime"):
            await chat.ban(name="Bob", until=datetime(2101, 2, 3))  # noqa: DTZ001 # that is the test
        east = SOON.astimezone(timezone(timedelta(hours=5)))
        ban = await chat.ban(name="Bob", until=east)
        await chat.lift_ban(ban.ban_id)
        assert SOON == ban.until

    play(server, scene)


def test_an_invitation_works_as_a_token(tmp_path: Path) -> None:
    """Where nobody else may do anything: nothing but the join is asked, in that room alone.

    Its secret is told once, and is in no representation of it.
    """
    keys = key_file(tmp_path / "keys")
    admin = token("admin", chat={"admin": True})

    async def invited(address: str, made: Invitation) -> None:
        async with connect(address, token=made.secret) as chat, chat.join("lobby", "") as room:
            assert "Guest" == room.name
            assert "hey" == (await room.send("hey")).text
            with pytest.raises(ChatError) as refused:
                await chat.rooms()
            assert "GRANT_MISSING" == refused.value.reason

    with running([*OURS, "--keys", str(keys), "--room", "lobby"]) as address:

        async def scene(chat: Chat) -> None:
            made = await chat.invite("lobby", uses=1, until=SOON, name="Guest")
            assert made.secret.startswith("inv_")
            assert made.secret not in repr(made)
            assert (1, SOON, "admin") == (made.uses_left, made.until, made.by)
            await invited(address, made)
            [listed] = [each async for each in chat.invitations("lobby")]
            assert (made.invitation_id, "", 0) == (
                listed.invitation_id, listed.secret, listed.uses_left,
            )  # fmt: skip
            other = await chat.invite("lobby")
            assert (None, None) == (other.uses_left, other.until)
            revoked = await chat.revoke_invitation(other.invitation_id)
            assert other.invitation_id == revoked.invitation_id
            with pytest.raises(InvitationRefused):
                await invited(address, other)

        play(address, scene, admin)


def test_what_was_done_is_recorded(tmp_path: Path) -> None:
    """Who did what to whom, in order, page after page; of a room, or since a time."""
    keys = key_file(tmp_path / "keys")

    with running([*OURS, "--keys", str(keys), "--room", "lobby"]) as address:

        async def scene(chat: Chat) -> None:
            ban = await chat.ban("lobby", name="Mallory")
            await chat.create_room("other")
            records = [each async for each in chat.audit_records()]
            assert [("CreateBan", "lobby"), ("CreateChatRoom", "other")] == [
                (each.method, each.room_id) for each in records
            ]
            first = records[0]
            assert ("admin", "home", "OK") == (first.actor, first.key_id, first.outcome)
            assert first.at is not None
            assert ban.created is not None
            assert abs(first.at - ban.created) < timedelta(seconds=30)
            assert records[:1] == [each async for each in chat.audit_records("lobby")]
            assert [] == [each async for each in chat.audit_records(since=SOON)]

        play(address, scene, token("admin", chat={"admin": True}))


def test_a_name_that_belongs_to_somebody(tmp_path: Path) -> None:
    """Is refused to others as a name that is not to be had."""
    options = ["--keys", str(key_file(tmp_path / "keys")), "--anonymous", "join", "--room", "lobby"]

    with running([*OURS, *options]) as address:

        async def scene(chat: Chat) -> None:
            async with chat.join("lobby", "Ann"), connect(address) as others:
                with pytest.raises(NameReserved):
                    await others.join("lobby", "ann").__aenter__()

        play(address, scene, token("ann", name="Ann", chat={"join": True}))


class PagedServer(moderation_pb2_grpc.ModerationServiceServicer):
    """One ban on each page; there is always another."""

    async def ListBans(self, request, context):
        number = int(request.page_token or 0) + 1
        ban = moderation_pb2.Ban(ban_id=str(number))
        return moderation_pb2.ListBansResponse(bans=[ban], next_page_token=str(number))


def test_lists_are_read_page_by_page() -> None:
    """In order; one that does not end is given up after as many pages as the limit says."""

    async def stage() -> None:
        server = grpc.aio.server()
        moderation_pb2_grpc.add_ModerationServiceServicer_to_server(PagedServer(), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        async with asyncio.timeout(30), connect(address, limits=Limits(list_pages=3)) as chat:
            bans = chat.bans()
            found = [(await anext(bans)).ban_id for _ in range(3)]
            with pytest.raises(ChatError, match="list of bans does not end"):
                await anext(bans)
        await server.stop(None)
        assert ["1", "2", "3"] == found

    asyncio.run(stage())
