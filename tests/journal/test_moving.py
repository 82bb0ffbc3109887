"""All that a journal keeps, moved to PostgreSQL and back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from chatroom.core.entry import Kind
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.journal import Append, Journal, JournalUnusable, NonceUsed
from chatroom.journal.copying import CopyFailed, copy
from chatroom.journal.postgres import PostgresJournal
from chatroom.journal.postgres.moving import PostgresSource, PostgresTarget
from chatroom.journal.sqlite import SQLiteJournal
from chatroom.journal.sqlite.moving import SQLiteSource, SQLiteTarget
from tests.journal import postgres_databases
from tests.journal.damaging import a_record
from tests.journal.journals import (
    BIG,
    NOW,
    SECOND,
    entries,
    everything,
    new_room,
    nonced,
    record,
    without_nonces,
)

BAN = Note(NoteKind.BAN, "b", '{"name": "Ève"}')


async def fill(journal: Journal) -> None:
    """Two rooms: one has lost its oldest entries, with nonces that count; the other nothing."""
    await journal.open()
    await new_room(journal, "gone")
    key, other = await new_room(journal, "long"), await new_room(journal, "short")
    log = [nonced(n, f"n{n}", sent=NOW + n) for n in range(1, 1_501)]
    await journal.append([Append(key, log[:1_400]), Append(other, entries(1, 1, kind=Kind.LEFT))])
    await journal.append([Append(key, log[1_400:], notes=[BAN]), Append(SERVER, notes=[BAN])])
    inside, ended = record(1, session=b"1", former=("A", "B")), record(2, session=b"2", ended=NOW)
    await journal.append([Append(key, members=[inside, ended, record(3)])])
    await journal.trim(key, entries=1_200, size=BIG)
    await journal.record([a_record(0) for _ in range(3)])
    await journal.forget_records(NOW)
    await journal.append([Append(key - 1, closes=True)])
    await journal.close()


async def check(journal: Journal, *, epochs: bool = True) -> None:
    """Everything is there, and goes on where it was."""
    long, short = await journal.open()
    assert ("long", "short", "e1") == (long.facts.room_id, short.facts.room_id, long.facts.epoch)
    log = [nonced(n, f"n{n}", sent=NOW + n) for n in range(1, 1_501)]
    kept = log[300:]
    assert (1_500, NOW + 1_500, 301, NOW + 1_500, (BAN,)) == (
        long.newest, long.last_sent, long.oldest, long.active, tuple(long.notes),
    )  # fmt: skip
    assert sum(entry.stored_bytes for entry in kept) == long.size
    assert [record(1, session=b"1", former=("A", "B")), record(3)] == list(long.inside)
    assert (1, 0) == (short.newest, short.active)
    assert without_nonces(kept) == await everything(journal, long.facts.key)
    assert entries(1, 1, kind=Kind.LEFT) == await everything(journal, short.facts.key)
    ended = record(2, session=b"2", ended=NOW)
    assert (long.facts.key, ended) == await journal.session(b"2")
    assert [BAN] == list(await journal.server_notes())
    assert [a_record(n) for n in (1, 2, 3)] == await journal.records(after=0, count=9)
    again = [nonced(1_501, "n5", sent=NOW + SECOND), nonced(1_502, "n700", sent=NOW + SECOND)]
    with pytest.raises(NonceUsed) as refused:
        await journal.append([Append(long.facts.key, again)])
    assert {(e.author, e.nonce): e for e in (log[4], log[699])} == dict(refused.value.used)
    await journal.append([Append(long.facts.key, entries(1_501, 1))])
    await journal.record([a_record(0)])
    assert [4] == [each.number for each in await journal.records(after=3, count=9)]
    assert await new_room(journal, "new") > short.facts.key
    await journal.close()


def test_everything_moves_to_postgresql_and_back(tmp_path: Path) -> None:
    """Rooms, sequences, epochs, sessions, nonces, notes and records; what was left is left."""

    async def running() -> None:
        await postgres_databases.empty()
        first, second = tmp_path / "a.db", tmp_path / "b.db"
        url = postgres_databases.own()
        await fill(SQLiteJournal(first))
        await (journal := PostgresJournal(url)).open()
        await journal.close()
        source, target = await SQLiteSource.open(first), await PostgresTarget.open(url)
        done = await copy(source, target)
        assert (2, 1_201, 3, 3) == (done.rooms, done.entries, done.members, done.records)
        await source.moved("PostgreSQL here")
        await target.close()
        await source.close()
        with pytest.raises(JournalUnusable, match="was moved to PostgreSQL here; name that"):
            await SQLiteJournal(first).open()
        back, other = await PostgresSource.open(url), await SQLiteTarget.open(second)
        await copy(back, other)
        await back.close()
        await other.close()
        # Whoever reads a file beside its server may leave these two.
        left = {path.name for path in tmp_path.iterdir()} - {"a.db-shm", "a.db-wal"}
        assert {"a.db", "a.db.lock", "a.db.moved", "b.db"} == left
        await check(PostgresJournal(url))
        await check(SQLiteJournal(second))

    asyncio.run(running())


def test_a_source_in_use_and_a_target_in_use_are_refused(tmp_path: Path) -> None:
    """Nothing is copied; what was moved starts no server, until somebody says otherwise."""

    async def running() -> None:
        await postgres_databases.empty()
        file, url = tmp_path / "a.db", postgres_databases.own()
        sqlite, postgres = SQLiteJournal(file), PostgresJournal(url)
        await sqlite.open()
        await postgres.open()
        await new_room(postgres)
        with pytest.raises(JournalUnusable, match="in use"):
            await SQLiteSource.open(file)
        with pytest.raises(CopyFailed, match="already"):
            await SQLiteTarget.open(file)
        with pytest.raises(CopyFailed, match="stop all servers"):
            await PostgresSource.open(url)
        with pytest.raises(CopyFailed, match="already"):
            await PostgresTarget.open(url)
        await sqlite.close()
        await postgres.close()
        source = await PostgresSource.open(url)
        await source.moved("there")
        await source.close()
        with pytest.raises(JournalUnusable, match="moved to there"):
            await PostgresJournal(url).open()
        await postgres_databases.not_moved()
        await (again := PostgresJournal(url)).open()
        await again.close()

    asyncio.run(running())


def test_a_damaged_file_is_not_copied(tmp_path: Path) -> None:
    """It is repaired first: what is lost is to be seen before it is moved."""

    async def running() -> None:
        await postgres_databases.empty()
        file, url = tmp_path / "a.db", postgres_databases.own()
        journal = SQLiteJournal(file)
        await journal.open()
        key = await new_room(journal)
        text = b"a message of its own kind"
        told = [replace(entry, envelope=text) for entry in entries(1, 3)]
        await journal.append([Append(key, told)])
        await journal.close()
        octets = file.read_bytes()
        file.write_bytes(octets.replace(text, text[::-1], 1))
        await (empty := PostgresJournal(url)).open()
        await empty.close()
        source, target = await SQLiteSource.open(file), await PostgresTarget.open(url)
        with pytest.raises(CopyFailed, match="chatserver repair"):
            await copy(source, target)
        await target.close()
        await source.close()
        left = PostgresJournal(url)
        assert [] == await left.open()
        await left.close()

    asyncio.run(running())
