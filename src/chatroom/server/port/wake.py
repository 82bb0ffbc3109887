"""Waking one waiter."""

from __future__ import annotations

import asyncio


class Wake:
    """Wakes one waiter. What happened is seen in the state, so none is ever lost.

    Unlike asyncio.Event it costs one small object while nobody waits: there is one for
    each member.
    """

    __slots__ = ("_loop", "_waiter")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake the waiter, if there is one."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Wait for the next `set`."""
        self._waiter = self._loop.create_future()
        await self._waiter
