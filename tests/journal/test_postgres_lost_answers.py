"""A connection that is lost while something is stored: neither twice, nor not at all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, JournalConflict, JournalError, JournalInDoubt
from chatroom.journal.postgres import Patience, PostgresJournal
from chatroom.journal.postgres.turns import Turns
from tests.journal import postgres_databases
from tests.journal.cutting_proxy import Cut, Proxy
from tests.journal.damaging import a_record
from tests.journal.journals import AUTHOR, NOW, a_room, entries, everything, new_room

TIMES, FEW = 100, 20
SHORT = Patience(connect=1, answer=1, doubt=0.3, renew=60)
Cuts = Callable[[PostgresJournal, Proxy], Awaitable[None]]


class BlindTurns(Turns):
    """Takes what it has no answer to for not stored."""

    async def outcome(self, number: int) -> bool:
        self._number = number + 1
        return False


class BlindJournal(PostgresJournal):
    turns = BlindTurns


def play(
    scene: Cuts, kind: type[PostgresJournal] = PostgresJournal, patience: Patience | None = None
) -> None:
    """Run a scene with an open journal that reaches its database through a proxy."""

    async def running() -> None:
        await postgres_databases.empty()
        proxy = Proxy(postgres_databases.own())
        journal = kind(await proxy.start(), patience=patience or Patience(renew=60))
        await journal.open()
        try:
            await scene(journal, proxy)
        finally:
            await journal.close()
            await proxy.stop()

    asyncio.run(running())


def said(sequence: int, text: bytes) -> Entry:
    return Entry(sequence, NOW, Kind.SAID, AUTHOR, text)


async def say(journal: PostgresJournal, key: int, text: bytes) -> int:
    """As a node does: if a room is not as expected it reads what is new, and tries again."""
    while True:
        last = await journal.read_before(key, before=1 << 62, entries=1, size=1)
        newest = last[0].sequence if last else 0
        try:
            await journal.append([Append(key, [said(newest + 1, text)])])
        except JournalConflict:
            continue
        return newest + 1


async def say_many(journal: PostgresJournal, proxy: Proxy, times: int) -> list[bytes]:
    """Say so many things, with a cut in each; what is stored then."""
    key, other = await new_room(journal, "a"), await new_room(journal, "b")
    chance = random.Random(18)
    newest = 0
    for number in range(times):
        # So that the connection knows the statement, and what is cut is the statement itself.
        await journal.append([Append(other, entries(number + 1, 1))])
        proxy.cut(chance.choice(list(Cut)))
        text = b"%d" % number
        try:
            await journal.append([Append(key, [said(newest + 1, text)])])
            newest += 1
        except JournalConflict:
            newest = await say(journal, key, text)
    assert times == proxy.cuts
    stored = await everything(journal, key)
    assert list(range(1, len(stored) + 1)) == [entry.sequence for entry in stored]
    return [entry.envelope for entry in stored]


def test_a_hundred_lost_answers_double_and_lose_nothing() -> None:
    """Whether the question was lost, or the answer, or nobody can say."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        assert [b"%d" % n for n in range(TIMES)] == await say_many(journal, proxy, TIMES)

    play(scene)


def test_who_tries_again_blindly_doubles() -> None:
    """The control: the same, where a lost answer is taken for a failure."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        stored = await say_many(journal, proxy, FEW)
        assert set(stored) == {b"%d" % number for number in range(FEW)}
        assert len(stored) > FEW

    play(scene, BlindJournal)


async def do_all(journal: PostgresJournal, room_id: str) -> None:
    """Whatever is stored, once each."""
    await journal.append([Append(await new_room(journal, room_id), entries(1, 1))])
    await journal.record([a_record(0)])
    await journal.probe()


@pytest.mark.parametrize("cut", Cut)
def test_whatever_is_stored_beside_appends_is_stored_once(cut: Cut) -> None:
    """Rooms and audit records too."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        await do_all(journal, "before")  # then its statements are known, and are one question each
        for number in range(3):
            proxy.cut(cut)
            if number == 0:
                room = await journal.create_room(a_room())
            elif number == 1:
                await journal.record([a_record(0)])
            else:
                await journal.probe()
        assert [a_record(1), a_record(2)] == await journal.records(after=0, count=9)
        await journal.append([Append(room.facts.key, entries(1, 1))])
        assert 3 == proxy.cuts

    play(scene)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_database_that_stays_away_leaves_a_doubt_that_the_next_append_ends(cut: Cut) -> None:
    """If the append was stored, its rooms are to be read again; else nothing is said of it."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        await do_all(journal, "before")
        key, other = await new_room(journal, "a"), await new_room(journal, "b")
        proxy.cut(cut)
        proxy.away = True
        with pytest.raises(JournalInDoubt):
            await journal.append([Append(key, entries(1, 1))])
        with pytest.raises(JournalError):
            await journal.append([Append(other, entries(1, 1))])
        proxy.away = False
        if cut is Cut.AFTER:
            with pytest.raises(JournalConflict) as refused:
                await journal.append([Append(other, entries(1, 1))])
            assert {key} == refused.value.keys
        await journal.append([Append(other, entries(1, 1))])
        assert int(cut is Cut.AFTER) == len(await everything(journal, key))
        assert entries(1, 1) == await everything(journal, other)

    play(scene, patience=SHORT)


def test_an_append_that_was_given_up_is_not_stored_later() -> None:
    """Its statement still waits in the database when the answer is no longer waited for."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        key = await new_room(journal)
        raw = await asyncpg.connect(postgres_databases.own())
        async with raw.transaction():
            await raw.execute("SELECT FROM chatroom.room WHERE key = $1 FOR UPDATE", key)
            with pytest.raises(JournalError):
                await journal.append([Append(key, entries(1, 1))])
        other = await new_room(journal, "b")
        async with asyncio.timeout(20):
            while await raw.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state = 'active' AND pid <> pg_backend_pid()"
            ):
                await asyncio.sleep(0.01)
        assert [] == await everything(journal, key)
        await journal.append([Append(key, entries(1, 1)), Append(other, entries(1, 1))])
        await raw.close()

    play(scene, patience=SHORT)


def test_an_append_that_was_given_up_and_goes_through_is_told_to_be_stored() -> None:
    """Its statement has written its number, and waits before it commits: so does the question."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        key = await new_room(journal)
        raw = await asyncpg.connect(postgres_databases.own())
        async with raw.transaction():
            transaction = raw.transaction()
            await transaction.start()
            await raw.execute(
                "INSERT INTO chatroom.entry (room, sequence, sent, kind, author, envelope) "
                "VALUES ($1, 1, 1, 0, 0, '')", key,
            )  # fmt: skip
            appending = asyncio.create_task(journal.append([Append(key, entries(1, 1))]))
            async with asyncio.timeout(20):
                await postgres_databases.waiting(2)
            await transaction.rollback()
        await appending
        assert entries(1, 1) == await everything(journal, key)
        await raw.close()

    play(scene, patience=Patience(answer=1.5, doubt=30, renew=60))


def test_a_database_that_says_nothing_is_an_error() -> None:
    """Of appends and of reads; and when it speaks again everything works."""

    async def scene(journal: PostgresJournal, proxy: Proxy) -> None:
        key = await new_room(journal)
        proxy.silent = True
        with pytest.raises(JournalInDoubt):
            await journal.append([Append(key, entries(1, 1))])
        with pytest.raises(JournalError, match="does not answer"):
            await everything(journal, key)
        proxy.silent = False
        await say(journal, key, b"again")
        assert b"again" == (await everything(journal, key))[-1].envelope

    play(scene, patience=SHORT)
