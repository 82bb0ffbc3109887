"""Each experiment is run once, however many tests look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache

import pytest

from chatroom.chatwire.lab.running import Outcome, run
from tests.chatwire.lab.forked import quick


@pytest.fixture(scope="session")
def outcome_of() -> Callable[[str], Outcome]:
    """The outcome of an experiment, by name; raises NotShown where it does not show its story."""

    @cache
    def outcome(name: str) -> Outcome:
        return asyncio.run(run(quick(name)))

    return outcome
