"""Promise 8 where everything dies: nodes, and their database."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.namespaces import network
from tests.faults.scale import report, scaled
from tests.journal.postgres_server import WHY_NOT, programs
from tests.nodes.cluster import Cluster, Wanderer, verdict

NAMES = ("Alice", "Bob", "Carol", "Dan", "Eve", "Fay")
STOPPED_SECONDS = scaled(11, 20)
"""A lease passes in 8."""
BACK_SECONDS = 2.0
"""Until another fault: who has no stream for 8 s of a lease and 15 s of grace is lost by design."""

Fault = Callable[[Cluster], Awaitable[None]]

pytestmark = pytest.mark.skipif(programs() is None, reason=WHY_NOT)


async def kill(world: Cluster) -> None:
    port = world.rng.choice(world.ports)
    await world.kill_node(port)
    await asyncio.sleep(world.rng.random() * 3)
    await world.start_node(port)


async def stop(world: Cluster) -> None:
    port = world.rng.choice(world.ports)
    world.stop_node(port)
    await asyncio.sleep(STOPPED_SECONDS)
    world.wake_node(port)
    await asyncio.sleep(BACK_SECONDS)


async def crash(world: Cluster) -> None:
    await world.to_database(world.database.restart)


async def fail_over(world: Cluster) -> None:
    await world.to_database(world.database.fail_over)


async def cut(world: Cluster) -> None:
    assert world.net is not None
    world.net.cut()
    await asyncio.sleep(STOPPED_SECONDS)
    world.net.mend()


async def chaos(world: Cluster, faults: Sequence[Fault], seconds: float) -> str:
    """Let everybody talk while things die, for so long, each fault at least once; the figures."""
    people = [
        Wanderer(world, name, subscribes=number % 2 == 1, seed=number)
        for number, name in enumerate(NAMES)
    ]
    async with asyncio.TaskGroup() as talking:
        for each in people:
            talking.create_task(each.wander())
        end = time.monotonic() + seconds
        done = 0
        for fault in itertools.cycle(faults):
            await asyncio.sleep(1.0)
            if time.monotonic() > end and done >= len(faults):
                break
            await fault(world)
            done += 1
        await asyncio.sleep(1.0)
        for each in people:
            each.going = False
    log = await verdict(world, people)
    for each in people:
        await each.go()
    returns = sum(each.came_back for each in people)
    found = f"{len(world.problems)} problems {world.problems[:1]}"  # a control finds hundreds
    return f"{done} faults, {len(log)} entries, {returns} returns, {found}"


def play(world: Cluster, faults: Sequence[Fault], seconds: int) -> None:
    async def scene() -> None:
        async with asyncio.timeout(3 * seconds + 120):
            try:
                await world.start()
                figures = await chaos(world, faults, seconds)
            finally:
                await world.stop()
        what = ", ".join(fault.__name__.replace("_", " ") for fault in faults)
        report("promise 8", f"{seconds} s of {what}: {figures}")

    asyncio.run(scene())


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_out_of_order_whatever_dies(tmp_path: Path) -> None:
    world = Cluster("grpc", tmp_path)
    play(world, [kill, stop, crash, fail_over], scaled(10, 600))
    assert [] == world.problems


@pytest.mark.slow
def test_nor_when_a_node_is_cut_from_its_database(tmp_path: Path) -> None:
    with network() as net:
        world = Cluster("grpc", tmp_path, net=net)
        play(world, [cut], scaled(10, 120))
    assert [] == world.problems


@pytest.mark.slow
def test_the_check_finds_what_a_standby_had_not_copied(tmp_path: Path) -> None:
    """A control: commits do not wait for it, and it has received nothing for a second."""
    world = Cluster("grpc", tmp_path, synchronous=False)

    async def fail_over_behind(world: Cluster) -> None:
        await world.to_database(world.database.fall_behind)
        await asyncio.sleep(1.0)
        await world.to_database(world.database.fail_over)
        for port in world.ports:  # they know of what is gone
            await world.kill_node(port)
            await world.start_node(port)

    play(world, [fail_over_behind], 1)
    assert world.problems


@pytest.mark.slow
def test_the_check_finds_a_node_that_shows_before_it_stores(tmp_path: Path) -> None:
    """A control."""
    world = Cluster("grpc", tmp_path, program=("tests.nodes.hasty_node",))
    play(world, [kill], 3)
    assert world.problems
