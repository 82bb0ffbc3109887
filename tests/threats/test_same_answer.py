"""Who may not enter a private room is told nothing that a room that is not there would not tell.

The same code, text and details, by the same way: the journal is read as often, in the same calls.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.limits import Limits
from chatroom.core.rate import Pace
from chatroom.journal.memory import MemoryJournal
from tests.carriers import Ended, GrpcStream, run
from tests.faults.scale import report, scaled
from tests.server.access.tokens_for import bearer, token
from tests.server.moderated import ADMIN, BOTH, MODERATOR, Moderated, moderated, resuming

ROUNDS = scaled(3, 500)
LIMITS = Limits(identity_orders=Pace(4 * ROUNDS, 60.0))
READS = ("read", "read_before", "said_before", "session", "records")
EVERYWHERE = token("eve", chat={"rooms": ["*"], "moderate": True})
"""Who may do everything in all rooms that are not private."""


class Counted(MemoryJournal):
    """It notes each time it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in READS:
            self.reads.append(name)
        return super().__getattribute__(name)


def join(room_id: str, resume: pb.Resume | None = None) -> pb.JoinChat:
    return pb.JoinChat(room_id=room_id, name="Eve", features=BOTH, history=10, resume=resume)


METHODS: dict[str, Callable[[str], Any]] = {
    "ListMessages": lambda room_id: pb.ListMessagesRequest(room_id=room_id),
    "ListMessages, a page": lambda room_id: pb.ListMessagesRequest(room_id=room_id, after=0),
    "SearchMessages": lambda room_id: pb.SearchMessagesRequest(room_id=room_id, query="a"),
    "SearchMessages, invalid": lambda room_id: pb.SearchMessagesRequest(room_id=room_id),
    "ListMembers": lambda room_id: pb.ListMembersRequest(room_id=room_id),
    "RemoveMember": lambda room_id: pb.RemoveMemberRequest(room_id=room_id, name="Ann"),
    "UpdateChatRoom": lambda room_id: pb.UpdateChatRoomRequest(room_id=room_id, title="x"),
    "DeleteChatRoom": lambda room_id: pb.DeleteChatRoomRequest(room_id=room_id),
    "SetMember": lambda room_id: mod.SetMemberRequest(room_id=room_id, name="Ann", muted=True),
    "WithdrawMessage": lambda room_id: mod.WithdrawMessageRequest(room_id=room_id, sequence=2),
    "CreateBan": lambda room_id: mod.Ban(room_id=room_id, name="Ann"),
    "ListBans": lambda room_id: mod.ListBansRequest(room_id=room_id),
    "CreateInvitation": lambda room_id: mod.CreateInvitationRequest(room_id=room_id),
    "ListInvitations": lambda room_id: mod.ListInvitationsRequest(room_id=room_id),
}
JOINS = ("Chat", "Chat, resuming", "Subscribe", "Subscribe, resuming")

Ask = Callable[[str], Awaitable[None]]


def asking(on: Moderated, how: str, own: GrpcStream) -> Ask:
    """Ask about a room as Eve does, who has a session in another one. It raises Ended."""
    carrier = on.server.carrier
    shown = bearer(EVERYWHERE)

    async def call(room_id: str) -> None:
        await carrier.call(how.partition(",")[0], METHODS[how](room_id), shown)

    async def enter(room_id: str) -> None:
        joining = join(room_id, resuming(own) if "resuming" in how else None)
        if how.startswith("Chat"):
            stream = carrier.chat(shown)
            await stream.send(pb.ChatMessage(join=joining))
        else:
            stream = carrier.subscribe(joining, shown)
        while True:
            await stream.receive()

    return enter if how in JOINS else call


async def answer(ask: Ask, room_id: str, journal: Counted) -> tuple[Ended, list[str], float]:
    """How it is refused, what was read of the journal for that, and the seconds it took."""
    journal.reads.clear()
    begun = time.perf_counter()
    with pytest.raises(Ended) as ended:
        await ask(room_id)
    return ended.value, journal.reads[:], time.perf_counter() - begun


@pytest.mark.parametrize("how", [*METHODS, *JOINS])
def test_a_private_room_answers_as_none(how: str, tmp_path: Path) -> None:
    """Whatever is asked; somebody is in that room, and has said something."""
    journal = Counted()

    async def scene() -> None:
        async with moderated(tmp_path, data=False, journal=journal, limits=LIMITS) as on:
            create = pb.CreateChatRoomRequest(private=True)
            private = (await on.moderate("CreateChatRoom", create, **ADMIN)).room_id
            missing = f"{int(private, 16) ^ 1:032x}"
            ann = await on.join("Ann", token("ad", chat=ADMIN), room_id=private)
            await on.server.say(ann, "nobody else is to know")
            await ann.receive()
            ask = asking(on, how, await on.join("Eve", EVERYWHERE))
            took: dict[str, list[float]] = {private: [], missing: []}
            for _ in range(ROUNDS):
                told = []
                for room_id in (private, missing):
                    ended, reads, seconds = await answer(ask, room_id, journal)
                    assert ("NOT_FOUND", "ROOM_NOT_FOUND") == (ended.code, ended.reason)
                    assert room_id in ended.message
                    details = str(ended).replace(room_id, "ID"), ended.metadata, ended.retry_after
                    told.append((details, reads))
                    took[room_id].append(seconds)
                assert told[0] == told[1]
            middle = [median(each) * 1e6 for each in took.values()]
            report(f"{how} of a private room, and of none", "{:.0f} µs, {:.0f} µs".format(*middle))

    run(scene())


def test_reads_are_counted(tmp_path: Path) -> None:
    """The control: a session that is not known is looked for in the journal."""
    journal = Counted()

    async def scene() -> None:
        async with moderated(tmp_path, data=False, journal=journal) as on:
            await on.join("Eve", EVERYWHERE, resume=pb.Resume(session="0" * 32, epoch="x"))
            assert "session" in journal.reads

    run(scene())


@pytest.mark.parametrize("chat", [MODERATOR, {}], ids=["moderates elsewhere", "moderates nothing"])
@pytest.mark.parametrize("private", [True, False], ids=["a private room", "another's room"])
def test_ids_of_bans_and_invitations_tell_nothing(
    chat: dict[str, bool], tmp_path: Path, *, private: bool
) -> None:
    """Who knows one of a room that is not theirs is told as of none, and not in which room."""
    eve = token("eve", chat={"rooms": ["lobby"], **chat})

    async def scene() -> None:
        async with moderated(tmp_path, data=False) as on:
            create = pb.CreateChatRoomRequest(private=private)
            room_id = (await on.moderate("CreateChatRoom", create, **ADMIN)).room_id
            asked = mod.CreateInvitationRequest(room_id=room_id)
            made = await on.moderate("CreateInvitation", asked, **ADMIN)
            ban = await on.moderate("CreateBan", mod.Ban(room_id=room_id, name="Bob"), **ADMIN)
            everywhere = await on.moderate("CreateBan", mod.Ban(name="Bob"), **ADMIN)
            revoke, lift = mod.RevokeInvitationRequest, mod.LiftBanRequest
            for method, request, there in (
                ("RevokeInvitation", lambda id_: revoke(invitation_id=id_), made.invitation_id),
                ("LiftBan", lambda id_: lift(ban_id=id_), ban.ban_id),
                ("LiftBan", lambda id_: lift(ban_id=id_), everywhere.ban_id),
            ):
                told = []
                for id_ in (there, "0" * 20):
                    with pytest.raises(Ended) as ended:
                        await on.server.carrier.call(method, request(id_), bearer(eve))
                    assert ended.value.reason in ("REQUEST_INVALID", "GRANT_MISSING")
                    told.append((str(ended.value).replace(id_, "ID"), ended.value.metadata))
                assert told[0] == told[1]
            listing = mod.ListInvitationsRequest(room_id=room_id)
            assert [made.invitation_id] == [
                each.invitation_id
                for each in (await on.moderate("ListInvitations", listing, **ADMIN)).invitations
            ]

    run(scene())
