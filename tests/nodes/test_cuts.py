"""Promise 8: what any client sees is one order, without gaps or repeats, whichever nodes serve it.

The conversation of `tests/faults/test_cuts.py`, over three nodes: who comes back does so at any of
them, and nodes are taken for dead while people talk.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import CARRIERS
from tests.faults.scale import report, scaled
from tests.faults.test_cuts import Talker
from tests.faults.world import World
from tests.nodes.nodes import AWAY, KINDS, Shared

ROOM = "lobby"
LIMITS = Limits(message_rate=0, grace=3600.0, tail_bytes=8_000, write_bytes=4_000)


class Nodes(World):
    """Three servers on one journal."""

    def __init__(self, carrier: str, shared: Shared) -> None:
        super().__init__(carrier, None, LIMITS)
        self.said_again = AWAY
        self.shared = shared
        self.services: list[Service] = []
        self.rng = random.Random(8)

    async def start(self) -> None:
        await self.shared.begin()
        for _ in range(3):
            settings = Settings(bind=(Address("127.0.0.1", 0),), limits=self.limits)
            service = Service(settings, self.shared.journal())
            await service.start()
            self.services.append(service)
        self.service = self.services[0]
        self.carrier = CARRIERS[self.carrier_name](self.service.addresses[0].port)

    async def stop(self) -> None:
        await self.carrier.close()
        for service in self.services:
            await service.stop()

    @property
    def any_port(self) -> int:
        return self.rng.choice(self.services).addresses[0].port


class Wanderer(Talker):
    """Comes back at any node."""

    world: Nodes

    async def go(self) -> None:
        await super().go()
        self.wire.target = self.world.any_port


async def conversation(world: Nodes, cuts: int, fences: int) -> int:
    """Let six talk over `cuts` cuts in all, and nodes be taken for dead; the number of entries."""
    await world.start()
    await world.carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(room_id=ROOM))
    talkers = [
        Wanderer(world, name, subscribes=number % 2 == 1, seed=number)
        for number, name in enumerate(["Alice", "Bob", "Carol", "Dan", "Eve", "Fay"])
    ]
    talking = asyncio.gather(*(talker.talk(cuts // len(talkers)) for talker in talkers))
    for number in range(fences):
        await asyncio.sleep(0.3)
        service = world.services[1 + number % 2]
        journal = service.hub._journal  # the port of the node
        await world.shared.lease_passes(journal)
        assert world.service.hub.nodes is not None
        await world.service.hub.nodes.look()
    await talking
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
    passages = [m for m in log if m.WhichOneof("event") in ("entered", "left")]
    if len(passages) != len(talkers):
        world.problems.append(f"who could resume was seen: {passages}")
    for talker in talkers:
        await talker.cut()
        if talker.own_carrier is not None:
            await talker.own_carrier.close()
        await talker.wire.close()
    await world.stop()
    return len(log)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_over_three_nodes_there_is_one_order(kind: str, carrier: str) -> None:
    cuts = scaled(36, 900, brief=12)
    world = Nodes(carrier, KINDS[kind]())

    async def scene() -> None:
        entries = await conversation(world, cuts, fences=scaled(2, 20, brief=1))
        report("promise 8", f"{kind}, {carrier}: {cuts} cuts, {entries} entries")

    asyncio.run(scene())
    assert [] == world.problems
