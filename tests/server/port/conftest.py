"""Each test here runs on every loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server.port.http1_server import Run, loops, run_on


@pytest.fixture(params=loops())
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function on one of the loops."""
    factory: Callable[[], Any] = request.param
    return run_on(factory)
