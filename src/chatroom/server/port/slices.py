"""Many things, a few in each turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_slices(things: Iterable[T], size: int) -> AsyncIterator[T]:
    """Each of the things that there are now; after `size` of them others have their turn."""
    for number, thing in enumerate(tuple(things)):
        if number and number % size == 0:
            await asyncio.sleep(0)
        yield thing
