"""Who is banned, and whose a name is."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.limits import Limits
from chatroom.core.record import MemberRecord
from chatroom.journal.memory import MemoryJournal
from tests.carriers import Ended, run
from tests.server.access.tokens_for import token
from tests.server.moderated import ADMIN, end_of, moderated, resuming, until


@pytest.mark.parametrize("whom", ["name", "identity", "member", "address"])
def test_who_is_banned_goes_and_does_not_come_back(whom: str, tmp_path: Path) -> None:
    """By name, by token, as the member that is in now; told until when and why; others stay."""
    bob = token("bob")
    value = {"name": "B0B", "identity": "bob", "member": "Bob", "address": "127.0.0.0/8"}[whom]

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann = await on.join("Ann") if whom != "address" else None
            stream = await on.join("Bob", bob)
            until_ns = time.time_ns() + 3600 * 10**9
            request = mod.Ban(room_id="lobby", reason="spam")
            request.until.FromNanoseconds(until_ns)
            setattr(request, whom, value)
            if whom == "name":
                request.name = "bob"
            ban = await on.moderate("CreateBan", request)
            assert ("mo", "spam", "lobby") == (ban.by, ban.reason, ban.room_id)
            ended = await end_of(stream)
            assert ("PERMISSION_DENIED", "BANNED") == (ended.code, ended.reason)
            assert "spam" in ended.message
            assert ended.metadata["until"].startswith(time.strftime("%Y-", time.gmtime()))
            if ann is not None:
                assert 3 == (await until(ann, "left")).left.reason  # REMOVED
            for resume in (None, resuming(stream)):
                again = await on.join_is_refused("Bob", bob, resume=resume)
                assert "BANNED" == again.reason
        async with moderated(tmp_path) as on:
            assert "BANNED" == (await on.join_is_refused("Bob", bob)).reason
            if whom != "address":
                assert await on.join("Dan")
            [listed] = (await on.moderate("ListBans", mod.ListBansRequest(room_id="lobby"))).bans
            assert ban == listed
            lifted = await on.moderate("LiftBan", mod.LiftBanRequest(ban_id=ban.ban_id))
            assert ban == lifted
            assert await on.join("Bob", bob)
            assert not (await on.moderate("ListBans", mod.ListBansRequest(room_id="lobby"))).bans

    run(scene())


def test_a_ban_of_the_server_is_for_every_room(tmp_path: Path) -> None:
    """It needs an admin, who is not kept out by one."""
    name = mod.Ban(name="Bob")

    async def scene() -> None:
        async with moderated(tmp_path, rooms=("lobby", "other")) as on:
            streams = [await on.join("Bob"), await on.join("Bob", room_id="other")]
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "CreateBan", name, token("mo", chat={"moderate": True})
            )
            await on.moderate("CreateBan", name, **ADMIN)
            for stream in streams:
                assert "BANNED" == (await end_of(stream)).reason
            assert "BANNED" == (await on.join_is_refused("Bob", room_id="other")).reason
            assert await on.join("Bob", token("root", chat=ADMIN))
            listed = await on.moderate("ListBans", mod.ListBansRequest(), **ADMIN)
            assert ["Bob"] == [ban.name for ban in listed.bans]

    run(scene())


def test_a_ban_ends_by_itself(tmp_path: Path) -> None:
    """At its time, and is not listed then."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            request = mod.Ban(room_id="lobby", name="Bob")
            request.until.FromNanoseconds(time.time_ns() + 10**9)
            await on.moderate("CreateBan", request)
            assert "BANNED" == (await on.join_is_refused("Bob")).reason
            async with asyncio.timeout(20):
                while (await on.moderate("ListBans", mod.ListBansRequest(room_id="lobby"))).bans:
                    await asyncio.sleep(0.05)
            assert await on.join("Bob")

    run(scene())


def test_what_is_no_ban(tmp_path: Path) -> None:
    """Each says what to change."""

    def at(seconds: int) -> mod.Ban:
        ban = mod.Ban(room_id="lobby", name="Bob")
        ban.until.seconds = seconds
        return ban

    async def scene() -> None:
        async with moderated(tmp_path, limits=Limits(room_bans=2)) as on:
            for request, why in (
                (mod.Ban(room_id="lobby"), "give one of name"),
                (mod.Ban(room_id="lobby", address="192.0.2.1/8"), "neither an address"),
                (mod.Ban(room_id="lobby", address="nowhere"), "neither an address"),
                (mod.Ban(room_id="lobby", address="fe80::1%eth0"), "neither an address"),
                (mod.Ban(room_id="lobby", address="9" * 60_000), "neither an address"),
                (mod.Ban(room_id="lobby", address="0.0.0.0/0"), "is every address"),
                (mod.Ban(room_id="lobby", address="::ffff:0:0/96"), "is every address"),
                (mod.Ban(address="::/0"), "is every address"),
                (mod.Ban(room_id="lobby", identity=""), "printable"),
                (mod.Ban(room_id="lobby", name=""), "name"),
                (mod.Ban(room_id="lobby", member="Nobody"), "nobody called"),
                (mod.Ban(member="Nobody"), "give room_id"),
                (at(1), "in the future"),
                (at(-1), "since 1970"),
                (mod.Ban(room_id="lobby", name="A", reason="x" * 999), "reason"),
            ):
                with pytest.raises(Ended, match=why):
                    await on.moderate("CreateBan", request, **ADMIN)
            for name in "AB":
                await on.moderate("CreateBan", mod.Ban(room_id="lobby", name=name))
            with pytest.raises(Ended, match="lift some first"):
                await on.moderate("CreateBan", mod.Ban(room_id="lobby", name="C"))
            with pytest.raises(Ended, match="no ban 'x'"):
                await on.moderate("LiftBan", mod.LiftBanRequest(ban_id="x"))

    run(scene())


def test_bans_are_listed_in_pages(tmp_path: Path) -> None:
    async def scene() -> None:
        async with moderated(tmp_path, data=False) as on:
            for number in range(7):
                await on.moderate("CreateBan", mod.Ban(room_id="lobby", name=f"N{number}"))
            names: list[str] = []
            request = mod.ListBansRequest(room_id="lobby", page_size=3)
            while True:
                page = await on.moderate("ListBans", request)
                names += [ban.name for ban in page.bans]
                if not page.next_page_token:
                    break
                request.page_token = page.next_page_token
            assert [f"N{number}" for number in range(7)] == names

    run(scene())


def test_a_name_that_a_token_fixes_belongs_to_its_bearer(tmp_path: Path) -> None:
    """From its first use on, in every room and after a restart; who else has it goes."""
    ann = token("ann", name="Ann")

    async def scene() -> None:
        async with moderated(tmp_path, rooms=("lobby", "other")) as on:
            guest = await on.join("ann", room_id="other")
            owner = await on.join("Ann", ann)
            ended = await end_of(guest)
            assert ("PERMISSION_DENIED", "NAME_RESERVED") == (ended.code, ended.reason)
            assert "NAME_RESERVED" == (await on.join_is_refused("ANN", room_id="other")).reason
            assert "NAME_RESERVED" == (await on.join_is_refused("Ann", token("eve"))).reason
        async with moderated(tmp_path) as on:
            assert "NAME_RESERVED" == (await on.join_is_refused("Ann")).reason
            assert await on.join("Ann", ann, resume=resuming(owner))

    run(scene())


def test_who_is_banned_while_they_come_back_does_not(tmp_path: Path) -> None:
    """Their session was looked up in the journal at that moment."""

    async def scene() -> None:
        journal = Slow()
        async with moderated(tmp_path, data=False, journal=journal, limits=BRIEF) as on:
            ann, bob = await on.join("Ann"), await on.join("Bob")
            await bob.cancel()
            await until(ann, "left")
            journal.going.clear()
            coming = asyncio.create_task(on.join_is_refused("Bob", resume=resuming(bob)))
            await journal.asked.wait()
            await on.moderate("CreateBan", mod.Ban(room_id="lobby", name="Bob"))
            journal.going.set()
            assert "BANNED" == (await coming).reason

    run(scene())


BRIEF = Limits(grace=0.0)


class Slow(MemoryJournal):
    """Sessions are found when that is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.going = asyncio.Event()
        self.going.set()
        self.asked = asyncio.Event()

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        self.asked.set()
        await self.going.wait()
        return await super().session(digest)
