"""An experiment as text for a terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from chatroom.chatwire.lab.prose import clients, faults, items, paragraphs, split
from chatroom.chatwire.lab.transcript import PASSED, transcript
from chatroom.chatwire.show.as_json import as_object
from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.show.line import legend
from chatroom.chatwire.show.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatroom.chatwire.lab.running import Outcome
    from chatroom.chatwire.lab.story import Shown
    from chatroom.chatwire.show.line import Style
    from chatroom.chatwire.show.printer import Show

WIDTH = 88


def as_text(outcome: Outcome, show: Show, style: Style, *, everything: bool) -> Iterator[str]:
    """Lines to print, each ended by a newline.

    The story's frames under the steps they show; with `everything` all frames that `show`
    wants in the order in which they passed, each with the title of the step it shows. Its
    prose is left out: steps need not be in that order, and their frames not be among those.
    """
    experiment = outcome.experiment
    yield f"{experiment.title}\n{'=' * len(experiment.title)}\n\n"
    yield f"{paragraphs(experiment.intro, WIDTH)}\n\n"
    if experiment.faults:
        lines = "".join(f"    {line}\n" for line in faults(experiment.faults))
        yield f"What goes wrong is the work of the tap:\n{lines}\n"
    since = "the line before" if everything else PASSED
    who = f"{clients(outcome.names)}. The columns: {legend(style.arrows, since)}."
    yield f"{paragraphs(who, WIDTH)}\n"
    if everything:
        yield from _all(outcome, show, style)
    else:
        for shown in outcome.shown:
            yield from _step(shown)
            yield from transcript(shown, style)
    yield f"\nWhy\n---\n{paragraphs(experiment.why, WIDTH)}\n"
    yield f"\nTry next\n--------\n{items(split(experiment.try_next), WIDTH)}\n"
    read = (f"{one.title}: {one.about} <{one.address}>" for one in experiment.references)
    yield f"\nRead\n----\n{items(read, WIDTH)}\n"
    count = len({frame.number for shown in outcome.shown for frame in shown.frames})
    if everything:
        yield f"\nWhat the steps show, in their order: chatwire lab {experiment.name}\n"
    else:
        yield f"\n{count} of the {len(outcome.frames)} frames that passed are shown; all of "
        yield f"them, in order: chatwire lab {experiment.name} --all\n"
    if show.summary:
        yield _summary(outcome).as_text()


def as_json(outcome: Outcome, show: Show) -> Iterator[str]:
    """A line for each frame as the tap prints it, with the numbers of the steps it shows.

    Then one with the member `experiment`: the story.
    """
    of_frame: dict[int, list[int]] = {}
    for shown in outcome.shown:
        for frame in shown.frames:
            of_frame.setdefault(frame.number, []).append(shown.number)
    for frame in outcome.frames:
        if show.shown.shows(frame):
            yield _line(as_object(frame) | {"steps": of_frame.get(frame.number, [])})
    experiment = outcome.experiment
    told = {
        "name": experiment.name,
        "title": experiment.title,
        "clients": {str(number): who for number, who in outcome.names.items()},
        "steps": [
            {
                "number": shown.number,
                "title": shown.step.title,
                "prose": paragraphs(shown.step.prose, 1 << 30),
                "frames": [frame.number for frame in shown.frames],
            }
            for shown in outcome.shown
        ],
    }
    yield _line({"experiment": told})
    if show.summary:
        yield _summary(outcome).as_json()


def _all(outcome: Outcome, show: Show, style: Style) -> Iterator[str]:
    yield "\n"
    before = 0
    for frame in filter(show.shown.shows, outcome.frames):
        steps = [shown for shown in outcome.shown if frame in shown.frames]
        yield from (f"  step {shown.number}, {shown.step.title}:\n" for shown in steps)
        fuller = style.verbose or any(shown.step.verbose for shown in steps)
        since, before = frame.since_start - before, frame.since_start
        yield replace(style, verbose=fuller).lines(replace(frame, since_last=since))
    if not any(map(show.shown.shows, outcome.frames)):
        yield f"None of the {len(outcome.frames)} frames that passed is one of those asked for.\n"


def _step(shown: Shown) -> Iterator[str]:
    title = f"{shown.number}. {shown.step.title}"
    yield f"\n{title}\n{paragraphs(shown.step.prose, WIDTH, '   ')}\n\n"
    if shown.step.listing:
        lines = shown.step.listing.rstrip().splitlines()
        yield "".join(f"      {harmless(line)}\n" for line in lines) + "\n"


def _summary(outcome: Outcome) -> Summary:
    summary = Summary()
    for frame in outcome.frames:
        summary.take(frame)
    return summary


def _line(written: object) -> str:
    return json.dumps(written, separators=(",", ":")) + "\n"
