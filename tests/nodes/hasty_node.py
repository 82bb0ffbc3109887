"""A chatserver over PostgreSQL with the fault that the tests of nodes are there to find.

It shows messages before they are stored: its journal says "stored" at once, and stores up to
50 ms later, if others were not quicker.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from chatroom.journal import Append, JournalError, postgres
from chatroom.server import cli

LATE_SECONDS = 0.05


class HastyJournal(postgres.PostgresJournal):
    """Acknowledges what it is going to store."""

    async def append(self, appends: Sequence[Append]) -> None:
        """Acknowledge at once."""
        self.late = asyncio.create_task(self._store_late(appends, getattr(self, "late", None)))

    async def _store_late(
        self, appends: Sequence[Append], before: asyncio.Task[None] | None
    ) -> None:
        await asyncio.sleep(LATE_SECONDS)
        if before is not None:
            await before
        with contextlib.suppress(JournalError):
            await super().append(appends)


if __name__ == "__main__":
    postgres.PostgresJournal = HastyJournal  # type: ignore[misc]
    cli.main()
