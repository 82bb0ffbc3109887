"""How long the tests of faults run: short in CI, at full length under `make soak`."""

from __future__ import annotations

import os

SOAK = bool(os.environ.get("SOAK"))


def scaled(ci: int, soak: int) -> int:
    """The one number or the other."""
    return soak if SOAK else ci


def report(promise: str, figures: str) -> None:
    """Print what was measured; pytest shows it under `make soak`."""
    print(f"\n{promise}: {figures}")
