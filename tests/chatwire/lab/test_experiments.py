"""Every experiment shows what its text says, and docs/experiments says what they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chatroom.chatwire.lab.catalogue import experiments
from chatroom.chatwire.lab.pages import index, page, stable
from chatroom.chatwire.lab.running import Outcome

PAGES = Path(__file__).parents[3] / "docs" / "experiments"
ADVICE = "run `make experiments`, and look at what it changes"


@pytest.mark.parametrize("name", experiments())
def test_every_step_has_its_frames(name: str, outcome_of: Callable[[str], Outcome]) -> None:
    """Running it checks the story, and fails with the step that is not shown."""
    outcome = outcome_of(name)
    experiment = outcome.experiment
    assert list(experiment.story) == [shown.step for shown in outcome.shown]
    assert all(len(one.step.shows) == len(one.frames) for one in outcome.shown)
    assert all(step.shows for step in experiment.story)


@pytest.mark.parametrize("name", experiments())
def test_the_page_is_what_a_run_shows(name: str, outcome_of: Callable[[str], Outcome]) -> None:
    """But for times, ports and the like."""
    written = PAGES / f"{name}.md"
    assert written.exists(), ADVICE
    assert stable(written.read_text()) == stable(page(outcome_of(name))), ADVICE


def test_the_list_is_complete() -> None:
    """docs/experiments/README.md lists all, and there is no page without an experiment."""
    assert (PAGES / "README.md").read_text() == index(experiments().values()), ADVICE
    assert {*experiments(), "README"} == {path.stem for path in PAGES.glob("*.md")}
