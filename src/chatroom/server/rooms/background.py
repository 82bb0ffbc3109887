"""What is done as a whole, also when whoever asked for it has gone away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Tasks that nobody's cancellation ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have it done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Have all of it done, and wait for that."""
        return await asyncio.shield(self.begin(work))

    async def over(self) -> None:
        """Wait for what goes on."""
        if self._tasks:
            await asyncio.wait(self._tasks)
