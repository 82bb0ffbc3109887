"""Promise 1 over PostgreSQL: what anybody was shown survives `kill -9` of the server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.journal import postgres_databases

from .load import Load, missing
from .server_process import serving

ROOMS = ["kill-1", "kill-2"]
AT_LEAST = 300
"""Entries shown before it is killed."""


def test_nothing_that_was_shown_is_lost_by_a_kill(tmp_path: Path) -> None:
    """A server begins where the killed one has ended, without waiting for its lease."""

    async def running() -> None:
        await postgres_databases.empty()
        load = Load()
        with serving("--journal-file", str(address), "--message-rate", "0") as server:
            async with load.on(server.port, ROOMS):
                await load.shown_reaches(AT_LEAST)
                server.process.kill()
                await asyncio.to_thread(server.exit_code)
        with serving("--journal-file", str(address)) as server:
            assert [] == await missing(server.port, ROOMS, load.shown)
        assert [] == load.repeated

    address = tmp_path / "journal"
    address.write_text(postgres_databases.own())
    asyncio.run(running())
