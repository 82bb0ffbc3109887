"""Cancelling a coroutine at each of its awaits, one after the other."""

from __future__ import annotations

import asyncio
import itertools
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

Scene = Callable[[], Coroutine[Any, Any, None]]


async def cancel_at_each_await(
    scene: Scene, afterwards: Callable[[], Awaitable[None]], *, times: int = 1
) -> int:
    """Play the scene again and again, cancelled at its first, second, … suspension.

    After each `afterwards` looks whether all is well; the last time the scene plays to its
    end. It must end as cancelled before. With `times` it is cancelled at so many
    suspensions in a row. Returns how many suspensions there were.
    """
    for number in itertools.count(1):
        task = asyncio.create_task(_cancelled(scene, range(number, number + times)))
        await asyncio.wait({task})
        if not task.cancelled():
            awaits = task.result()
            assert awaits < number, f"cancelled at await {number}, it went on"
            await afterwards()
            return awaits
        await afterwards()
    raise AssertionError("unreachable")


async def _cancelled(scene: Scene, when: range) -> int:
    """Play the scene, cancelled at these suspensions, and count them."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    awaits = 0

    def suspended() -> None:
        nonlocal awaits
        awaits += 1
        if awaits in when:
            loop.call_soon(task.cancel)

    await _observed(scene(), suspended)
    return awaits


@types.coroutine
def _observed(
    scene: Coroutine[Any, Any, None], suspended: Callable[[], None]
) -> Generator[Any, None, None]:
    """Run the scene; `suspended` is called whenever it waits."""
    error: BaseException | None = None
    while True:
        try:
            waits_for = scene.send(None) if error is None else scene.throw(error)
        except StopIteration:
            return
        error = None
        suspended()
        try:
            yield waits_for
        except BaseException as thrown:  # noqa: BLE001 # it is the scene's
            error = thrown
