"""A chatserver with the fault that the tests of durability are there to find.

It shows messages before they are stored: its journal says "stored" at once and writes
up to 50 ms later. Whoever kills it loses what was shown meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatroom.journal import Append
from chatroom.journal.sqlite import SQLiteJournal
from chatroom.server import cli, service

LATE_SECONDS = 0.05


class HastyJournal(SQLiteJournal):
    """Stores what it has acknowledged, all of it and in order, but later."""

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__(path, **settings)
        self._late: list[Append] = []
        self._one_at_a_time = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    async def append(self, appends: Sequence[Append]) -> None:
        """Acknowledge at once."""
        self._late += appends
        task = asyncio.create_task(self._store_late())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _store_late(self) -> None:
        await asyncio.sleep(LATE_SECONDS)
        async with self._one_at_a_time:
            late, self._late = self._late, []
            for append in late:
                await super().append([append])


if __name__ == "__main__":
    service.SQLiteJournal = HastyJournal
    cli.main()
