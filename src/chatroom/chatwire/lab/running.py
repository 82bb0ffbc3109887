"""Plays the scene of an experiment through the tap, and checks its story against the frames."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatwire.lab.servers import ServerDidNotStart
from chatroom.chatwire.lab.stage import PATIENCE, DidNotHappen, Stage
from chatroom.chatwire.lab.story import NotShown, check
from chatroom.chatwire.recorded import RecordedTap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.lab.experiment import Experiment
    from chatroom.chatwire.lab.story import Shown

SCENE_SECONDS = 60.0
"""That a whole scene may take; the longest takes some 12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An experiment that showed what it says."""

    experiment: Experiment
    frames: Sequence[Frame]
    """All that passed."""
    names: Mapping[int, str]
    """Of the clients, by connection."""
    shown: Sequence[Shown]


def _tap(experiment: Experiment, to: str) -> RecordedTap:
    """The tap that changes nothing, unless something is to go wrong."""
    if not experiment.faults:
        return RecordedTap(to)
    from chatroom.chatwire.faults.taps import faulty

    return faulty(to, *experiment.faults)


async def run(
    experiment: Experiment,
    *,
    patience: float = PATIENCE,
    passed: Callable[[Sequence[Frame]], None] = lambda _frames: None,
) -> Outcome:
    """Play it. `passed` is given the frames whether or not they show the story.

    `patience`: seconds that anything the scene waits for may take. Raises NotShown.
    """
    problem: NotShown | None = None
    frames: list[Frame] = []
    stage: Stage | None = None
    try:
        async with experiment.server() as server, _tap(experiment, server.address) as tap:
            stage = Stage(server, tap, patience)
            try:
                async with asyncio.timeout(SCENE_SECONDS):
                    await experiment.scene(stage)
            finally:
                frames = list(tap.frames)
    except (DidNotHappen, ServerDidNotStart) as error:
        problem = NotShown(str(error))
    except TimeoutError:
        problem = NotShown(f"the scene was not over after {SCENE_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - a scene fails in as many ways as a network does
        problem = NotShown(f"the scene broke off: {type(error).__name__}: {error}")
    passed(frames)
    names = stage.names if stage else {}
    try:
        shown = check(experiment.story, frames, names)
    except NotShown as missing:
        # The step says most; why the scene came no further, the rest.
        raise NotShown(f"{missing} ({problem})" if problem else str(missing)) from problem
    if problem:
        raise problem
    return Outcome(experiment=experiment, frames=frames, names=names, shown=shown)
