"""What is PostgreSQL's own: how a database is opened, found in, and rid of what was withdrawn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from chatroom.core.entry import Kind
from chatroom.core.query import parsed
from chatroom.journal import Append, JournalUnusable
from chatroom.journal.postgres import SCHEMA_VERSION, PostgresJournal
from chatroom.journal.postgres.upkeep import STEP_ROWS
from tests.journal import postgres_databases
from tests.journal.journals import BIG, entries, everything, new_room, record, says, spoken

Raw = asyncpg.Connection


def play(scene: Callable[[PostgresJournal, Raw], Awaitable[None]]) -> None:
    """Run a scene with an open journal, and a connection to look at its tables."""

    async def running() -> None:
        await postgres_databases.empty()
        journal = PostgresJournal(postgres_databases.own(), spoken=spoken)
        await journal.open()
        raw = await asyncpg.connect(postgres_databases.own())
        try:
            await scene(journal, raw)
        finally:
            await raw.close()
            await journal.close()

    asyncio.run(running())


async def why_unusable(url: str) -> str:
    """What a start says that cannot use a database; never the password."""
    journal = PostgresJournal(url)
    with pytest.raises(JournalUnusable) as refused:
        await journal.open()
    await journal.close()
    assert "secret" not in f"{refused.value} {journal.name}"
    return str(refused.value)


# ---- Opening ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/chat", "PostgreSQL 127.0.0.1:1/chat.*is it running"),
        ("postgresql://ann:secret@nowhere.invalid/chat", "check the host"),
        ("postgresql://ann:secret@127.0.0.1:x/chat", "check the connection string"),
        ("mysql://ann:secret@127.0.0.1/chat", "check the connection string"),
    ],
)
def test_what_cannot_be_reached_is_told_in_a_sentence(url: str, told: str) -> None:
    """With what to do about it."""
    assert re.search(told, asyncio.run(why_unusable(url)))


def test_a_database_that_cannot_be_used_is_told_in_a_sentence() -> None:
    """It is missing, may not be written to, keeps no UTF-8, or has tables of something else."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        base = postgres_databases.shared()
        assert "create the database" in await why_unusable(base + "missing")
        name = f"{postgres_databases.OURS}_odd"
        await raw.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0")
        assert "SQL_ASCII" in await why_unusable(base + name)
        await raw.execute(f"DROP DATABASE {name}")
        await raw.execute(f"CREATE DATABASE {name}")
        await raw.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        weak = base.replace("//postgres@", f"//{name}:secret@") + name
        assert "GRANT CREATE" in await why_unusable(weak)
        await raw.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert "read-write" in await why_unusable(base + name)
        assert "read-write" in await why_unusable(base + name + "?target_session_attrs=read-write")
        await raw.execute(f"ALTER DATABASE {name} RESET ALL")
        other = await asyncpg.connect(base + name)
        await other.execute("CREATE SCHEMA chatroom; CREATE TABLE chatroom.cat (name text)")
        await other.close()
        assert "something else" in await why_unusable(base + name)
        await raw.execute(f"DROP DATABASE {name}")
        await raw.execute(f"DROP ROLE {name}")

    play(scene)


def test_a_version_that_is_too_new_is_refused() -> None:
    """One that says that this one may still use it is not; nothing is changed in it."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        newer = SCHEMA_VERSION + 1
        await raw.execute("UPDATE chatroom.server SET version = $1", newer)
        await (third := PostgresJournal(postgres_databases.own())).open()
        await third.close()
        assert newer == await raw.fetchval("SELECT version FROM chatroom.server")
        await raw.execute("UPDATE chatroom.server SET oldest_version = $1", newer)
        assert "use a newer chatserver" in await why_unusable(postgres_databases.own())
        await raw.execute(
            "UPDATE chatroom.server SET version = $1, oldest_version = $1", SCHEMA_VERSION
        )

    play(scene)


def test_nodes_that_start_at_once_make_the_tables_once() -> None:
    """In a database that nobody has used."""

    async def running() -> None:
        name = f"{postgres_databases.OURS}_new"
        url = await postgres_databases.create(name)
        nodes = [PostgresJournal(url) for _ in range(4)]
        assert [[]] * 4 == await asyncio.gather(*(node.open() for node in nodes))
        for node in nodes:
            await node.close()
        await postgres_databases.drop(name)

    asyncio.run(running())


def test_in_another_database_rooms_have_other_epochs() -> None:
    """A dump that was restored may lack what somebody has seen; its rooms are the same."""

    async def running() -> None:
        name, copy = f"{postgres_databases.OURS}_first", f"{postgres_databases.OURS}_copy"
        journal = PostgresJournal(await postgres_databases.create(name))
        await journal.open()
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 3))])
        await journal.close()
        url = await postgres_databases.create(copy, like=name)
        epochs = []
        for _ in range(2):
            again = PostgresJournal(url)
            [room] = await again.open()
            assert entries(1, 3) == await everything(again, key)
            epochs.append(room.facts.epoch)
            await again.close()
        assert epochs[0] != "e1"
        assert epochs[0] == epochs[1]
        await postgres_databases.drop(name)
        await postgres_databases.drop(copy)

    asyncio.run(running())


# ---- What is gone ----------------------------------------------------------------------


def test_a_withdrawn_text_leaves_the_tables_and_their_files() -> None:
    """Once it is scrubbed; what a nonce has kept of it too."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        key = await new_room(journal)
        first = replace(says(1, "a very secret text"), nonce="n")
        await journal.append([Append(key, [first, *[says(n, "plain") for n in range(2, 9)]])])
        await journal.trim(key, entries=5, size=BIG)
        await journal.append([Append(key, [says(9, "the next secret text")])])
        gone = [
            replace(first, kind=Kind.WITHDRAWN, envelope=b"gone"),
            says(9, "gone", kind=Kind.WITHDRAWN),
        ]
        assert not await journal.withdrawn()
        await journal.append([Append(key, [says(10, "x")], replaced=gone)])
        assert await journal.withdrawn()
        assert await has_secret(raw)
        assert await journal.scrub()
        assert not await journal.withdrawn()
        assert not await has_secret(raw)

    play(scene)


async def has_secret(raw: Raw) -> bool:
    """Whether any file of our tables has the text."""
    await raw.execute("CHECKPOINT")
    found = await raw.fetch(
        "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) AS bytes FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'chatroom' AND c.relkind IN ('r', 'i', 't')"
    )
    return any(b"secret text" in row["bytes"] for row in found)


def test_a_scrub_waits_for_nobody_who_reads() -> None:
    """It is tried again; until then whoever appends is not held up."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 1))])
        mark = replace(entries(1, 1)[0], kind=Kind.WITHDRAWN)
        await journal.append([Append(key, entries(2, 1), replaced=[mark])])
        async with raw.transaction():
            await raw.fetch("SELECT FROM chatroom.entry")
            assert not await journal.scrub()
            await journal.append([Append(key, entries(3, 1))])
        assert await journal.withdrawn()
        assert await journal.scrub()

    play(scene)


def test_a_scrub_waits_for_who_reads_the_database_as_it_was() -> None:
    """A VACUUM spares what they may look at, although they hold no lock of the table."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        key = await new_room(journal)
        first = says(1, "a very secret text")
        await journal.append([Append(key, [first])])
        async with raw.transaction(isolation="repeatable_read"):
            await raw.fetch("SELECT FROM chatroom.audit")
            gone = replace(first, kind=Kind.WITHDRAWN, envelope=b"gone")
            await journal.append([Append(key, [says(2, "x")], replaced=[gone])])
            assert not await journal.scrub()
        assert await journal.scrub()
        assert not await has_secret(raw)

    play(scene)


def test_that_somebody_is_gone_is_kept_for_a_minute() -> None:
    """So that other nodes hear of it; then the row goes."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, members=[record(1, session=b"1"), record(2)])])
        await journal.append([Append(key, gone=[1])])
        await journal.sweep(1)
        count = "SELECT count(*) FROM chatroom.member WHERE gone IS NOT NULL AND session IS NULL"
        assert 1 == await raw.fetchval(count)
        await raw.execute("UPDATE chatroom.member SET gone = gone - interval '61 seconds'")
        await journal.sweep(1)
        assert 1 == await raw.fetchval("SELECT count(*) FROM chatroom.member")

    play(scene)


# ---- Searching ----------------------------------------------------------------------------


def test_a_search_reads_what_the_index_names() -> None:
    """Of 5,000 messages some passages of 128; what was withdrawn is forgotten by the index."""

    async def running() -> None:
        read = 0

        def counted(envelope: bytes) -> tuple[str, str]:
            nonlocal read
            read += 1
            return spoken(envelope)

        await postgres_databases.empty()
        journal = PostgresJournal(postgres_databases.own(), spoken=counted)
        await journal.open()
        key = await new_room(journal)
        log = [says(n, "rare word" if n in (700, 4_000) else "a word") for n in range(1, 5_001)]
        await journal.append([Append(key, log)])
        query = parsed("rare", characters=99, most=9)
        every = []
        for indexed in (False, True):
            if indexed:
                await journal.index()
            read = 0
            found = await journal.search(key, query, before=BIG, count=9)
            assert [4_000, 700] == [entry.sequence for entry in found.entries]
            every.append(read)
        assert every[0] == 5_000
        assert every[1] <= 4 * 128
        assert journal.index_bytes > 0
        gone = says(700, "", kind=Kind.WITHDRAWN)
        await journal.append([Append(key, [says(5_001, "x")], replaced=[gone])])
        raw = await asyncpg.connect(postgres_databases.own())
        stale = "SELECT array_agg(number) FROM chatroom.passage WHERE terms IS NULL"
        assert [700 // 128] == await raw.fetchval(stale)
        found = await journal.search(key, query, before=BIG, count=9)
        assert [4_000] == [entry.sequence for entry in found.entries]
        await journal.index()
        assert await raw.fetchval(stale) is None
        await raw.close()
        await journal.close()

    asyncio.run(running())


def test_a_purge_goes_on_where_a_trim_was_quicker() -> None:
    """What it wanted to delete is gone when it comes to it: there may be more all the same."""

    async def scene(journal: PostgresJournal, raw: Raw) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, STEP_ROWS + 5), closes=True)])
        async with raw.transaction():
            await raw.execute("DELETE FROM chatroom.entry WHERE sequence <= $1", STEP_ROWS)
            purging = asyncio.create_task(journal.purge(key))
            while not await raw.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                pass
        await purging
        assert 0 == await raw.fetchval("SELECT count(*) FROM chatroom.entry")
        assert [] == await everything(journal, key)

    play(scene)
