"""Pages that go bad while a server runs, and a disk that takes a part of what is written."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, JournalError, JournalUnusable, SyncMode
from chatroom.journal.sqlite import SQLiteJournal, redo, schema
from chatroom.journal.sqlite.opening import connect
from chatroom.journal.sqlite.writer import Writer
from chatroom.server.calls import encode
from tests.journal.damaging import PAGE, real_entry, write_file
from tests.journal.journals import BIG, entries, everything, new_room
from tests.journal.sqlite_files import enveloped, killed, opened, write_version_1

LEAVES = (10, 13)
"""How the pages of a file begin that lead to no others (SQLite's file format, 1.6)."""


def overwrite_a_page_with(path: Path, text: bytes) -> None:
    """Make nonsense of a page that has the text, in the middle of those that do."""
    octets = path.read_bytes()
    pages = [
        at
        for at in range(PAGE, len(octets), PAGE)
        if octets[at] in LEAVES and text in octets[at : at + PAGE]
    ]
    with path.open("r+b") as file:
        file.seek(pages[len(pages) // 2])
        file.write(b"\xa5" * PAGE)


def test_messages_whose_pages_go_bad_are_read_as_damaged(tmp_path: Path) -> None:
    """Each in its place, in pages of whatever size; what is not on such a page is as it was."""
    path = tmp_path / "j.db"
    logs = write_file(path)

    async def scene() -> None:
        journal = SQLiteJournal(path, sync="off", legible=encode.legible)
        await journal.open()
        overwrite_a_page_with(path, b" in 1 ")
        upwards = await journal.read(1, after=0, entries=BIG, size=BIG)
        assert list(range(51, 201)) == [entry.sequence for entry in upwards]
        lost = {entry.sequence for entry in upwards if entry.kind is Kind.DAMAGED}
        assert 0 < len(lost) < 100
        for entry in upwards:
            assert entry.sequence in lost or logs[1][entry.sequence] == entry
        assert upwards == await journal.read_before(1, before=201, entries=BIG, size=BIG)
        first = min(lost)
        short = await journal.read(1, after=first - 1, entries=BIG, size=1)
        assert [(first, Kind.DAMAGED)] == [(entry.sequence, entry.kind) for entry in short]
        # Where what was said cannot be counted every message counts.
        assert 61 == await journal.said_before(1, before=201, count=140)
        await journal.close()

    asyncio.run(scene())


def test_a_session_whose_page_goes_bad_is_not_known_any_more(tmp_path: Path) -> None:
    """Its member joins anew; nobody is told of an error for it."""
    path = tmp_path / "j.db"
    write_file(path)

    async def scene() -> None:
        journal, _ = await opened(path)
        overwrite_a_page_with(path, b"Bob@example.org")
        assert await journal.session(bytes(32)) is None
        assert 150 == len(await everything(journal, 1))
        await journal.close()

    asyncio.run(scene())


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As on a disk that is full: what is written up to there is, the rest is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("sync", ["full", "off"])
def test_a_disk_that_takes_a_part_of_a_turn_has_none_of_it(tmp_path: Path, sync: SyncMode) -> None:
    """A restart does not find it, and with space the next one stands in its place."""

    async def scene() -> tuple[int, Path]:
        journal, _ = await opened(tmp_path / "j.db", sync)
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 1))])
        log = tmp_path / f"j.db{redo.SUFFIXES[0]}"
        turn = [Append(key, entries(2, 50))]
        with (
            no_file_longer_than(log.stat().st_size + 100),
            pytest.raises(JournalError, match="File too large"),
        ):
            await journal.append(turn)
        partly = killed(tmp_path / "j.db", tmp_path / "partly.db")
        await journal.append([Append(key, entries(2, 1, size=30))])
        stored = [len(entry.envelope) for entry in await everything(journal, key)]
        assert [20, 30] == stored
        await journal.close()
        return key, partly

    async def newest(path: Path) -> int:
        journal, (room,) = await opened(path)
        await journal.close()
        return room.newest

    _, partly = asyncio.run(scene())
    assert 1 == asyncio.run(newest(partly))
    assert 2 == asyncio.run(newest(tmp_path / "j.db"))


def test_the_space_of_a_burst_is_given_back(tmp_path: Path) -> None:
    """The redo log is no longer than 4 MiB once its turn has come again."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        logs = [tmp_path / f"j.db{suffix}" for suffix in redo.SUFFIXES]
        (big,) = entries(1, 1, size=5 << 20)
        await journal.append([Append(key, [big])])
        await journal.settle()
        assert 5 << 20 < max(log.stat().st_size for log in logs)
        for sequence in (2, 3):
            await journal.append([Append(key, entries(sequence, 1))])
            await journal.settle()
        assert max(log.stat().st_size for log in logs) < 1 << 20
        assert 3 == len(await everything(journal, key))
        await journal.close()

    asyncio.run(scene())


def has_begun_and_is_stopped(writer: Writer) -> bool:
    """Have the writer refuse to write, once a trim has deleted something."""
    (oldest,) = writer.connection.execute("SELECT oldest FROM room").fetchone()
    if oldest > 1:
        writer.connection.execute("PRAGMA query_only = ON").close()
    return oldest > 1


def test_a_trim_that_fails_tells_what_it_has_deleted(tmp_path: Path) -> None:
    """Else the room would be counted as larger than it is."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        for numbers in (range(1, 5_001), [5_001]):  # the last append says how long a step is
            await journal.append([Append(key, [real_entry(key, n) for n in numbers])])
            await journal.settle()
        trimming = asyncio.create_task(journal.trim(key, entries=1, size=BIG))
        while not await journal._write(has_begun_and_is_stopped):
            pass
        trimmed = await trimming
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = OFF").close())
        (oldest,) = await journal.read(key, after=0, entries=1, size=1)
        assert 1 < oldest.sequence < 5_000
        assert oldest.sequence == trimmed.oldest
        freed = sum(real_entry(key, n).stored_bytes for n in range(1, oldest.sequence))
        assert freed == trimmed.freed
        await journal.close()

    asyncio.run(scene())


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """With space the next start does it, and nothing is lost."""
    path = tmp_path / "j.db"
    told = enveloped(entries(1, 2_000, size=200))
    write_version_1(path, {"one": told})
    assert 300_000 < path.stat().st_size

    async def scene() -> list[Entry]:
        journal = SQLiteJournal(path)
        with no_file_longer_than(34_000), pytest.raises(JournalUnusable) as refused:
            await journal.open()
        await journal.close()
        assert "j.db: " in str(refused.value)
        with closing(sqlite3.connect(path)) as connection:
            assert [(1,)] == connection.execute("SELECT version FROM schema").fetchall()
        journal, _ = await opened(path)
        found = await everything(journal, 1)
        await journal.close()
        return found

    assert told == asyncio.run(scene())


def test_an_upgrade_that_is_broken_off_leaves_nothing_open(tmp_path: Path) -> None:
    """Whatever ends it: the file is of the version that it was, in all its tables."""
    path = tmp_path / "j.db"
    write_version_1(path, {"one": entries(1, 3)})

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with closing(connect(path)) as connection:
        before = schema.columns(connection)
        with pytest.raises(sqlite3.OperationalError, match="is full"):
            schema.upgrade(connection, 1, full)
        assert not connection.in_transaction
        assert (1, before) == (schema.version_of(connection), schema.columns(connection))


def test_a_server_that_cannot_say_that_it_ended_in_order_has_not(tmp_path: Path) -> None:
    """A full disk at the end: nothing is lost, but the next start takes no sequence for seen."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 3))])
        await journal.settle()
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = ON").close())
        await journal.close()
        journal, (room,) = await opened(tmp_path / "j.db")
        assert "e1" != room.facts.epoch
        assert entries(1, 3) == await everything(journal, key)
        await journal.close()

    asyncio.run(scene())
