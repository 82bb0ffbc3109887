"""Two journals on one database: who has appended first, who is alive, who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.journal import Append, JournalConflict, JournalFenced
from chatroom.journal.postgres import Patience, PostgresJournal
from chatroom.journal.sharing import Asked
from tests.journal import postgres_databases
from tests.journal.damaging import a_record
from tests.journal.journals import (
    BIG,
    NOW,
    a_room,
    entries,
    everything,
    new_room,
    nonced,
    record,
)

Raw = asyncpg.Connection
Nodes = Callable[[PostgresJournal, PostgresJournal, Raw], Awaitable[None]]
BAN = Note(NoteKind.BAN, "b", "{}")


def play(scene: Nodes) -> None:
    """Run a scene with two open journals, and a connection to look at what they do."""

    async def running() -> None:
        await postgres_databases.empty()
        url = postgres_databases.own()
        ann, bob = PostgresJournal(url), PostgresJournal(url)
        await ann.open()
        await bob.open()
        raw = await asyncpg.connect(url)
        try:
            await scene(ann, bob, raw)
        finally:
            await raw.close()
            await ann.close()
            await bob.close()

    asyncio.run(running())


async def version(raw: Raw, key: int) -> int:
    found: int = await raw.fetchval("SELECT version FROM chatroom.room WHERE key = $1", key)
    return found


def test_who_comes_second_is_told_which_rooms_differ() -> None:
    """All of its append is refused, and no more is said than of the rooms that differ."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        keys = [await new_room(ann, f"r{n}") for n in range(4)]
        await ann.append([Append(key, entries(1, 2)) for key in keys[:2]])
        with pytest.raises(JournalConflict) as refused:
            await bob.append([Append(key, entries(1, 1)) for key in keys])
        assert frozenset(keys[:2]) == refused.value.keys
        assert [] == await everything(ann, keys[2])
        await bob.append([Append(key, entries(3, 1)) for key in keys[:2]])
        assert entries(1, 3) == await everything(ann, keys[0])

    play(scene)


def test_a_version_tells_what_no_sequence_tells() -> None:
    """Members and notes have changed, and somebody who does not know it wants to append."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        known = await version(raw, key)
        await ann.append([Append(key, members=[record(1)], version=known)])
        with pytest.raises(JournalConflict) as refused:
            await bob.append([Append(key, entries(1, 1), version=known)])
        assert {key} == refused.value.keys
        await bob.append([Append(key, entries(1, 1), notes=[BAN], version=known + 1)])
        await ann.append([Append(SERVER, notes=[BAN]), Append(key, gone=[1])])
        assert known + 3 == await version(raw, key)
        rows = await raw.fetch("SELECT version, gone IS NULL AS there FROM chatroom.member")
        assert [(known + 3, False)] == [tuple(row) for row in rows]
        assert known + 2 == await raw.fetchval("SELECT version FROM chatroom.note WHERE room > 0")

    play(scene)


def test_what_another_node_did_while_an_append_waited_is_not_lost() -> None:
    """Whatever of the room the append changes too: it adds to what it finds then."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        old = record(1, session=b"1")
        await ann.append([Append(key, entries(1, 2), members=[old, record(3)], notes=[BAN])])
        [before] = [room for room in await another_look(ann) if room.facts.key == key]
        facts = replace(before.facts, title="another", history=5)
        changed = Append(
            key, [nonced(3, "n")], members=[record(2, session=b"1")], gone=[1],
            notes=[replace(BAN, value="")], facts=facts,
        )  # fmt: skip
        async with raw.transaction():
            await raw.execute(
                "UPDATE chatroom.room SET version = version + 1, size = size + 1000, capacity = 9 "
                "WHERE key = $1", key,
            )  # fmt: skip
            await raw.execute("UPDATE chatroom.member SET name = 'Carol', version = 7")
            await raw.execute("UPDATE chatroom.note SET value = '{1}'")
            waiting = asyncio.create_task(bob.append([changed]))
            async with asyncio.timeout(20):
                await postgres_databases.waiting()
        await waiting
        [room] = await another_look(ann)
        assert before.version + 2 == room.version
        assert before.size + 1000 + nonced(3, "n").stored_bytes == room.size
        assert ("another", 5) == (room.facts.title, room.facts.history)
        assert ((record(2, session=b"1"), replace(record(3), name="Carol")), ()) == (
            tuple(room.inside), tuple(room.notes),
        )  # fmt: skip

    play(scene)


async def another_look(journal: PostgresJournal) -> list:
    """The rooms as a new node finds them."""
    third = PostgresJournal(postgres_databases.own())
    try:
        return await third.open()
    finally:
        await third.close()


def test_a_lease_may_be_renewed_while_an_append_waits() -> None:
    """Both write the node's row."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        async with raw.transaction():
            await raw.execute("UPDATE chatroom.node SET expires = expires + interval '1 s'")
            waiting = asyncio.create_task(ann.append([Append(key, entries(1, 1))]))
            async with asyncio.timeout(20):
                await postgres_databases.waiting()
        await waiting
        assert entries(1, 1) == await everything(bob, key)

    play(scene)


def test_nodes_never_wait_for_each_other_in_a_circle() -> None:
    """Whatever the order in which they name the rooms: one has none that the other waits for."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        keys = [await new_room(ann, f"r{n}") for n in range(5)]
        before = [await version(raw, key) for key in keys]
        orders = ((ann, keys, 10), (bob, keys[::-1], 20))
        async with raw.transaction():
            # Who locks them in its own order has two of them when it comes to this one.
            await raw.execute("SELECT FROM chatroom.room WHERE key = $1 FOR UPDATE", keys[2])
            appends = [
                asyncio.create_task(
                    journal.append([Append(key, members=[record(who)]) for key in order])
                )
                for journal, order, who in orders
            ]
            async with asyncio.timeout(20):
                await postgres_databases.waiting(2)
        await asyncio.gather(*appends)
        assert [n + 2 for n in before] == [await version(raw, key) for key in keys]

    play(scene)


def test_one_of_two_rooms_of_an_id_is_made() -> None:
    """Two nodes may be asked at once."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        results = await asyncio.gather(
            *(journal.create_room(a_room()) for journal in (ann, bob)), return_exceptions=True
        )
        assert 1 == sum(isinstance(each, JournalConflict) for each in results)
        assert 1 == await raw.fetchval("SELECT count(*) FROM chatroom.room WHERE key > 0")

    play(scene)


def test_who_is_buried_stores_nothing_more() -> None:
    """Once its lease has passed, by the database's clock, and another node has taken note."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        assert not await bob.lease.bury(ann.lease.node)
        await pass_lease(raw, ann)
        assert await bob.lease.bury(ann.lease.node)
        for _ in range(2):
            with pytest.raises(JournalFenced):
                await ann.append([Append(key, entries(1, 1))])
        assert ann.lease.fenced.is_set()
        assert not ann.lease.runs
        for refused in (ann.probe(), ann.record([a_record(0)]), ann.create_room(a_room("2"))):
            with pytest.raises(JournalFenced):
                await refused
        await bob.append([Append(key, entries(1, 1))])

    play(scene)


async def pass_lease(raw: Raw, journal: PostgresJournal) -> None:
    """Have the lease of a node pass, by the database's clock."""
    await raw.execute(
        "UPDATE chatroom.node SET expires = clock_timestamp() WHERE id = $1", journal.lease.node
    )


def test_who_is_not_buried_lives_on() -> None:
    """After the database was away for longer than a lease, for everybody."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        await pass_lease(raw, ann)
        await ann.append([Append(key, entries(1, 1))])
        assert not await bob.lease.bury(ann.lease.node)
        assert ann.lease.runs

    play(scene)


def test_who_is_buried_while_an_append_waits_stores_nothing() -> None:
    """The lease counts when the append gets its turn, not when it was sent."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        async with raw.transaction():
            await raw.execute("SELECT FROM chatroom.room WHERE key = $1 FOR UPDATE", key)
            waiting = asyncio.create_task(ann.append([Append(key, entries(1, 1))]))
            async with asyncio.timeout(20):
                await postgres_databases.waiting()
            await pass_lease(raw, ann)
            await raw.execute("DELETE FROM chatroom.node WHERE id = $1", ann.lease.node)
        with pytest.raises(JournalFenced):
            await waiting
        assert [] == await everything(bob, key)

    play(scene)


def test_who_starts_anew_does_so_between_two_turns() -> None:
    """What had begun as the node that was buried is stored as neither; what follows is stored."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        for sequence in range(1, 6):
            await ann.append([Append(key, entries(sequence, 1), version=sequence - 1)])
        before = ann.node
        await pass_lease(raw, ann)
        assert await bob.declare_dead(before)
        async with ann.held([Asked(key, 5, None)]) as held:
            anew = asyncio.create_task(ann.rejoin())
            await asyncio.wait({anew}, timeout=0.2)
            assert before == ann.node
            with pytest.raises(JournalFenced):
                await held.append([Append(key, entries(6, 1), version=5)])
        await anew
        assert before != ann.node
        for sequence in (6, 7):
            await ann.append([Append(key, entries(sequence, 1), version=sequence - 1)])
        assert entries(1, 7) == await everything(bob, key)

    play(scene)


def test_a_lease_is_renewed_where_nobody_says_anything() -> None:
    """By a task; and a node that ends in order is off the list at once."""

    async def running() -> None:
        await postgres_databases.empty()
        journal = PostgresJournal(postgres_databases.own(), patience=Patience(renew=0.1))
        await journal.open()
        raw = await asyncpg.connect(postgres_databases.own())
        expires = "SELECT expires FROM chatroom.node"
        begun = await raw.fetchval(expires)
        async with asyncio.timeout(20):
            while await raw.fetchval(expires) <= begun:
                await asyncio.sleep(0.01)
        await journal.close()
        assert await raw.fetchval(expires) is None
        await raw.close()

    asyncio.run(running())


def test_a_closed_room_stays_while_another_node_may_read_it() -> None:
    """A start and a sweep purge what nobody reads: where others live, what was closed long ago."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        keys = [await new_room(ann, f"r{n}") for n in range(2)]
        await ann.append([Append(key, entries(1, 3), closes=True) for key in keys])
        await raw.execute(
            "UPDATE chatroom.room SET closed = closed - interval '601 s' WHERE key = $1", keys[0]
        )
        await another_look(ann)
        assert [] == await everything(bob, keys[0])
        await ann.sweep(NOW)
        assert entries(1, 3) == await everything(bob, keys[1])
        await raw.execute("UPDATE chatroom.room SET closed = closed - interval '601 s'")
        await ann.sweep(NOW)
        assert [] == await everything(bob, keys[1])

    play(scene)


def test_records_are_numbered_in_the_order_in_which_they_are_seen() -> None:
    """By all nodes together, without holes: who has read up to one finds the next above it."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        seen: list[int] = []

        async def reads() -> None:
            while len(seen) < 120:
                after = seen[-1] if seen else 0
                seen.extend(each.number for each in await bob.records(after=after, count=50))

        async def records(journal: PostgresJournal) -> None:
            for _ in range(30):
                await journal.record([a_record(0), a_record(0)])

        async with asyncio.timeout(60):
            await asyncio.gather(reads(), records(ann), records(bob))
        assert list(range(1, 121)) == seen

    play(scene)


def test_a_node_sees_what_has_changed_since_a_version() -> None:
    """Members with their node, who is gone, notes, what the room is; nothing where nothing is."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key, other = await new_room(ann), await new_room(ann, "b")
        await ann.append([Append(key, members=[record(1), record(2)], notes=[BAN])])
        [first] = await bob.news([Asked(room, 0, None) for room in (key, other, 10_000)])
        assert ([(record(1), ann.node), (record(2), ann.node)], [], [BAN]) == (
            first.members, first.gone, first.notes,
        )  # fmt: skip
        assert [] == await bob.news([Asked(key, first.version, 0)])
        facts = replace(first.facts, title="another")
        await bob.append(
            [
                Append(key, entries(1, 2), members=[record(3)], gone=[1], facts=facts),
                Append(SERVER, notes=[BAN]),
            ]
        )
        [server, second] = await ann.news([Asked(key, first.version, 1), Asked(SERVER, 0, None)])
        assert [BAN] == server.notes
        assert (facts, first.version + 1, 2, 1, False) == (
            second.facts, second.version, second.newest, second.oldest, second.closed,
        )  # fmt: skip
        assert ([(record(3), bob.node)], [1], [], entries(2, 1)) == (
            second.members, second.gone, second.notes, second.entries,
        )  # fmt: skip
        await bob.append([Append(key, notes=[replace(BAN, value="")], closes=True)])
        [third] = await ann.news([Asked(key, second.version, 2)])
        assert third.closed
        assert {2, 3} == set(third.gone)
        alive = [(node.number, node.alive) for node in await ann.nodes()]
        assert [(ann.node, True), (bob.node, True)] == alive

    play(scene)


def test_nobody_waits_for_a_caller_that_has_gone() -> None:
    """An append that was cancelled is done to its end, and the next one comes after it."""

    async def scene(ann: PostgresJournal, bob: PostgresJournal, raw: Raw) -> None:
        key = await new_room(ann)
        async with raw.transaction():
            await raw.execute("SELECT FROM chatroom.room WHERE key = $1 FOR UPDATE", key)
            waiting = asyncio.create_task(ann.append([Append(key, entries(1, 1))]))
            async with asyncio.timeout(20):
                await postgres_databases.waiting()
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await ann.append([Append(key, [Entry(2, NOW + 2, Kind.SAID, 7, b"second")])])
        assert [1, 2] == [e.sequence for e in await ann.read(key, after=0, entries=9, size=BIG)]

    play(scene)
