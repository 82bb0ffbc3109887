"""A program that fills a SQLite journal by a plan, and says after each step that it is done.

The plan follows from its seed, so whoever looks at what is left of the journal knows what
ought to be there. A step that was done is a line `done N` on standard output: under
strace it stands in the same record as the writes that it must not precede.

    python -m tests.faults.journal_writer FILE SYNC PLAN SEED STEPS
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, NewRoom, SyncMode
from chatroom.journal.sqlite import SQLiteJournal

EPOCH_NS = 1_795_391_925_080_210_459
ROOMS = 4
RESTARTS = 0.03
"""Of all steps: the journal is closed, which empties its log, and opened anew."""
BULK_BYTES = 15 * 1024 * 1024
"""Enough for checkpoints under way: one is begun for about 2,000 pages."""

Logs = dict[str, tuple[bytes, ...]]
"""What a journal holds: by room id, the envelopes in order of their sequences."""


@dataclass(frozen=True)
class Step:
    """One thing to be done: make a room, append to rooms, or restart if it is neither."""

    room: str | None = None
    appends: dict[str, list[bytes]] = field(default_factory=dict)


def plan(seed: int, steps: int) -> Iterator[Step]:
    """The steps: rooms first, then appends of all sizes to some of the rooms at once."""
    rng = random.Random(seed)
    rooms = [f"room-{number}" for number in range(ROOMS)]
    for room in rooms:
        yield Step(room=room)
    for _ in range(steps - ROOMS):
        if rng.random() < RESTARTS:
            yield Step()
            continue
        batch = rng.choice((1, 1, 2, 5, 40))
        yield Step(
            appends={
                room: [rng.randbytes(rng.choice((20, 200, 4000))) for _ in range(batch)]
                for room in rng.sample(rooms, rng.randint(1, ROOMS))
            }
        )


def bulky_plan(seed: int, steps: int) -> Iterator[Step]:
    """The same amount in every step, and in all of them enough for a checkpoint."""
    rng = random.Random(seed)
    entries = BULK_BYTES // steps // 4000
    yield Step(room="bulk")
    for _ in range(steps - 1):
        yield Step(appends={"bulk": [rng.randbytes(4000) for _ in range(entries)]})


PLANS = {"mixed": plan, "bulky": bulky_plan}


def states(steps: Iterator[Step]) -> list[Logs]:
    """What the journal holds before the first step, after it, after the second …"""
    found: list[Logs] = [{}]
    for step in steps:
        logs = dict(found[-1])
        if step.room is not None:
            logs[step.room] = ()
        for room, envelopes in step.appends.items():
            logs[room] = (*logs[room], *envelopes)
        found.append(logs)
    return found


async def write(path: Path, sync: SyncMode, steps: Iterator[Step]) -> None:
    """Do the steps, each once the one before is done."""
    journal = SQLiteJournal(path, sync=sync)
    await journal.open()
    keys: dict[str, int] = {}
    newest: dict[str, int] = {}
    for number, step in enumerate(steps, 1):
        if step.room is not None:
            new = NewRoom(
                room_id=step.room,
                epoch="e1",
                created=EPOCH_NS,
                title="",
                private=False,
                capacity=0,
                history=0,
            )
            keys[step.room] = (await journal.create_room(new)).facts.key
            newest[step.room] = 0
        elif step.appends:
            appends = []
            for room, envelopes in step.appends.items():
                entries = [
                    Entry(sequence, EPOCH_NS, Kind.SAID, 1, envelope)
                    for sequence, envelope in enumerate(envelopes, newest[room] + 1)
                ]
                newest[room] += len(entries)
                appends.append(Append(keys[room], entries))
            await journal.append(appends)
        else:
            await journal.close()
            journal = SQLiteJournal(path, sync=sync)
            await journal.open()
        os.write(1, b"done %d\n" % number)
    await journal.close()


def main(path: str, sync: str, kind: str, seed: str, steps: str) -> None:
    """Write by the plan of this kind."""
    chosen = PLANS[kind](int(seed), int(steps))
    asyncio.run(write(Path(path), cast("SyncMode", sync), chosen))


if __name__ == "__main__":
    main(*sys.argv[1:])
