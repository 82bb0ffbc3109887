"""Calls that are being answered, so that stopping can wait for the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class InFlight:
    """Counts the calls of some paths; those of others may last as long as their clients."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self.count = 0
        """How many are being answered."""
        self._none = asyncio.Event()
        self._none.set()

    def begin(self, path: str) -> None:
        """A call has come; `end` must follow."""
        if path in self._paths:
            self.count += 1
            self._none.clear()

    def end(self, path: str) -> None:
        """It is over: its last byte is with the HTTP/2 layer, or nobody wants it."""
        if path in self._paths:
            self.count -= 1
            if not self.count:
                self._none.set()

    async def none(self) -> None:
        """Return once no call is being answered."""
        await self._none.wait()
