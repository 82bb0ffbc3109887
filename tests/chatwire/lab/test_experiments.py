"""Every experiment shows what its text says, and docs/experiments says what they show."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from chatroom.chatwire.lab.catalogue import experiments
from chatroom.chatwire.lab.diagram import diagram, same
from chatroom.chatwire.lab.pages import index, page, stable
from chatroom.chatwire.lab.running import Outcome, run
from tests.chatwire.lab.forked import marked, quick

PAGES = Path(__file__).parents[3] / "docs" / "experiments"
ADVICE = "run `make experiments`, and look at what it changes"


@pytest.fixture(scope="module", params=marked(experiments()))
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """Of an experiment that is run once, for both tests. Raises NotShown."""
    return asyncio.run(run(quick(cast(str, request.param))))


def test_every_step_has_its_frames(outcome: Outcome) -> None:
    """Running it checks the story, and fails with the step that is not shown."""
    experiment = outcome.experiment
    assert list(experiment.story) == [shown.step for shown in outcome.shown]
    assert all(len(one.step.shows) == len(one.frames) for one in outcome.shown)
    assert all(step.shows for step in experiment.story)


def test_the_page_is_what_a_run_shows(outcome: Outcome) -> None:
    """But for times, ports and the like."""
    written = PAGES / f"{outcome.experiment.name}.md"
    assert written.exists(), ADVICE
    assert stable(written.read_text()) == stable(page(outcome)), ADVICE


def test_the_picture_is_what_a_run_shows(outcome: Outcome) -> None:
    """But for the curves, which count bytes."""
    drawn = PAGES / f"{outcome.experiment.name}.svg"
    assert drawn.exists(), ADVICE
    assert same(drawn.read_text(), diagram(outcome)), ADVICE


def test_the_list_is_complete() -> None:
    """docs/experiments/README.md lists all, and there is no page without an experiment."""
    assert (PAGES / "README.md").read_text() == index(experiments().values()), ADVICE
    assert {*experiments(), "README"} == {path.stem for path in PAGES.glob("*.md")}
    assert {*experiments()} == {path.stem for path in PAGES.glob("*.svg")}
