"""Invitations."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.denials import InvitationUnknown
from chatroom.core.grants import anonymous
from chatroom.core.limits import Limits
from chatroom.core.refusals import ServerFull
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls import encode
from chatroom.server.rooms.hub import Hub
from chatroom.server.rooms.invitations import KEPT_NS
from tests.carriers import Ended, GrpcStream, run
from tests.server.access.tokens_for import bearer
from tests.server.moderated import ADMIN, Moderated, end_of, moderated, resuming

NS = 1_000_000_000


def test_somebody_invited_comes_in(tmp_path: Path) -> None:
    """Into that room alone, also a private one; the secret is told once, and works as a token."""

    async def scene() -> None:
        async with moderated(tmp_path, anonymous=None) as on:
            room = await on.moderate(
                "CreateChatRoom", pb.CreateChatRoomRequest(private=True), **ADMIN
            )
            asked = mod.CreateInvitationRequest(room_id=room.room_id)
            made = await on.moderate("CreateInvitation", asked, **ADMIN)
            secret = made.secret
            assert secret.startswith("inv_")
            assert 22 == len(secret.removeprefix("inv_"))
            assert not made.HasField("uses_left")
            bob = await on.join("Bob", secret, room_id=room.room_id)
            await on.server.say(bob, "hey")
            assert "hey" == (await bob.receive()).message
            page = pb.ListMessagesRequest(room_id=room.room_id)
            assert (await on.server.carrier.call("ListMessages", page, bearer(secret))).messages
            assert "GRANT_MISSING" == (await on.join_is_refused("Bob", secret)).reason
            for method, request in (
                ("ListMembers", pb.ListMembersRequest(room_id="lobby")),
                ("ListChatRooms", pb.ListChatRoomsRequest()),
                ("CreateChatRoom", pb.CreateChatRoomRequest()),
                ("RemoveMember", pb.RemoveMemberRequest(room_id=room.room_id, name="Bob")),
                ("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id=room.room_id)),
            ):
                with pytest.raises(Ended, match="your invitation is for one room") as ended:
                    await on.server.carrier.call(method, request, bearer(secret))
                assert "GRANT_MISSING" == ended.value.reason
                assert "grant" not in ended.value.message
            [listed] = (
                await on.moderate(
                    "ListInvitations", mod.ListInvitationsRequest(room_id=room.room_id), **ADMIN
                )
            ).invitations
            assert (made.invitation_id, "", "mo") == (
                listed.invitation_id, listed.secret, listed.by,
            )  # fmt: skip
            stored = b"".join(f.read_bytes() for f in (tmp_path / "data").iterdir())
            assert secret.encode() not in stored
        async with moderated(tmp_path, anonymous=None) as on:
            assert await on.join("Cat", secret, room_id=room.room_id)
            revoke = mod.RevokeInvitationRequest(invitation_id=made.invitation_id)
            await on.moderate("RevokeInvitation", revoke, **ADMIN)
            ended = await on.join_is_refused("Dan", secret, room_id=room.room_id)
            assert ("UNAUTHENTICATED", "INVITATION_UNKNOWN") == (ended.code, ended.reason)

    run(scene())


def test_an_invitation_has_its_uses_and_its_time(tmp_path: Path) -> None:
    """A use is a membership: coming back is none. It fixes a name if it says so."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            close = pb.UpdateChatRoomRequest(room_id="lobby", closed_to_newcomers=True)
            await on.moderate("UpdateChatRoom", close)
            asked = mod.CreateInvitationRequest(room_id="lobby", uses=2, name="Guest")
            secret = (await on.moderate("CreateInvitation", asked)).secret
            refused = await on.join_is_refused("Bob", secret)
            assert "NAME_FIXED" == refused.reason
            assert refused.message.startswith("by your invitation your name tag is ")
            guest = await on.join("", secret)
            assert "Guest" == guest.joined.name
            guest = await on.join("Guest", secret, resume=resuming(guest))
            assert "NAME_TAKEN" == (await on.join_is_refused("Guest", secret)).reason
            listing = mod.ListInvitationsRequest(room_id="lobby")
            [listed] = (await on.moderate("ListInvitations", listing)).invitations
            assert 1 == listed.uses_left
            await guest.send(pb.ChatMessage(leave=pb.Leave()))
            await end_of(guest)
            guest = await on.join("Guest", secret)
            [listed] = (await on.moderate("ListInvitations", listing)).invitations
            assert listed.HasField("uses_left")
            assert 0 == listed.uses_left
        async with moderated(tmp_path) as on:
            guest = await on.join("Guest", secret, resume=resuming(guest))
            for method, request in {
                "ListMessages": pb.ListMessagesRequest(room_id="lobby"),
                "SearchMessages": pb.SearchMessagesRequest(room_id="lobby", query="here"),
                "ListMembers": pb.ListMembersRequest(room_id="lobby"),
            }.items():
                assert ("PERMISSION_DENIED", "INVITATION_USED") == await on.refused(
                    method, request, secret
                )
            await on.server.say(guest, "I am still here")
            assert "I am still here" == (await guest.receive()).message
            await guest.send(pb.ChatMessage(leave=pb.Leave()))
            await end_of(guest)
            ended = await on.join_is_refused("Guest", secret)
            assert ("PERMISSION_DENIED", "INVITATION_USED") == (ended.code, ended.reason)
            asked = mod.CreateInvitationRequest(room_id="lobby")
            asked.until.FromNanoseconds(time.time_ns() + 3 * 10**8)
            secret = (await on.moderate("CreateInvitation", asked)).secret
            async with asyncio.timeout(20):
                while True:
                    try:
                        late = await on.join("Late", secret)
                    except Ended as ended:
                        assert "INVITATION_UNKNOWN" == ended.reason
                        break
                    await late.send(pb.ChatMessage(leave=pb.Leave()))
                    await end_of(late)

    run(scene())


@pytest.mark.parametrize("restarts", [False, True])
def test_who_has_found_a_link_comes_by_it_anew_or_not_at_all(
    restarts: bool, tmp_path: Path
) -> None:
    """A session that began without it is not raised by it: that would be free, and without end.

    Who came by it resumes, also after a restart, and when no use is left.
    """
    settings: dict[str, Any] = {"anonymous": anonymous(("join",))}

    async def check(on: Moderated, secret: str, bob: GrpcStream, eve: GrpcStream) -> None:
        back = resuming(eve)
        refused = await on.join_is_refused("Eve", secret, resume=back)
        assert ("INVALID_ARGUMENT", "SESSION_MISMATCH") == (refused.code, refused.reason)
        assert await on.join("Eve", resume=back)
        said = pb.SendMessageRequest(session=back.session, message=pb.Message(message="hey"))
        assert "SESSION_MISMATCH" == (await on.refused("SendMessage", said, secret))[1]
        assert await on.join("Bob", secret, resume=resuming(bob))
        assert "INVITATION_USED" == (await on.join_is_refused("Dan", secret)).reason

    async def scene() -> None:
        asked = mod.CreateInvitationRequest(room_id="lobby", uses=1)
        async with moderated(tmp_path, **settings) as on:
            secret = (await on.moderate("CreateInvitation", asked, **ADMIN)).secret
            bob, eve = await on.join("Bob", secret), await on.join("Eve")
            if not restarts:
                await check(on, secret, bob, eve)
                return
        async with moderated(tmp_path, **settings) as on:
            await check(on, secret, bob, eve)

    run(scene())


def test_fifty_race_for_one_use(tmp_path: Path) -> None:
    """One gets in."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            asked = mod.CreateInvitationRequest(room_id="lobby", uses=1)
            secret = (await on.moderate("CreateInvitation", asked)).secret
            outcomes = await asyncio.gather(
                *[on.join(f"Guest {number}", secret) for number in range(50)],
                return_exceptions=True,
            )
            refused = [each for each in outcomes if isinstance(each, Ended)]
            assert 49 == len(refused)
            assert {"INVITATION_USED"} == {each.reason for each in refused}

    run(scene())


def test_where_all_is_open_an_invitation_takes_nothing_away(tmp_path: Path) -> None:
    """It opens rooms that are closed to newcomers, and one may still list and create."""

    async def scene() -> None:
        async with moderated(tmp_path, keys=None, anonymous=None, data=False) as on:
            call = on.server.carrier.call
            await call(
                "UpdateChatRoom",
                pb.UpdateChatRoomRequest(room_id="lobby", closed_to_newcomers=True),
            )
            asked = mod.CreateInvitationRequest(room_id="lobby", uses=1)
            made = await call("CreateInvitation", asked)
            assert "ROOM_CLOSED_TO_NEWCOMERS" == (await on.join_is_refused("Bob")).reason
            assert await on.join("Bob", made.secret)
            assert (
                await call("ListChatRooms", pb.ListChatRoomsRequest(), bearer(made.secret))
            ).chat_rooms
            assert "INVITATION_USED" == (await on.join_is_refused("Cat", made.secret)).reason
            await call(
                "UpdateChatRoom",
                pb.UpdateChatRoomRequest(room_id="lobby", closed_to_newcomers=False),
            )
            assert await on.join("Cat", made.secret)  # who shows nothing may come, too
            page = pb.ListMessagesRequest(room_id="lobby")
            assert (await call("ListMessages", page, bearer(made.secret))).messages

    run(scene())


def test_a_revoked_invitation_does_not_come_back(tmp_path: Path) -> None:
    """Also if somebody came by it while it was revoked: a restart finds none."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            secrets = []
            for n in range(10):
                asked = mod.CreateInvitationRequest(room_id="lobby", uses=9)
                made = await on.moderate("CreateInvitation", asked)
                revoke = mod.RevokeInvitationRequest(invitation_id=made.invitation_id)
                coming = [asyncio.create_task(on.join(f"B{n}{m}", made.secret)) for m in range(3)]
                await asyncio.sleep(0.001 * n)  # each a bit later: that is what varies
                await on.moderate("RevokeInvitation", revoke)
                await asyncio.gather(*coming, return_exceptions=True)
                secrets.append(made.secret)
        async with moderated(tmp_path) as on:
            for secret in secrets:
                assert "INVITATION_UNKNOWN" == (await on.join_is_refused("Cat", secret)).reason

    run(scene())


def test_an_id_tells_nothing_of_a_private_room(tmp_path: Path) -> None:
    """Whoever knows the id of a ban or an invitation is not told of which room it is."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            private = pb.CreateChatRoomRequest(private=True)
            room_id = (await on.moderate("CreateChatRoom", private, **ADMIN)).room_id
            ban = await on.moderate("CreateBan", mod.Ban(room_id=room_id, name="Bob"), **ADMIN)
            asked = mod.CreateInvitationRequest(room_id=room_id)
            made = await on.moderate("CreateInvitation", asked, **ADMIN)
            for method, known, unknown in (
                ("LiftBan", mod.LiftBanRequest(ban_id=ban.ban_id), mod.LiftBanRequest(ban_id="x")),
                (
                    "RevokeInvitation",
                    mod.RevokeInvitationRequest(invitation_id=made.invitation_id),
                    mod.RevokeInvitationRequest(invitation_id="x"),
                ),
            ):
                for chat in ({"moderate": True}, {"moderate": False}):
                    told = []
                    for request in (known, unknown):
                        with pytest.raises(Ended) as refused:
                            await on.moderate(method, request, **chat)
                        asked_for = request.ListFields()[0][1]
                        told.append(str(refused.value).replace(asked_for, "ID"))
                    assert told[0] == told[1]
                    assert room_id not in told[0]

    run(scene())


def test_an_invitation_that_has_ended_long_ago_is_forgotten() -> None:
    """When another one is made: it counts no more where they are bounded."""
    seconds = [1e9]

    async def scene() -> None:
        hub = Hub(
            MemoryJournal(),
            encode.entries,
            Limits(room_invitations=1),
            clock=lambda: int(seconds[0]) * NS,
            monotonic=lambda: seconds[0],
        )
        await hub.open()
        room = await hub.rooms.create(room_id="lobby")
        invite = partial(hub.invitations.invite, room, uses=0, name="", by="Ann")
        first, secret = await invite(until=int(seconds[0] + 10) * NS)
        seconds[0] += KEPT_NS / NS
        with pytest.raises(ServerFull):
            await invite(until=0)
        assert first.invitation_id == hub.invitations.identity(secret).invitation
        seconds[0] += 10
        second, _ = await invite(until=0)
        assert [second] == hub.invitations.listed(room, "", 9)
        with pytest.raises(InvitationUnknown):
            hub.invitations.identity(secret)
        await hub.close()

    asyncio.run(scene())
