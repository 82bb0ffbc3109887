"""Promise 2: members whose network is bad, against a plain list of what they said."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path

import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.faults.meaning import Meanings
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.faults.taps import FaultyTap
from chatroom.chatwire.passage import Doing, Faulted, Passage
from chatroom.client import Chat, Kind, Limits, Message, Patience, Room, connect
from chatroom.client.inbox import Inbox
from chatroom.client.membership import Membership
from chatroom.client.outbox import Outbox, Posted
from chatroom.client.position import Position
from chatroom.client.terms import Terms
from chatroom.wire.addresses import Address
from tests.client.servers import OURS, Restartable, running

from .scale import report, scaled

SENDERS = 4
WINDOW = 8
"""Messages that each sender has under way."""
EAGER = Patience(backoff=0.01, backoff_limit=0.1, hasty_leave=0.1)
LIMITS = Limits(unacknowledged=WINDOW)
KEEP = ("--keep-entries", "1000000", "--keep-bytes", "1G")
"""Who is away for long, as grpcio waits longer each time that it cannot connect, misses nothing."""
END = "that is all"
LISTENER = "Listener"


class Lagging(Position):
    """Resumes from a little before what was seen, as a client may that notes it rarely."""

    @property
    def after(self) -> int:
        return max(0, super().after - 5)


class Careless(Lagging):
    """Takes everything for new: the control of dropping by sequence."""

    def take(self, message: Message) -> tuple[bool, int]:
        super().take(message)
        return True, 0


class Nameless(Outbox):
    """Sends messages without their nonces: the control of nonces."""

    def next(self) -> Posted | None:
        posted = super().next()
        if posted is not None:
            posted.request.message.nonce = ""
        return posted


class Member:
    """Somebody: what they said, and all that they heard."""

    def __init__(self, name: str, position: Position, outbox: Outbox) -> None:
        self.name = name
        self.said: list[str] = []
        self.heard: list[Message] = []
        self.inside = asyncio.Event()
        self.enough = asyncio.Event()
        self.confirmed = asyncio.Event()
        self.lost = 0
        self._position = position
        self._outbox = outbox

    def join(self, chat: Chat, room_id: str) -> Room:
        inbox = Inbox(LIMITS)
        membership = Membership(
            Terms(room_id=room_id, name=self.name, history=0, echo=True),
            chat.server(room_id),
            chat.patience,
            position=self._position,
            inbox=inbox,
            outbox=self._outbox,
        )
        return Room(membership, inbox, self._outbox, chat.patience)

    async def stay(self, chat: Chat, room_id: str) -> None:
        """Be in the room until the end is said, and until it is enough say one thing after another.

        `confirmed` is set once all that was said is stored.
        """
        async with self.join(chat, room_id) as room:
            self.inside.set()  # entering is tried once
            speaking = asyncio.create_task(self._speak(room))
            async for message in room:
                if message.kind is Kind.CONNECTION_LOST:
                    self.lost += 1
                elif message.kind is not Kind.CONNECTED:
                    self.heard.append(message)
                if message.text == END:
                    break
            await speaking

    async def _speak(self, room: Room) -> None:
        last = None
        while self.name != LISTENER and not self.enough.is_set():
            text = f"{self.name} {len(self.said)}"
            self.said.append(text)
            last = await room.post(text)
        if last is not None:
            await last.stored()
        self.confirmed.set()


Entry = tuple[str, str]
"""Name and text; the log is the list of them, that of sequence 1 first."""


def check_heard(members: list[Member], log: list[Entry]) -> None:
    """All since each member's arrival was heard, each entry once and in order."""
    for member in members:
        assert [] == [message for message in member.heard if not message.sequence], member.name
        sequences = [message.sequence for message in member.heard]
        assert list(range(sequences[0], sequences[0] + len(sequences))) == sequences
        expected = log[sequences[0] - 1 : sequences[-1]]
        assert expected == [(message.name, message.text) for message in member.heard]


def check_stored(members: list[Member], log: list[Entry]) -> None:
    """What each member said was stored, each message once and in order."""
    said: dict[str, list[str]] = {member.name: [] for member in members}
    for name, text in log:
        if name in said and not text.startswith("Has "):
            said[name].append(text)
    assert {member.name: member.said for member in members} == said


class Chronicle:
    """The room's log, by an uncut stream that has nothing of the library."""

    def __init__(self, server: str, room_id: str) -> None:
        self._channel = grpc.aio.insecure_channel(server)
        self._call = ChatServiceStub(self._channel).Chat()
        self._room_id = room_id

    async def begin(self) -> None:
        """Be the first in the room."""
        join = pb.JoinChat(room_id=self._room_id, name="Chronicle")
        await self._call.write(pb.ChatMessage(join=join))
        arrival = await self._call.read()
        assert 1 == arrival.sequence
        self._entries = [(arrival.name, arrival.message)]

    async def read(self) -> list[Entry]:
        """Every entry up to the end."""
        try:
            message = None
            while message is None or message.message != END:
                message = await self._call.read()
                assert len(self._entries) + 1 == message.sequence
                self._entries.append((message.name, message.message))
        finally:
            await self._channel.close()
        return self._entries


BAD_NETWORK = Plan.of(
    "cut message 1-3 chance 2%: rst",
    "cut message 4- chance 0.5%: rst",
    "vanish message 2- chance 0.2%",
    "cut idle 50ms: rst",
)
"""Connections break at any message of either side. Some lose bytes for a while before."""


class Cutting(FaultyTap):
    """Between the members and the server; nothing goes wrong until `cut_at_random`."""

    def __init__(self, server: str) -> None:
        super().__init__(
            Address.parse(server), self._saw, plan=Plan.of(), meaning=Meanings(own_schema())
        )
        self._cuts = 0
        self._cut = asyncio.Event()

    def _saw(self, passage: Passage) -> None:
        if isinstance(passage, Faulted) and passage.doing is Doing.CUTS:
            self._cuts += 1
            self._cut.set()

    async def cut_at_random(self, cuts: int) -> None:
        """Have the network be bad until so many connections were cut."""
        self.plan = BAD_NETWORK
        self.cut()
        while self._cuts < cuts:
            self._cut.clear()
            await self._cut.wait()
        self.plan = Plan.of()
        self.cut()


async def play(server: str, members: list[Member], cuts: int) -> list[Entry]:
    """Cut the members' connections while they talk; the log once all that was said is in it."""
    async with connected(server, len(members)) as (direct, room_id, tap, chats):
        chronicle = Chronicle(server, room_id)
        await chronicle.begin()
        reading = asyncio.create_task(chronicle.read())
        await converse(direct, room_id, members, chats, tap.cut_at_random(cuts))
        return await reading


async def converse(
    direct: Chat,
    room_id: str,
    members: list[Member],
    chats: list[Chat],
    faults: Coroutine[None, None, None],
) -> None:
    """Let the members talk while the faults happen, and until all that was said is stored."""
    async with asyncio.TaskGroup() as staying:
        for member, chat in zip(members, chats, strict=True):
            staying.create_task(member.stay(chat, room_id))
            await member.inside.wait()
        await faults
        for member in members:
            member.enough.set()
        for member in members:
            await member.confirmed.wait()
        async with direct.join(room_id, "End") as end:
            await end.send(END)


@contextlib.asynccontextmanager
async def connected(
    server: str, count: int
) -> AsyncIterator[tuple[Chat, str, Cutting, list[Chat]]]:
    """A room on a direct connection, and so many connections through a tap."""
    async with contextlib.AsyncExitStack() as stack:
        direct = await stack.enter_async_context(connect(server))
        room_id = (await direct.create_room()).room_id
        tap = await stack.enter_async_context(Cutting(server))
        chats = [
            await stack.enter_async_context(connect(tap.address, patience=EAGER, limits=LIMITS))
            for _ in range(count)
        ]
        yield direct, room_id, tap, chats


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([*OURS, "--message-rate", "0", *KEEP]) as address:
        yield address


def members_with(
    position: type[Position] = Position, outbox: type[Outbox] = Outbox
) -> list[Member]:
    names = [f"Sender {number}" for number in range(SENDERS)]
    return [Member(name, position(), outbox(LIMITS)) for name in names]


def test_cut_connections_lose_and_repeat_nothing(server: str) -> None:
    """Everybody hears n, n+1, n+2 …, and what each said is stored once, in order."""

    async def scene() -> None:
        members = members_with()
        members.append(Member(LISTENER, Lagging(), Outbox(LIMITS)))
        cuts = scaled(20, 3000, brief=8)
        async with asyncio.timeout(scaled(60, 1200)):
            log = await play(server, members, cuts)
        check_heard(members, log)
        check_stored(members, log)
        lost = sum(member.lost for member in members)
        assert lost > 0
        report(
            "cut connections",
            f"{cuts} cuts, {lost} streams lost, {len(log)} entries; 0 gaps, repeats, inversions",
        )

    asyncio.run(scene())


@pytest.mark.parametrize("sync", ["full", "normal"])
def test_killed_servers_lose_and_repeat_nothing(tmp_path: Path, sync: str) -> None:
    """The same over servers that are killed while everybody talks, whatever their epochs."""
    options = ("--data", str(tmp_path), "--sync", sync, "--room", "1", "--message-rate", "0")
    server = Restartable(*options, *KEEP)
    kills = scaled(3, 30, brief=2)

    async def kill_at_random() -> None:
        chance = random.Random(21)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0, 0.5))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)

    async def scene() -> None:
        members = members_with()
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(asyncio.timeout(scaled(60, 600)))
            direct, *chats = [
                await stack.enter_async_context(
                    connect(server.address, patience=EAGER, limits=LIMITS)
                )
                for _ in range(1 + SENDERS)
            ]
            await converse(direct, "1", members, chats, kill_at_random())
            log = await log_of(direct, "1")
        check_heard(members, log)
        check_stored(members, log)
        report("killed servers", f"{kills} kills, {len(log)} entries; 0 gaps, repeats, inversions")

    server.start()
    try:
        asyncio.run(scene())
    finally:
        server.kill()


async def log_of(chat: Chat, room_id: str) -> list[Entry]:
    """The room's log, as it is kept at last."""
    log: list[Entry] = []
    while (page := await chat.history(room_id, after=len(log), page_size=1000)).messages:
        assert len(log) + 1 == page.messages[0].sequence
        log.extend((message.name, message.text) for message in page.messages)
    return log


@pytest.mark.slow
def test_check_finds_repeats(server: str) -> None:
    """The same check fails for members that do not drop by sequence what they have seen."""

    async def scene() -> None:
        members = members_with(position=Careless)
        async with asyncio.timeout(60):
            log = await play(server, members, cuts=100)
        check_stored(members, log)
        with pytest.raises(AssertionError):
            check_heard(members, log)

    asyncio.run(scene())


@pytest.mark.slow
def test_check_finds_what_is_stored_twice(server: str) -> None:
    """The same check fails for members that send messages without nonces."""

    async def scene() -> None:
        members = members_with(outbox=Nameless)
        async with (
            asyncio.timeout(60),
            connected(server, len(members)) as (direct, room_id, tap, chats),
        ):
            chronicle = Chronicle(server, room_id)
            await chronicle.begin()
            reading = asyncio.create_task(chronicle.read())
            staying = [
                asyncio.create_task(member.stay(chat, room_id))
                for member, chat in zip(members, chats, strict=True)
            ]
            for member in members:
                await member.inside.wait()
            await tap.cut_at_random(100)
            for task in staying:  # nothing they say is ever confirmed, so they would not end
                task.cancel()
            await asyncio.wait(staying)
            async with direct.join(room_id, "End") as end:
                await end.send(END)
            log = await reading
        with pytest.raises(AssertionError):
            check_stored(members, log)

    asyncio.run(scene())
