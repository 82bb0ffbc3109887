"""How long tests run: briefly by `make test`, longer in CI, at full length under `make soak`."""

from __future__ import annotations

import os

SOAK = bool(os.environ.get("SOAK"))
BRIEF = not SOAK and os.environ.get("CI") != "true"


def scaled(ci: int, soak: int, *, brief: int | None = None) -> int:
    """One of the numbers; `brief` is for what takes long already in CI."""
    if SOAK:
        return soak
    return ci if brief is None or not BRIEF else brief


def report(promise: str, figures: str) -> None:
    """Print what was measured; pytest shows it under `make soak`."""
    print(f"\n{promise}: {figures}")
