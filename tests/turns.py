"""An event loop that knows how long its turns take.

Whatever runs in a turn holds up everybody whom the loop serves. Long ones are printed after
the tests; they decide nothing, since a busy machine makes some.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

LONG_SECONDS = 0.05
long_turns: list[float] = []
"""Seconds of each long turn, until somebody takes them."""


class WatchedSelector(selectors.DefaultSelector):
    """Between two waits of the loop for events lies a turn."""

    _since: float | None = None

    def select(self, timeout: float | None = None) -> Any:
        if self._since is not None:
            took = time.perf_counter() - self._since
            if took > LONG_SECONDS:
                long_turns.append(took)
        found = super().select(timeout)
        self._since = time.perf_counter()
        return found


def watched_loop() -> asyncio.AbstractEventLoop:
    """asyncio's own loop, watched."""
    return asyncio.SelectorEventLoop(WatchedSelector())
