"""What one request, and a flood of them, may make the loop do at once: every method."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as moderation
from chatroom.core.audit import AuditRecord
from chatroom.core.bans import Ban, Whom
from chatroom.core.entry import Entry, Kind
from chatroom.core.limits import Limits
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.core.rate import Pace
from chatroom.core.record import MemberRecord
from chatroom.journal import Append, NewRoom
from chatroom.journal.memory import MemoryJournal
from chatroom.server.port.rota import AT_ONCE, CALL
from chatroom.wire.envelopes import envelope
from tests.carriers import CARRIERS, Carrier, Ended
from tests.faults.scale import scaled
from tests.server.services import running
from tests.server.turn_work import Counting, Work

ROOMS = 1_000
MEMBERS = 800
ROSTER = 400
"""In the room that is joined: `joined` lists so many."""
ENTRIES = 500
TEXT_BYTES = 1_000
AT_THE_SAME_TIME = scaled(10, 10, brief=4)
CALLS = scaled(100, 100, brief=40)
ENDLESS = Pace(1_000_000, 60.0)
LIMITS = Limits(
    message_rate=0,
    grace=600,
    address_joins=ENDLESS,
    address_creations=ENDLESS,
    address_searches=ENDLESS,
)
LISTS = (
    "ListChatRooms", "ListMessages", "SearchMessages", "ListMembers", "ListBans",
    "ListInvitations", "ListAuditRecords",
)  # fmt: skip

Ask = Callable[[Carrier, int], Awaitable[object]]


async def joins(carrier: Carrier, number: int, *, subscribe: bool) -> None:
    name = f"{'Reader' if subscribe else 'Guest'} {number}"
    join = pb.JoinChat(room_id="crowd", name=name, features=[pb.FEATURE_EVENTS])
    stream = carrier.subscribe(join) if subscribe else carrier.chat()
    if not subscribe:
        await stream.send(pb.ChatMessage(join=join))
    while not (await stream.receive()).HasField("live"):
        pass
    await stream.cancel()


def calls(method: str, request: Callable[[int], object]) -> Ask:
    async def ask(carrier: Carrier, number: int) -> None:
        with contextlib.suppress(Ended):  # a refusal costs as well
            await carrier.call(method, request(number))

    return ask


QUESTIONS: dict[str, Ask] = {
    "Chat": lambda carrier, number: joins(carrier, number, subscribe=False),
    "Subscribe": lambda carrier, number: joins(carrier, number, subscribe=True),
    "ListChatRooms": calls("ListChatRooms", lambda _: pb.ListChatRoomsRequest()),
    "ListMessages": calls(
        "ListMessages", lambda _: pb.ListMessagesRequest(room_id="hall", page_size=1000)
    ),
    "SearchMessages": calls(
        "SearchMessages",
        lambda n: pb.SearchMessagesRequest(room_id="hall", query=f"from:member{n}", page_size=100),
    ),
    "ListMembers": calls("ListMembers", lambda _: pb.ListMembersRequest(room_id="hall")),
    "CreateChatRoom": calls("CreateChatRoom", lambda n: pb.CreateChatRoomRequest(room_id=f"x{n}")),
    "DeleteChatRoom": calls("DeleteChatRoom", lambda n: pb.DeleteChatRoomRequest(room_id=f"r{n}")),
    "RemoveMember": calls(
        "RemoveMember", lambda n: pb.RemoveMemberRequest(room_id="hall", name=f"Member {n}")
    ),
    "UpdateChatRoom": calls(
        "UpdateChatRoom", lambda n: pb.UpdateChatRoomRequest(room_id="hall", title=f"{n}")
    ),
    "SetMember": calls(
        "SetMember",
        lambda n: moderation.SetMemberRequest(
            room_id="hall", name=f"Member {n + MEMBERS // 2}", muted=True
        ),
    ),
    "WithdrawMessage": calls(
        "WithdrawMessage", lambda n: moderation.WithdrawMessageRequest(room_id="hall", sequence=n)
    ),
    "CreateBan": calls("CreateBan", lambda n: moderation.Ban(name=f"Nobody {n}")),
    "LiftBan": calls("LiftBan", lambda n: moderation.LiftBanRequest(ban_id=f"{n}")),
    "ListBans": calls("ListBans", lambda _: moderation.ListBansRequest(page_size=1000)),
    "CreateInvitation": calls(
        "CreateInvitation", lambda _: moderation.CreateInvitationRequest(room_id="hall")
    ),
    "RevokeInvitation": calls(
        "RevokeInvitation", lambda n: moderation.RevokeInvitationRequest(invitation_id=f"{n}")
    ),
    "ListInvitations": calls(
        "ListInvitations",
        lambda _: moderation.ListInvitationsRequest(room_id="hall", page_size=1000),
    ),
    "ListAuditRecords": calls(
        "ListAuditRecords", lambda _: moderation.ListAuditRecordsRequest(page_size=1000)
    ),
    "SendMessage": calls(
        "SendMessage", lambda n: pb.SendMessageRequest(session=f"{n}", heartbeat=pb.Heartbeat())
    ),
}


async def full_journal() -> MemoryJournal:
    """Many rooms, and two with many members; one of these with many entries."""
    journal = MemoryJournal()

    bans = [
        Note(
            NoteKind.BAN,
            f"{n:04}",
            Ban(
                ban_id=f"{n:04}", whom=Whom.NAME, value=f"Ban {n}", keys=(f"name:ban {n}",),
                until=0, reason="x" * 200, by="Ann", created=1,
            ).stored(),
        )
        for n in range(1000)
    ]  # fmt: skip
    await journal.append([Append(SERVER, notes=bans)])
    record = AuditRecord(at=1, actor="ann", method="CreateBan", target="x" * 200, outcome="OK")
    await journal.record([record] * 1000)

    async def room(room_id: str) -> int:
        new = NewRoom(
            room_id=room_id, epoch="e", created=1, title="", private=False, capacity=0, history=0
        )
        return (await journal.create_room(new)).facts.key

    for number in range(ROOMS):
        await room(f"r{number}")
    author = 0
    for room_id, members in (("hall", MEMBERS), ("crowd", ROSTER)):
        key = await room(room_id)
        records = [
            MemberRecord(
                author=(author := author + 1), name=f"Member {number}", since=1, logged=True,
                session=author.to_bytes(32, "big"),
            )
            for number in range(members)
        ]  # fmt: skip
        await journal.append([Append(key, members=records)])
        if room_id == "hall":
            text = envelope(pb.Message(name="A", message="x" * TEXT_BYTES).SerializeToString())
            entries = [Entry(n, n, Kind.SAID, 1, text) for n in range(1, ENTRIES + 1)]
            await journal.append([Append(key, entries)])
    return journal


class Crowded:
    """A server with all of it, for one test after another."""

    def __init__(self, counting: Counting, port: int) -> None:
        self._counting = counting
        self._port = port
        self._numbers = {method: count() for method in QUESTIONS}

    def asked(self, method: str, protocol: str, *, at_once: int) -> Work:
        """The work of so many requests of one connection, of which none was there before."""
        work = Work()

        async def scene() -> None:
            carrier = CARRIERS[protocol](self._port)
            await carrier.call("ListChatRooms", pb.ListChatRoomsRequest(page_size=1))
            sys.setprofile(work.profile)
            work.turned()
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    ask = QUESTIONS[method](carrier, next(self._numbers[method]))
                    group.create_task(asyncio.wait_for(ask, 60))
            sys.setprofile(None)
            await carrier.close()

        self._counting.run(scene(), work)
        return work


@pytest.fixture(scope="module")
def crowded() -> Iterator[Crowded]:
    counting = Counting()
    with counting.runner as runner:
        journal = runner.run(full_journal())
        stack = contextlib.AsyncExitStack()
        server = runner.run(stack.enter_async_context(running(limits=LIMITS, journal=journal)))
        try:
            yield Crowded(counting, server.port)
        finally:
            runner.run(stack.aclose())


def test_every_method_of_the_contract_is_here() -> None:
    services = (
        pb.DESCRIPTOR.services_by_name["ChatService"],
        moderation.DESCRIPTOR.services_by_name["ModerationService"],
    )
    assert set(QUESTIONS) == {method.name for service in services for method in service.methods}


@pytest.mark.parametrize("protocol", ["grpc", "connect-json"])
@pytest.mark.parametrize("method", QUESTIONS)
def test_no_method_does_more_in_a_turn_of_the_loop_than_the_limits_say(
    crowded: Crowded, method: str, protocol: str
) -> None:
    """Requests of one connection at once: rooms and members walked, bytes made."""
    work = crowded.asked(method, protocol, at_once=AT_THE_SAME_TIME)
    streams = method in ("Chat", "Subscribe")
    pieces = 2 * (AT_ONCE if streams else AT_ONCE // CALL)
    """Those that were let in by the last turn, and those that begin in this one."""
    items = pieces * (LIMITS.slice_items + 2)
    members = pieces * LIMITS.joined_roster if streams else items
    found = {
        name: work.calls[name]
        for name in ("Room.closing", "room_message", "member_message", "payload", "Room.room_id")
    }
    print(f"\n{method} over {protocol}: {found}, {work.bytes} bytes")
    assert work.calls, "nothing was counted"
    for name, times in found.items():
        assert times <= (members if name == "member_message" else items), name
    assert work.bytes <= pieces * LIMITS.slice_bytes + (4 * LIMITS.page_bytes)
    whole = 0 if method not in LISTS else 1
    assert whole == (work.calls["prepared"] > 0)


@pytest.mark.parametrize("method", sorted(set(QUESTIONS) - {"Chat", "Subscribe", *LISTS}))
def test_few_calls_begin_in_a_turn_of_the_loop(crowded: Crowded, method: str) -> None:
    """Many at once: each takes a third of a millisecond. (Lists wait for room besides.)"""
    work = crowded.asked(method, "grpc", at_once=CALLS)
    assert 0 < work.calls["Heads.on_start"] <= 2 * AT_ONCE // CALL
