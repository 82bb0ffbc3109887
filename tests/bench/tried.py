"""Which servers the tests of the benchmarks run."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

from bench.builds import ROOT
from bench.contestants import BEFORE, PEERS, TOKENS

BUILT = {
    "nats": "nats-server",
    "jetstream": "nats-server",
    "jetstream-sync": "nats-server",
    "centrifugo": "centrifugo",
}
"""Go needs minutes for these: they are tried where `make benchmarks` has built them, and its
self-test tries all that it measures."""


def tried() -> list[str]:
    """Their names; with the two others of ours nothing else would be seen."""
    tools = ROOT / ".tools" / "bin"
    return [
        peer
        for peer in PEERS
        if peer not in {BEFORE, TOKENS}
        and (peer not in BUILT or (tools / BUILT[peer]).exists() or shutil.which(BUILT[peer]))
    ]


def unavailable(reason: Exception) -> NoReturn:
    """Skip the test for want of a server; fail it where CI promises that everything is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))
