"""The loops that each test runs on, and certificates, once for all tests of the port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.certificates import Pair, authority, signed
from tests.server.port.http1_server import Run, loops, run_on


@pytest.fixture(params=loops())
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function on one of the loops."""
    factory: Callable[[], Any] = request.param
    return run_on(factory)


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="session")
def localhost(ca: Pair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    directory: Path = tmp_path_factory.mktemp("localhost")
    return signed(directory, ca, "localhost")
