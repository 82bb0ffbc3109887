"""A PostgreSQL that is stopped and started again, with a password, and with a standby's name."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chatroom.journal import Append, JournalError, JournalUnusable
from chatroom.journal.postgres import Patience, PostgresJournal
from tests.journal.journals import entries, everything, new_room, record
from tests.journal.postgres_server import QUICK, WHY_NOT, Server, programs


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, which asks the role "locked" for a password."""
    if programs() is None:
        pytest.skip(WHY_NOT)
    # Not in the test's directory: the server runs as somebody who may not enter it.
    directory = Path(tempfile.mkdtemp(prefix="chatroom-postgres-"))
    server = Server(directory, *QUICK)
    server.make()
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(directory)


@pytest.mark.parametrize("how", [2, 3], ids=["stopped", "crashed"])
def test_what_cannot_be_stored_is_refused_until_the_database_is_back(
    server: Server, how: int
) -> None:
    """The journal stays as it is, and needs no restart; nothing of before is lost."""

    async def running() -> None:
        patience = Patience(connect=5, doubt=0.3, renew=0.1)
        # The first host is none: the driver goes on to the next.
        url = server.url().replace("@", "@127.0.0.1:1,") + "?target_session_attrs=read-write"
        journal = PostgresJournal(url, patience=patience)
        await journal.open()
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 1), members=[record(1, session=b"1")])])
        await asyncio.to_thread(server.stop, how=how)
        for _ in range(2):
            with pytest.raises(JournalError):
                await journal.append([Append(key, entries(2, 1))])
            with pytest.raises(JournalError):
                await journal.session(b"1")
        await asyncio.to_thread(server.start)
        await journal.append([Append(key, entries(2, 1))])
        assert entries(1, 2) == await everything(journal, key)
        assert (key, record(1, session=b"1")) == await journal.session(b"1")
        # Between two appends nobody notices: the next one asks again.
        await asyncio.to_thread(server.stop, how=how)
        await asyncio.to_thread(server.start)
        await journal.append([Append(key, entries(3, 1))])
        assert entries(1, 3) == await everything(journal, key)
        await journal.close()

    asyncio.run(running())


def test_a_wrong_password_is_told_in_a_sentence(server: Server) -> None:
    """And neither it nor the right one is shown."""

    async def running() -> None:
        raw = await asyncpg.connect(server.url())
        await raw.execute("CREATE ROLE locked SUPERUSER LOGIN PASSWORD 'right secret'")
        await raw.close()
        journal = PostgresJournal(server.url(user="locked:wrong%20secret"))
        with pytest.raises(JournalUnusable) as refused:
            await journal.open()
        assert "check user and password" in str(refused.value)
        assert "secret" not in f"{refused.value} {journal.name}"
        right = PostgresJournal(server.url(user="locked:right%20secret"))
        assert [] == await right.open()
        await right.close()

    asyncio.run(running())
