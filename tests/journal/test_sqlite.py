"""What is special about the SQLite journal: it is still there afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from chatroom.journal import Append, JournalError, JournalUnusable, StoredRoom
from chatroom.journal.sqlite import SCHEMA_VERSION, SQLiteJournal
from tests.journal.journals import BIG, a_room, entries


async def opened(path: Path) -> tuple[SQLiteJournal, list[StoredRoom]]:
    journal = SQLiteJournal(path)
    return journal, await journal.open()


def unusable(path: Path) -> str:
    """Why the file cannot be used."""

    async def scene() -> str:
        journal = SQLiteJournal(path)
        try:
            with pytest.raises(JournalUnusable) as refusal:
                await journal.open()
            return str(refusal.value)
        finally:
            await journal.close()

    return asyncio.run(scene())


def test_rooms_and_entries_survive_a_restart(tmp_path: Path) -> None:
    """With their facts, their sequences and their order."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        one = await journal.create_room(a_room("one"))
        two = await journal.create_room(a_room("two"))
        await journal.append([Append(one.facts.key, entries(1, 300))])
        await journal.close()
        journal, rooms = await opened(tmp_path / "j.db")
        last = entries(300, 1)[0]
        assert [StoredRoom(one.facts, 300, last.sent), two] == rooms
        assert entries(1, 300) == await journal.read(one.facts.key, after=0, entries=999, size=BIG)
        await journal.append([Append(one.facts.key, entries(301, 1))])
        await journal.close()

    asyncio.run(scene())


def test_closed_rooms_are_gone_after_a_restart(tmp_path: Path) -> None:
    """A purge that did not come to its end is finished at the next start."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = (await journal.create_room(a_room())).facts.key
        await journal.append([Append(key, entries(1, 3), closes=True)])
        await journal.close()
        journal, rooms = await opened(tmp_path / "j.db")
        assert [] == rooms
        assert [] == await journal.read(key, after=0, entries=9, size=BIG)
        anew = (await journal.create_room(a_room())).facts.key
        assert key != anew
        await journal.close()

    asyncio.run(scene())


def test_what_people_said_is_theirs_alone(tmp_path: Path) -> None:
    """Neither the directory that is made nor the file can be read by others."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "new" / "j.db")
        await journal.close()

    asyncio.run(scene())
    assert 0o700 == stat.S_IMODE((tmp_path / "new").stat().st_mode)
    assert 0o600 == stat.S_IMODE((tmp_path / "new" / "j.db").stat().st_mode)


def test_a_second_server_on_the_same_file_is_told_at_once(tmp_path: Path) -> None:
    """Two writers would number entries twice."""

    async def scene() -> str:
        journal, _ = await opened(tmp_path / "j.db")
        second = SQLiteJournal(tmp_path / "j.db")
        with pytest.raises(JournalUnusable) as refusal:
            await second.open()
        await second.close()
        await journal.close()
        return str(refusal.value)

    assert "in use by another chatserver" in asyncio.run(scene())


def test_a_newer_schema_is_not_touched(tmp_path: Path) -> None:
    """A journal of a newer chatserver is refused with the advice to use that."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        await journal.close()

    asyncio.run(scene())
    with sqlite3.connect(tmp_path / "j.db") as connection:
        connection.execute("UPDATE schema SET version = ?", (SCHEMA_VERSION + 1,))
    connection.close()
    assert "use a newer chatserver" in unusable(tmp_path / "j.db")


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    """It has tables, and none of them is ours."""
    connection = sqlite3.connect(tmp_path / "j.db")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    assert "a database of something else" in unusable(tmp_path / "j.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """The sentence names the file; the file stays as it is."""
    (tmp_path / "j.db").write_bytes(b"not a database" * 100)
    assert str(tmp_path / "j.db") in unusable(tmp_path / "j.db")
    assert b"not a database" * 100 == (tmp_path / "j.db").read_bytes()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "file").touch()
    assert "cannot open" in unusable(tmp_path / "file" / "j.db")


def test_using_it_before_it_is_open_is_an_error_of_the_journal(tmp_path: Path) -> None:
    """Not one of SQLite's, which nobody above knows."""

    async def scene() -> None:
        journal = SQLiteJournal(tmp_path / "j.db")
        with pytest.raises(JournalError, match="not open"):
            await journal.append([Append(1, entries(1, 1))])
        await journal.close()

    asyncio.run(scene())
