"""One write for a connection and a turn of the loop, whatever the number of its streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Flush = Callable[[], None]


class Turns:
    """Connections that have something to write, flushed together when the turn is over."""

    __slots__ = ("_loop", "_scheduled", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Flush] = []
        self._scheduled = False

    def add(self, flush: Flush) -> None:
        """Call `flush` when what is running now has ended."""
        self._waiting.append(flush)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write now."""
        self._scheduled = False
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for flush in waiting:
                flush()
