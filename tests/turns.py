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
IDLE_TURNS = 100
IDLE_SECONDS = 0.001
long_turns: list[float] = []
"""Seconds of each long turn, until somebody takes them."""


class WatchedSelector(selectors.DefaultSelector):
    """Between two waits of the loop for events lies a turn.

    A test that looks in each turn whether something is so keeps the loop from waiting: after
    some turns without an event it waits all the same, for an event or a moment.
    """

    _since: float | None = None
    _idle = 0
    """Turns in a row for which no event was waited for, and none came."""

    def select(self, timeout: float | None = None) -> Any:
        if self._since is not None:
            took = time.perf_counter() - self._since
            if took > LONG_SECONDS:
                long_turns.append(took)
        waits = timeout is None or timeout > 0
        if not waits and self._idle >= IDLE_TURNS:
            timeout = IDLE_SECONDS
        found = super().select(timeout)
        self._idle = 0 if waits or found else self._idle + 1
        self._since = time.perf_counter()
        return found


def watched_loop() -> asyncio.AbstractEventLoop:
    """asyncio's own loop, watched."""
    return asyncio.SelectorEventLoop(WatchedSelector())
