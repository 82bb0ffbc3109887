"""Promises 3 and 5 once more: people with grpcio's client, behind a tap with one fault.

`test_stalled_readers` and `test_vanished_peers` show what these cannot: what a hundred readers
cost, and what the kernel notices of a network that is gone. It is answered by the tap's sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire.faults.taps import faulty
from tests.carriers import run
from tests.launch.quick_server import QUICK

from .scale import SOAK, report, scaled
from .server_process import serving

FAULTS = {
    "a reader that stops": "stop-reading down message 4",
    "a reader that gives no window back": "withhold up stream 1",
    "a peer that vanishes": "vanish down message 4",
}
TEXT = "x" * 4000
BURST = 50
"""Texts at once: more in all than what a connection holds that is read by nobody."""
ENDED_SECONDS = scaled(75, 60)
CONTROL_SECONDS = scaled(6, 45)
"""More than it takes with the defences; without a session."""
WITHOUT: tuple[pb.Feature, ...] = ()
WITH_SESSION = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
SERVER = ("--in-memory", "--message-rate", "0")


class Guest:
    """A stream of grpcio's, which is read behind the scenes."""

    def __init__(self, address: str, features: Sequence[pb.Feature] = WITHOUT) -> None:
        self._channel = grpc.aio.insecure_channel(address)
        self._call = ChatServiceStub(self._channel).Chat()
        self._features = features

    async def enter(self, room: str, name: str) -> None:
        join = pb.JoinChat(room_id=room, name=name, features=self._features, history=0)
        await self._call.write(pb.ChatMessage(join=join))
        while (await self.next()).name != name:
            pass

    async def say(self, text: str) -> None:
        await self._call.write(pb.ChatMessage(message=pb.Message(message=text)))

    async def next(self) -> pb.Message:
        message = await self._call.read()
        assert isinstance(message, pb.Message), await self._call.details()
        return message

    async def close(self) -> None:
        await self._channel.close()


async def talk(guest: Guest) -> None:
    """Say so much that who is not read, or gives no window back, stalls."""
    while True:
        for _ in range(BURST):
            await guest.say(TEXT)
        await asyncio.sleep(0.1)


async def heard_leaving(observer: Guest, name: str) -> tuple[float, pb.LeaveReason]:
    """After how many seconds, and why, somebody was seen leaving; nothing was missing till then."""
    began = asyncio.get_running_loop().time()
    last = 0
    while not (message := await observer.next()).HasField("left"):
        assert message.sequence in (last + 1, last or message.sequence)
        last = message.sequence
    assert (name, last + 1) == (message.name, message.sequence)
    return asyncio.get_running_loop().time() - began, message.left.reason


async def seen(
    address: str, fault: str, features: Sequence[pb.Feature]
) -> tuple[float, pb.LeaveReason]:
    """What an observer sees of Ann, whose line has the fault while another one talks."""
    async with contextlib.AsyncExitStack() as stack:
        tap = await stack.enter_async_context(faulty(address, FAULTS[fault]))
        observer, talker, ann = Guest(address), Guest(address), Guest(tap.address, features)
        for guest in (observer, talker, ann):
            stack.push_async_callback(guest.close)
        async with grpc.aio.insecure_channel(address) as channel:
            room = (
                await ChatServiceStub(channel).CreateChatRoom(pb.CreateChatRoomRequest())
            ).room_id
        await observer.enter(room, "Observer")
        await talker.enter(room, "Talker")
        await ann.enter(room, "Ann")
        talking = asyncio.create_task(talk(talker))
        try:
            return await heard_leaving(observer, "Ann")
        finally:
            assert tap.faults
            assert not talking.done()
            talking.cancel()


@pytest.mark.slow
def test_it_ends_and_the_others_hear_everything() -> None:
    """Its member leaves: at once, or after the grace of a session."""

    async def scene(address: str) -> None:
        async with asyncio.timeout(ENDED_SECONDS):
            kinds = [(fault, features) for fault in FAULTS for features in (WITHOUT, WITH_SESSION)]
            ends = await asyncio.gather(*(seen(address, *kind) for kind in kinds))
        for (fault, features), (seconds, reason) in zip(kinds, ends, strict=True):
            session = "with" if features else "without"
            report(f"promises 3 and 5, {fault}, {session} a session", f"gone after {seconds:.1f} s")
            assert pb.LEAVE_REASON_LOST == reason

    with serving(*SERVER, program=("chatroom.server",) if SOAK else QUICK) as server:
        run(scene(server.address))


@pytest.mark.slow
def test_without_the_defences_it_stays() -> None:
    """The control."""

    async def scene(address: str) -> None:
        async def stays(fault: str) -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(CONTROL_SECONDS):
                    await seen(address, fault, WITHOUT)

        await asyncio.gather(*map(stays, FAULTS))

    with serving(*SERVER, program=("tests.faults.crippled_server", "stall", "vanished")) as server:
        run(scene(server.address))
