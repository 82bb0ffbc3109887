"""Runs it: live on the terminal, or once on paper."""

from __future__ import annotations

import asyncio

from chatroom.wire.addresses import Address

from .figures import Figures
from .frame import View, once
from .grid import plain
from .moment import look

ROWS = 10
"""Of each table on paper."""


async def printed(address: Address, view: View, columns: int) -> list[str]:
    """One frame of `view.interval` seconds, as lines of text. Raises NoFigures."""
    before = await look(address, view.sort)
    await asyncio.sleep(view.interval)
    view.figures = Figures.of(await look(address, view.sort), before)
    return [plain(each) for each in once(view, ROWS, columns)]


async def shown(address: Address, view: View) -> int:
    """Until a key or a signal ends it: 0, or the signal.

    Raises NoFigures if there is nothing to show from the beginning; afterwards it says so on
    the screen, and tries again.
    """
    first = await look(address, view.sort)
    from .live import Live  # not on Windows: it has no such terminals

    return await Live(address, view, first).run()
