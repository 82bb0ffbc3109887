"""Many things, a few in each turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import TypeVar

T = TypeVar("T")

PIECES = 40
"""At most: each is a turn of the loop, which costs as much as some of the things."""


async def spread(things: Collection[T], seconds: float, size: int) -> AsyncIterator[T]:
    """Each of the things that there are now, over so many seconds, even if there are none.

    They come in pieces of `size`, or larger ones where those were more than `PIECES`: who has
    something to do in the meantime waits for one piece and not for all.
    """
    left = tuple(things)
    size = max(size, -(-len(left) // PIECES))
    pause = seconds / max(1, -(-len(left) // size))
    await asyncio.sleep(pause)
    for number, thing in enumerate(left):
        if number and number % size == 0:
            await asyncio.sleep(pause)
        yield thing
