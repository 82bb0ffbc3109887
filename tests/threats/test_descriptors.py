"""A server that has no descriptor left: open streams go on, and it accepts again once it has."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.floods.attacker import Attacker
from tests.floods.siege import RETURN_SECONDS, besieged, chatserver

LIMITED = 'ulimit -n "$0"; exec "$@"'
WANT = 200
CASES = {
    "at the limit of the system": (70, 70, "cannot accept a connection: Too many open files"),
    "at its own": (400, 144, "accepts nobody until somebody goes: 144 connections are open"),
}
"""How many descriptors there may be, how many are in use at least when none is accepted any
more, and what the log says then. A server keeps 256 for itself, if it has so many."""


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_descriptor_is_left(
    case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log says so, once in a minute; the pair, and its journal, notice nothing."""
    limit, used, line = CASES[case]
    inside = ["sh", "-c", LIMITED, str(limit)]
    with chatserver(tmp_path / "data", inside=inside) as server:
        with besieged(server, f"no descriptor left, {case}") as siege:
            for _ in range(WANT):
                siege.speechless()
            deadline = time.monotonic() + RETURN_SECONDS
            while server.descriptors() < used:
                assert time.monotonic() < deadline
            siege.hold(seconds=2)
            siege.outcomes.append(f"{server.descriptors()} descriptors")
            assert server.descriptors() <= limit
        late = Attacker.greeting(server.port)
        assert late.answers()
        late.close()
    assert 1 == capfd.readouterr().err.count(line)
