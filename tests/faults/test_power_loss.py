"""Promise 1: with `--sync full` what was acknowledged survives a loss of power.

A program fills a journal under strace. From the record of its writes and syncs the disk
is rebuilt as it may be found after the power went at some moment, and opened.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from chatroom.journal import JournalError, SyncMode
from chatroom.journal.sqlite import SQLiteJournal

from .disk import LOSSES, Disk
from .journal_writer import PLANS, Logs, states
from .scale import report, scaled
from .trace import Call, Done, Event, traced

DATABASE = Path("home") / "data" / "chatroom.db"
"""Below what is there already: both directories are made by the journal."""
COPIED = PurePosixPath(DATABASE)
"""What a checkpoint writes to."""
STEPS = scaled(60, 300, brief=30)


@dataclass
class Cut:
    """A moment at which the power went, and what was found then."""

    before: int
    """The number of the event that did not come to pass."""
    done: int
    """Steps that were acknowledged."""
    loss: str
    found: Logs | str = field(repr=False)
    """What the journal held, or why it could not be opened."""


@dataclass
class Recording:
    """A run of `journal_writer`, and what the journal ought to hold after each step."""

    events: list[Event]
    states: list[Logs] = field(repr=False)

    @classmethod
    def of(cls, tmp_path: Path, sync: SyncMode, plan: str, seed: int, steps: int) -> Recording:
        """Make one below `tmp_path`."""
        directory = tmp_path / "disk"
        directory.mkdir()
        arguments = [str(directory / DATABASE), sync, plan, str(seed), str(steps)]
        events = traced(directory, tmp_path / "record", "tests.faults.journal_writer", arguments)
        assert steps == sum(isinstance(event, Done) for event in events)
        return cls(events, states(PLANS[plan](seed, steps)))

    def cuts(self, count: int, rng: random.Random, *, first: int = 1) -> list[int]:
        """Numbers of events from `first` on: half of them follow an acknowledgement at once."""
        anywhere = range(first, len(self.events) + 1)
        acknowledged = [n for n in anywhere if isinstance(self.events[n - 1], Done)]
        half = min(count // 2, len(acknowledged))
        return sorted([*rng.sample(acknowledged, half), *rng.choices(anywhere, k=count - half)])

    def first_checkpoint(self) -> int:
        """The number of the event that began it; something was acknowledged before and after."""
        after = next(n for n, event in enumerate(self.events) if isinstance(event, Done))
        found = next(
            n
            for n, event in enumerate(self.events[after:], after)
            if isinstance(event, Call) and event.path == COPIED and event.name == "pwrite64"
        )
        assert any(isinstance(event, Done) for event in self.events[found:])
        return found

    async def play(self, at: Sequence[int], tmp_path: Path, rng: random.Random) -> list[Cut]:
        """Cut the power before each of these events, and look at what is left."""
        disk = Disk()
        done = passed = 0
        cuts: list[Cut] = []
        for number, before in enumerate(at):
            for event in self.events[passed:before]:
                if isinstance(event, Done):
                    done = event.step
                else:
                    event.on(disk)
            passed = before
            loss = LOSSES[number % len(LOSSES)]
            rebuilt = tmp_path / f"cut-{number}"
            disk.root.left(loss, rng, rebuilt)
            cuts.append(Cut(before, done, loss.name, await held(rebuilt / DATABASE)))
            shutil.rmtree(rebuilt)
        return cuts

    def lost(self, cut: Cut) -> bool:
        """Whether something acknowledged is missing, or half an append is there."""
        return cut.found not in self.states[cut.done : cut.done + 2]

    def out_of_order(self, cut: Cut) -> bool:
        """Whether it is not even as it was at some moment before the cut."""
        return cut.found not in self.states[: cut.done + 2]


async def held(path: Path) -> Logs | str:
    """What the journal of this file holds, or why it cannot be opened or read."""
    journal = SQLiteJournal(path, sync="off")
    try:
        logs: Logs = {}
        for room in await journal.open():
            entries = await journal.read(room.facts.key, after=0, entries=1 << 30, size=1 << 40)
            if [entry.sequence for entry in entries] != list(range(1, room.newest + 1)):
                return f"{room.facts.room_id} has holes"
            logs[room.facts.room_id] = tuple(entry.envelope for entry in entries)
    except JournalError as error:
        return str(error)
    finally:
        await journal.close()
    return logs


def recorded(
    tmp_path: Path, sync: SyncMode, plan: str, steps: int
) -> tuple[Recording, random.Random]:
    """A run, and the randomness for whoever cuts it."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return Recording.of(tmp_path, sync, plan, seed, steps), random.Random(seed)


def cut_anywhere(
    tmp_path: Path, sync: SyncMode, *, steps: int, cuts: int
) -> tuple[Recording, list[Cut]]:
    """Record a run of appends of all sizes, with restarts, and cut it so many times."""
    recording, rng = recorded(tmp_path, sync, "mixed", steps)
    return recording, asyncio.run(recording.play(recording.cuts(cuts, rng), tmp_path, rng))


def verdict(
    name: str, wrong: list[Cut], cuts: list[Cut], what: str = "lost something"
) -> list[str]:
    """Report how many cuts were wrong; the first few of them, in words."""
    report(f"power loss, {name}", f"{len(wrong)} of {len(cuts)} cuts {what}")
    return [
        f"cut before event {cut.before}, {cut.done} steps done, {cut.loss}: "
        + (cut.found if isinstance(cut.found, str) else "not what was acknowledged")
        for cut in wrong[:20]
    ]


def test_what_was_acknowledged_survives_a_loss_of_power(tmp_path: Path) -> None:
    """All of it, and of what was under way all or nothing; also between two starts."""
    recording, cuts = cut_anywhere(tmp_path, "full", steps=STEPS, cuts=scaled(20, 1000, brief=8))
    assert [] == verdict("full", [cut for cut in cuts if recording.lost(cut)], cuts)


def test_a_checkpoint_loses_nothing_either(tmp_path: Path) -> None:
    """The log is copied into the database, and begun anew, while messages go on."""
    recording, rng = recorded(tmp_path, "full", "bulky", steps=20)
    at = recording.cuts(scaled(4, 100, brief=2), rng, first=recording.first_checkpoint())
    cuts = asyncio.run(recording.play(at, tmp_path, rng))
    assert [] == verdict("full, checkpoint", [cut for cut in cuts if recording.lost(cut)], cuts)


def test_normal_loses_only_the_last_moments(tmp_path: Path) -> None:
    """What is left is what there was at some moment: whole appends, without a hole."""
    recording, cuts = cut_anywhere(tmp_path, "normal", steps=STEPS, cuts=scaled(20, 300, brief=8))
    verdict("normal", [cut for cut in cuts if recording.lost(cut)], cuts)
    wrong = [cut for cut in cuts if recording.out_of_order(cut)]
    assert [] == verdict("normal", wrong, cuts, "lost more than the last moments")


def test_a_journal_that_does_not_sync_is_found_out(tmp_path: Path) -> None:
    """The control: the same cuts find losses where there are some."""
    recording, cuts = cut_anywhere(tmp_path, "off", steps=STEPS, cuts=scaled(20, 300))
    assert [] != verdict("off", [cut for cut in cuts if recording.lost(cut)], cuts)
