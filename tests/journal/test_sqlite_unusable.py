"""Files that the SQLite journal cannot use: a sentence, and the file as it was."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chatroom.journal import JournalUnusable
from chatroom.journal.sqlite import SCHEMA_VERSION, SQLiteJournal, backup, redo, repair
from chatroom.journal.sqlite.opening import prepare, why_unreadable, why_unusable
from chatroom.journal.sqlite.rows_of_before import believed
from tests.journal.sqlite_files import fill, killed, opened, rooms_of


def unusable(path: Path) -> str:
    """Why the file cannot be used; it is as it was."""
    before = path.read_bytes() if path.exists() else None

    async def scene() -> str:
        journal = SQLiteJournal(path)
        try:
            with pytest.raises(JournalUnusable) as refusal:
                await journal.open()
            return str(refusal.value)
        finally:
            await journal.close()

    sentence = asyncio.run(scene())
    assert before == (path.read_bytes() if path.exists() else None)
    assert "\n" not in sentence
    return sentence


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A file with rooms and entries that no server uses."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        await fill(journal)
        await journal.close()

    asyncio.run(scene())
    return tmp_path / "j.db"


def test_a_newer_schema(filled: Path) -> None:
    """Only a newer chatserver knows what is in it."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE schema SET version = ?", (SCHEMA_VERSION + 1,))
        connection.commit()
    assert "use a newer chatserver" in unusable(filled)


@pytest.mark.parametrize("table", ["theirs (x)", "schema (x)"])
def test_another_programs_database(tmp_path: Path, table: str) -> None:
    """It is not even switched to write-ahead logging."""
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        connection.execute(f"CREATE TABLE {table}")
    assert "a database of something else" in unusable(tmp_path / "j.db")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A text, a picture, whatever it is."""
    (tmp_path / "j.db").write_bytes(b"not a database" * 100)
    assert f"{tmp_path / 'j.db'} is not a database; move it away" in unusable(tmp_path / "j.db")


def test_a_file_that_ends_too_early(filled: Path) -> None:
    """A copy that was broken off."""
    with filled.open("r+b") as file:
        file.truncate(filled.stat().st_size // 2)
    assert "is damaged" in unusable(filled)


def test_pages_that_were_overwritten(filled: Path) -> None:
    """All but the first, with what is no page of a database."""
    size = filled.stat().st_size
    with filled.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    assert "is damaged" in unusable(filled)
    assert "put a backup in its place" in unusable(filled)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "file").touch()
    assert "cannot open" in unusable(tmp_path / "file" / "j.db")


def test_a_directory_where_the_file_should_be(tmp_path: Path) -> None:
    """Opened as a file, it is refused by the system."""
    (tmp_path / "j.db").mkdir()

    async def scene() -> str:
        journal = SQLiteJournal(tmp_path / "j.db")
        with pytest.raises(JournalUnusable) as refusal:
            await journal.open()
        await journal.close()
        return str(refusal.value)

    assert "cannot open" in asyncio.run(scene())


def test_a_write_ahead_log_of_the_file_that_was_there_before(tmp_path: Path, filled: Path) -> None:
    """Who restores a backup after a kill may leave it there; SQLite would apply it."""

    async def scene() -> Path:
        journal, _ = await opened(filled)
        await journal.append([])
        left = killed(filled, tmp_path / "killed.db")
        await journal.close()
        return left

    left = asyncio.run(scene())
    left.unlink()
    backup(filled, left)
    assert "move it away" in unusable(left)
    left.with_name("killed.db-wal").unlink()
    assert ["one", "two"] == [room.facts.room_id for room in rooms_of(left)]


def test_after_a_refusal_the_file_is_free(filled: Path) -> None:
    """Neither the lock file nor SQLite's locks are kept."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE schema SET version = version + 1")
        connection.commit()
        unusable(filled)
        connection.execute("UPDATE schema SET version = version - 1")
        connection.commit()
    assert 2 == len(rooms_of(filled))


def test_a_redo_log_that_cannot_be_read(filled: Path) -> None:
    """Starting without it would lose what is only there."""
    log = filled.with_name(filled.name + redo.SUFFIXES[1])
    log.mkdir()
    assert f"cannot read {log} (Is a directory)" in unusable(filled)


@pytest.mark.parametrize("change", ["DELETE FROM schema", "UPDATE schema SET version = 0"])
def test_a_version_that_cannot_be(filled: Path, change: str) -> None:
    """Nobody guesses what the tables are; a repair does, by their columns."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute(change)
        connection.commit()
    sentence = unusable(filled)
    assert "is damaged (malformed schema version)" in sentence
    assert "run `chatserver repair`" in sentence
    assert repair(filled).kept is not None
    assert ["one", "two"] == [room.facts.room_id for room in rooms_of(filled)]


def test_a_redo_log_that_cannot_be_written(filled: Path, tmp_path: Path) -> None:
    """The second file of it has no place: the first is let go of, and nothing is lost."""
    log = filled.with_name(filled.name + redo.SUFFIXES[1])
    log.symlink_to(tmp_path / "gone" / "redo")

    async def refused() -> str:
        journal = SQLiteJournal(filled)
        with pytest.raises(JournalUnusable) as refusal:
            await journal.open()
        await journal.close()
        return str(refusal.value)

    assert f"cannot open {filled}: No such file or directory ({log})" in asyncio.run(refused())
    log.unlink()
    assert ["e1", "e1"] == [room.facts.epoch for room in rooms_of(filled)]


def test_a_place_without_a_write_ahead_log(tmp_path: Path) -> None:
    """As of some network file systems: without it readers and the writer would wait."""
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        pytest.raises(JournalUnusable, match=r"cannot use write-ahead logging .* a local disk"),
    ):
        prepare(connection, tmp_path / "j.db", believed)


def locked(path: Path) -> None:
    """Written to while somebody else writes."""
    with closing(sqlite3.connect(path)) as other, closing(sqlite3.connect(path, 0)) as connection:
        other.execute("BEGIN IMMEDIATE")
        connection.execute("BEGIN IMMEDIATE")


def read_only(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("DELETE FROM run")


def full(path: Path) -> None:
    """A database that may not grow is to SQLite a disk that is full."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE more AS SELECT zeroblob(1 << 20)")


def not_there(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}-gone?mode=rw", uri=True)) as connection:
        connection.execute("DELETE FROM run")


def another(path: Path) -> None:
    """What nobody thought of."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run SET state = NULL")


@pytest.mark.parametrize(
    ("attempt", "sentence", "to_read"),
    [
        (locked, "is locked by another program (an open sqlite3 shell?)", "is locked by another"),
        (read_only, "cannot write to ", "do this as the user who runs the server"),
        (not_there, "cannot write to ", "do this as the user who runs the server"),
        (full, "the disk is full; free some space", "the disk is full"),
        (another, "cannot use ", "cannot use "),
    ],
)
def test_what_sqlite_says_becomes_what_to_do(
    filled: Path, attempt: Callable[[Path], None], sentence: str, to_read: str
) -> None:
    """For whoever starts a server, and for whoever only looks at the file."""
    with pytest.raises(sqlite3.Error) as failed:
        attempt(filled)
    assert sentence in why_unusable(filled, failed.value)
    assert to_read in why_unreadable(filled, failed.value)
    assert str(filled) in why_unusable(filled, failed.value)
