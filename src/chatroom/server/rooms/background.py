"""What is done as a whole, also when whoever asked for it has gone away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from chatroom.core.refusals import Refusal

T = TypeVar("T")

log = logging.getLogger(__name__)


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
        task = self.begin(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_unheard)
            raise
        finally:
            del task  # it holds its error, whose traceback holds this frame

    async def over(self) -> None:
        """Wait for what goes on."""
        if self._tasks:
            await asyncio.wait(self._tasks)


def _unheard(task: asyncio.Task[Any]) -> None:
    """Whoever asked for it has gone: a refusal is nobody's any more, and a fault is for the log."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, Refusal):
        log.error("what nobody waits for any more failed", exc_info=error)
