"""Promise 2: no gap, repeat or inversion over random cuts, for each protocol.

Members talk while their connections are reset at random moments; each comes back,
resumes and sends again what it has no echo of. What everybody was shown is compared
message by message as it comes (see `world`), and with the log at the end.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import CARRIERS, run
from tests.faults.scale import report, scaled
from tests.faults.wire import Wire
from tests.faults.world import Client, World

ROOM = "lobby"
LIMITS = Limits(message_rate=0, grace=3600.0, tail_bytes=8_000, write_bytes=4_000)
"""A short tail, so that who comes back reads on from the journal too."""


class Talker(Client):
    """Says things through a wire of its own, which is cut again and again."""

    def __init__(self, world: World, name: str, *, subscribes: bool, seed: int) -> None:
        super().__init__(world, ROOM, name, subscribes=subscribes)
        self.wire = Wire(world.service.addresses[0].port)
        self.rng = random.Random(seed)
        self.numbers = itertools.count(1)
        self.new_nonces = False
        """A control that must fail: retries under a nonce of their own."""

    async def talk(self, cuts: int) -> None:
        await self.wire.open()
        await self.come_back()
        for _ in range(cuts):
            for _ in range(self.rng.randrange(1, 6)):
                number = next(self.numbers)
                await self.say(f"{self.name}{number}", f"{self.name} says {number}")
            await asyncio.sleep(self.rng.random() * 0.02)  # a cut at any moment of that
            self.wire.cut()
            await self.come_back()
        await self.until_acknowledged()

    async def until_acknowledged(self) -> None:
        await self.acknowledgement()
        while self.ended is not None:
            await self.come_back()
            await self.acknowledgement()

    async def come_back(self) -> None:
        """Connect until it holds."""
        if self.new_nonces:
            texts = list(self.unacknowledged.values())
            self.unacknowledged = {f"{self.name}{next(self.numbers)}": text for text in texts}
        while True:
            await self.go()
            self.own_carrier = CARRIERS[self.world.carrier_name](self.wire.port)
            await self.connect()
            if self.ended is None:
                return

    async def go(self) -> None:
        await self.cut()
        if self.own_carrier is not None:
            carrier, self.own_carrier = self.own_carrier, None
            await carrier.close()


async def conversation(world: World, cuts: int, *, spoil: str = "") -> int:
    """Let four talk over `cuts` cuts in all; the number of entries."""
    await world.start()
    await world.carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(room_id=ROOM))
    talkers = [
        Talker(world, name, subscribes=number % 2 == 1, seed=number)
        for number, name in enumerate(["Alice", "Bob", "Carol", "Dan"])
    ]
    if spoil == "nonce":
        talkers[0].new_nonces = True
    elif spoil == "gap":
        talkers[1].skips = 1  # calls acknowledge what it says: an echo it might skip, and wait for
    await asyncio.gather(*(talker.talk(cuts // len(talkers)) for talker in talkers))
    epoch, log = await world.all(ROOM)
    for message in log:
        world.note(epoch, message)
    if [message.sequence for message in log] != list(range(1, len(log) + 1)):
        world.problems.append("the log has holes")
    said = {message.message for message in log if message.WhichOneof("event") is None}
    for talker in talkers:
        for text in talker.acknowledged.values():
            if text not in said:
                world.problems.append(f"{text!r} was acknowledged and is not in the log")
        await talker.go()
        await talker.wire.close()
    await world.stop()
    return len(log)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_random_cuts_leave_no_gap_repeat_or_inversion(carrier: str, tmp_path: Path) -> None:
    cuts = scaled(40, 1_000, brief=15)
    world = World(carrier, tmp_path / "data", LIMITS)

    async def scene() -> None:
        async with asyncio.timeout(scaled(120, 1_200)):
            entries = await conversation(world, cuts)
        report("promise 2", f"{carrier}: {cuts} cuts, {entries} entries, {world.problems}")

    asyncio.run(scene())
    assert [] == world.problems


@pytest.mark.parametrize("spoil", ["nonce", "gap"])
def test_the_check_finds_a_retry_that_is_stored_twice_and_a_replay_with_a_gap(
    spoil: str, tmp_path: Path
) -> None:
    """Controls: the same conversation with one thing wrong."""
    world = World("grpc", tmp_path / "data", LIMITS)
    run_to_end = conversation(world, 80, spoil=spoil)

    async def scene() -> None:
        await run_to_end

    run(scene())
    assert world.problems
    report("promise 2", f"control with a wrong {spoil}: {world.problems[0]}")
