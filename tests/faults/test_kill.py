"""Promise 1: what anybody was shown survives `kill -9`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from .load import Load, missing
from .scale import SOAK, report, scaled
from .server_on_disk import CHATSERVER, DiskServer

HASTY = ("-m", "tests.faults.hasty_server")
ROOMS = 3
KILLS = scaled(3, 50, brief=2)
AT_LEAST = scaled(500, 2_000)
"""Entries shown between two kills; up to twice as many, at random."""


async def under_load(server: DiskServer, rooms: list[str], rng: random.Random) -> Load:
    """Load the server and kill it at a moment that nobody could have prepared for."""
    load = Load()
    async with load.on(server.port, rooms):
        try:
            await load.shown_reaches(rng.randrange(AT_LEAST, 2 * AT_LEAST))
            # Anywhere in a turn of the commit loop, not only just after one.
            await asyncio.sleep(rng.uniform(0, 0.02))
        finally:
            await asyncio.to_thread(server.kill)
    assert [] == load.repeated
    return load


async def lost_over_kills(
    data: Path, program: Sequence[str], kills: int, seed: int
) -> tuple[int, list[str]]:
    """How many entries were shown in all, and which of them were not there afterwards."""
    rng = random.Random(seed)
    lost: dict[str, None] = {}
    everything = Load()
    rooms: list[str] = []
    for kill in range(kills):
        # Rooms of its own for each life: then no limit of what is kept comes into it.
        latest = [f"kill-{kill}-{room}" for room in range(ROOMS)]
        with DiskServer(data, program=program) as server:
            shown = (await under_load(server, latest, rng)).shown
        with DiskServer(data, program=program) as server:
            lost |= dict.fromkeys(await missing(server.port, latest, shown))
        everything.shown |= shown
        rooms += latest
    with DiskServer(data, program=program) as server:
        lost |= dict.fromkeys(await missing(server.port, rooms, everything.shown))
    return len(everything.shown), list(lost)


def test_nothing_that_was_shown_is_lost_by_a_kill(tmp_path: Path) -> None:
    """Echoes, copies and answers of SendMessage: all are in the log of the next start."""
    seed = random.randrange(1 << 32)
    shown, lost = asyncio.run(lost_over_kills(tmp_path, CHATSERVER, KILLS, seed))
    report("kill -9", f"{len(lost)} lost of {shown} entries shown, over {KILLS} kills")
    assert [] == lost[:20], f"seed {seed}"
    assert shown >= (100_000 if SOAK else KILLS * AT_LEAST)


def test_a_server_that_shows_before_it_stores_is_found_out(tmp_path: Path) -> None:
    """The control: the same check finds losses where there are some."""
    seed = random.randrange(1 << 32)
    shown, lost = asyncio.run(lost_over_kills(tmp_path, HASTY, 1, seed))
    report("kill -9, shown before it is stored", f"{len(lost)} lost of {shown}, as it must be")
    assert [] != lost, f"seed {seed}"
