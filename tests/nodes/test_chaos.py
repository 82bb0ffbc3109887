"""Promise 8 where everything dies: nodes, and their database."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.faults.scale import report, scaled
from tests.journal.postgres_server import WHY_NOT, programs
from tests.nodes.cluster import Cluster, Wanderer, verdict

NAMES = ("Alice", "Bob", "Carol", "Dan", "Eve", "Fay")


async def chaos(world: Cluster, seconds: float) -> tuple[int, int]:
    """Let everybody talk while things die, for so long; entries, and how often people came back."""
    await world.start()
    people = [
        Wanderer(world, name, subscribes=number % 2 == 1, seed=number)
        for number, name in enumerate(NAMES)
    ]
    talking = asyncio.gather(*(each.wander() for each in people))
    end = time.monotonic() + seconds
    faults = 0
    while time.monotonic() < end or faults < 3:
        await asyncio.sleep(1.0)
        port = world.rng.choice(world.ports)
        match faults % 3:
            case 0:
                await world.kill_node(port)
                await asyncio.sleep(world.rng.random() * 3)
                await world.start_node(port)
            case 1:
                world.stop_node(port)
                await asyncio.sleep(scaled(11, 20))
                world.wake_node(port)
            case 2:
                await world.restart_database()
        faults += 1
        if talking.done():
            break
    await asyncio.sleep(1.0)
    for each in people:
        each.going = False
    await talking
    log = await verdict(world, people)
    for each in people:
        await each.go()
    await world.stop()
    return len(log), sum(each.came_back for each in people)


@pytest.mark.skipif(programs() is None, reason=WHY_NOT)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_dies(tmp_path: Path) -> None:
    world = Cluster("grpc", tmp_path)
    seconds = scaled(10, 600)

    async def scene() -> None:
        async with asyncio.timeout(3 * seconds + 120):
            entries, returns = await chaos(world, seconds)
        report("promise 8", f"{seconds} s of faults, {entries} entries, {returns} returns")

    asyncio.run(scene())
    assert [] == world.problems
