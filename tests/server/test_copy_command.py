"""`chatserver copy` as an operator meets it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chatroom.journal import Append
from chatroom.journal.postgres import PostgresJournal
from chatroom.journal.sqlite import SQLiteJournal
from tests.journal import postgres_databases
from tests.journal.journals import entries, new_room
from tests.launch.program import ran

COMMAND = ["-m", "chatroom.server"]


def run(*arguments: str) -> tuple[int, str]:
    """Exit code, and what it says."""
    done = ran([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_a_directory_moves_to_a_database_and_starts_no_server(tmp_path: Path) -> None:
    """Once; it says what was copied, and a start says where it is. A password is never shown."""

    async def fill() -> None:
        await postgres_databases.empty()
        await (made := PostgresJournal(postgres_databases.own())).open()
        await made.close()
        journal = SQLiteJournal(tmp_path / "chatroom.db")
        await journal.open()
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 3))])
        await journal.close()

    asyncio.run(fill())
    url = postgres_databases.own().replace("postgres@", "postgres:secret@")
    code, said = run("copy", "--from", str(tmp_path), "--to", url)
    assert (0, True, False) == (code, "1 rooms, 3 messages" in said, "secret" in said), said
    code, said = run("copy", "--from", str(tmp_path), "--to", url)
    assert (1, True) == (code, "was moved to PostgreSQL 127.0.0.1" in said)
    code, said = run("--bind", "127.0.0.1:0", "--data", str(tmp_path))
    assert (1, True) == (code, "name that by --journal" in said)
