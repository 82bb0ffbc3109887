"""Blocks: what is read of them is what was written, or damaged."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.entry import STORED_OVERHEAD, Entry, Kind
from chatroom.journal import NONCE_SECONDS, Append, JournalUnusable, NonceUsed
from chatroom.journal.sqlite import SQLiteJournal, upkeep
from chatroom.journal.sqlite.blocks import (
    FEW,
    MOST_BYTES,
    MOST_BYTES_OF_FEW,
    Block,
    block_of,
    damaged,
    rows,
)
from chatroom.journal.sqlite.check import check
from chatroom.journal.sqlite.opening import connect
from chatroom.journal.sqlite.quick_check import quick_check
from tests.journal.damaged_blocks import (
    blocks_of,
    change,
    damage_entry,
    damage_head,
    forget_blocks,
)
from tests.journal.damaging import write_file
from tests.journal.journals import BIG, NOW, SECOND, entries, everything, new_room, nonced
from tests.journal.sqlite_files import enveloped, opened
from tests.texts import CHARACTERS

ROOM = 7
numbers = st.integers(-(1 << 63), (1 << 63) - 1)
nonces = st.just("") | st.text(CHARACTERS, max_size=64)
envelopes = st.binary(max_size=99) | st.integers(0, 3 * MOST_BYTES).map(bytes)
logs = st.tuples(
    st.integers(1, 1 << 40),
    st.lists(st.tuples(numbers, st.sampled_from(Kind), numbers, envelopes, nonces), max_size=200),
).map(lambda log: [Entry(log[0] + n, *fields) for n, fields in enumerate(log[1])])


def blocks(entries: list[Entry], wrong: frozenset[int] = frozenset()) -> list[Block]:
    """What is written of entries, read again."""
    values = rows(ROOM, entries, nonced=any(entry.nonce for entry in entries), wrong=wrong)
    found = [block_of(values[at : at + 5]) for at in range(0, len(values), 5)]
    assert None not in found
    return [block for block in found if block is not None]


@given(logs)
def test_what_was_written_is_read(log: list[Entry]) -> None:
    """Each entry once, in order, with its nonce where that is wanted; a block is one page."""
    found = blocks(log)
    assert log == [entry for block in found for entry, _ in block.look()]
    assert all(sound for block in found for _, sound in block.look())
    read = [entry for block in found for entry in block.entries(0, 1 << 62)]
    assert [replace(entry, nonce="") for entry in log] == read
    for block in found:
        most = MOST_BYTES if block.count > FEW else MOST_BYTES_OF_FEW
        assert len(block.octets) <= most + 4 or block.count == 1
        assert block.nonced == any(block.nonce_sizes)


@given(logs.filter(bool), st.data())
def test_a_part_of_a_block_is_read_alone(log: list[Entry], data: st.DataObject) -> None:
    """From any sequence to any other."""
    first, last = log[0].sequence - 2, log[-1].sequence + 3
    begin = data.draw(st.integers(first, last))
    end = data.draw(st.integers(first, last))
    expected = [replace(each, nonce="") for each in log if begin <= each.sequence < end]
    assert expected == [entry for block in blocks(log) for entry in block.entries(begin, end)]


@given(logs.filter(bool), st.data())
def test_what_is_wrong_is_damaged_alone(log: list[Entry], data: st.DataObject) -> None:
    """It keeps its author, its time and its nonce: a retry of it is known."""
    wrong = frozenset(data.draw(st.sets(st.sampled_from([each.sequence for each in log]))))
    found = blocks(log, wrong)
    for entry, (read, sound) in zip(
        log, [each for block in found for each in block.look()], strict=True
    ):
        assert sound == (entry.sequence not in wrong)
        kept = replace(entry, kind=Kind.DAMAGED, envelope=b"") if not sound else entry
        assert kept == read
    for entry, shown in zip(
        log, [each for block in found for each in block.entries(0, 1 << 62)], strict=True
    ):
        expected = damaged(entry.sequence) if entry.sequence in wrong else entry
        assert replace(expected, nonce="") == shown


@given(logs.filter(bool), envelopes, st.data())
def test_one_is_replaced_and_no_other(
    log: list[Entry], envelope: bytes, data: st.DataObject
) -> None:
    """Its nonce stays; and what is told to look for was there, and is not any more."""
    n = data.draw(st.integers(0, len(log) - 1))
    new = replace(log[n], kind=Kind.WITHDRAWN, sent=NOW, author=0, envelope=envelope)
    (block,) = [each for each in blocks(log) if each.first <= new.sequence < each.end]
    octets, marks = block.with_replaced(new)
    if envelope == log[n].envelope:
        assert (block.octets, []) == (octets, marks)
        return
    again = block_of((ROOM, block.first, block.count, int(block.nonced), octets))
    assert again is not None
    expected = list(log)
    expected[n] = new
    begin = block.first - log[0].sequence
    assert expected[begin : begin + block.count] == [entry for entry, _ in again.look()]
    assert all(sound for _, sound in again.look())
    assert all(mark in block.octets for mark in marks)


@pytest.mark.parametrize("value", [None, 1.5, "text", b"octets", "\udcff", -1, 0, 1 << 62])
@pytest.mark.parametrize("column", range(5))
def test_a_column_of_any_type_raises_nothing(column: int, value: object) -> None:
    """A flipped byte makes another type as easily as another value."""
    row: list[object] = list(rows(ROOM, [nonced(2, "nonce"), nonced(3, "")], nonced=True))
    assert block_of(row) is not None
    row[column] = value
    assert block_of(row) is None


def test_a_sweep_keeps_entries_sound_and_damage_damaged(tmp_path: Path) -> None:
    """Nonces are forgotten after ten minutes, those of damaged entries too."""
    path = tmp_path / "j.db"

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        for begin in (1, 9, 17):
            told = [nonced(n, f"n{n}") for n in range(begin, begin + 8)]
            await journal.append([Append(key, told)])
            await journal.settle()
        await journal.close()

    async def after() -> list[int]:
        journal, _ = await opened(path)
        await journal.sweep(NOW + (NONCE_SECONDS + 1) * SECOND)
        read = await everything(journal, 1)
        await journal.close()
        return [entry.sequence for entry in read if entry.kind is Kind.DAMAGED]

    asyncio.run(before())
    damage_entry(path, 3)
    damage_head(path, 12)
    assert [3, *range(9, 17)] == asyncio.run(after())
    with closing(sqlite3.connect(path)) as connection:
        assert (0,) == connection.execute("SELECT count(*) FROM nonce").fetchone()


def test_what_a_damaged_block_weighs_is_told_by_the_others(tmp_path: Path) -> None:
    """A trim that comes by it counts the room anew."""
    path = tmp_path / "j.db"

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        for begin in range(1, 50, 10):
            await journal.append([Append(key, enveloped(entries(begin, 10)))])
            await journal.settle()
        await journal.close()

    async def after() -> None:
        journal, _ = await opened(path)
        trimmed = await journal.trim(1, entries=15, size=BIG)
        assert 36 == trimmed.oldest
        trimmed = await journal.trim(1, entries=12, size=BIG)
        await journal.close()
        journal, (now,) = await opened(path)
        assert (39, 12 * (25 + STORED_OVERHEAD)) == (now.oldest, now.size)
        assert enveloped(entries(39, 12)) == await everything(journal, 1)
        await journal.close()

    asyncio.run(before())
    damage_head(path, 15)
    asyncio.run(after())
    assert [] == check(path).wrong


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_a_trim_passes_whatever_cannot_be_read(tmp_path: Path, how: str) -> None:
    """More of it than a step looks at: else the room would grow for ever."""
    path = tmp_path / "j.db"
    count = 3 * upkeep.STEP_BLOCKS

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        for sequence in range(1, count + 1):
            await journal.append([Append(key, enveloped(entries(sequence, 1, size=15_900)))])
        await journal.close()

    async def after() -> None:
        journal, _ = await opened(path)
        assert count - 1 == (await journal.trim(1, entries=2, size=BIG)).oldest
        (room,) = await (await reopened(journal)).open()
        assert 2 * (15_905 + STORED_OVERHEAD) == room.size

    async def reopened(journal: SQLiteJournal) -> SQLiteJournal:
        await journal.close()
        return SQLiteJournal(path, sync="off")

    asyncio.run(before())
    most = 2 * upkeep.STEP_BLOCKS
    if how == "missing":
        forget_blocks(path, 1, lambda block: 1 < block.first <= most)
    else:
        change(path, "UPDATE block SET entries = zeroblob(4000) WHERE first BETWEEN 2 AND ?", most)
    asyncio.run(after())


@pytest.mark.parametrize("trimmed", [False, True])
@pytest.mark.parametrize("damage", [damage_entry, damage_head])
def test_a_retry_of_what_is_damaged_is_answered_as_damaged(
    tmp_path: Path, damage: object, trimmed: bool
) -> None:
    """With its sequence, author and nonce; the others of its turn are found as ever."""
    path = tmp_path / "j.db"

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        for begin in (1, 3, 4):
            told = [nonced(n, f"n{n}") for n in range(begin, begin + 2 - (begin == 3))]
            await journal.append([Append(key, told)])
            await journal.settle()
        if trimmed:
            await journal.trim(key, entries=1, size=BIG)
        await journal.close()

    async def after() -> None:
        journal, _ = await opened(path)
        with pytest.raises(NonceUsed) as used:
            await journal.append([Append(1, [nonced(6, "n2"), nonced(7, "n3")])])
        await journal.close()
        found = {entry.nonce: (entry.sequence, entry.kind) for entry in used.value.used.values()}
        assert {"n2": (2, Kind.DAMAGED), "n3": (3, Kind.SAID)} == found

    asyncio.run(before())
    assert callable(damage)
    damage(path, 2)
    asyncio.run(after())


def test_the_end_of_a_log_is_believed_where_it_can_be(tmp_path: Path) -> None:
    """Damaged newest blocks keep their sequences; one that cannot be is not believed."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    last = blocks_of(path, 1)[-1]

    async def newest() -> tuple[int, int]:
        journal, rooms = await opened(path)
        await journal.close()
        return rooms[0].newest, rooms[0].last_sent

    assert (200, logs[1][200].sent) == asyncio.run(newest())
    damage_head(path, 200)
    assert (200, logs[1][last.first - 1].sent) == asyncio.run(newest())
    change(path, "UPDATE block SET first = first + 1 WHERE room = 1 AND first = ?", last.first)
    with pytest.raises(JournalUnusable, match=r"messages of room one end.*chatserver repair"):
        asyncio.run(newest())


def test_when_something_was_last_said_is_told_of_what_is_sound(tmp_path: Path) -> None:
    """The time of what is damaged is not believed."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    last = blocks_of(path, 1)[-1]

    async def active() -> int:
        journal, rooms = await opened(path)
        await journal.close()
        return rooms[0].active

    assert logs[1][200].sent == asyncio.run(active())
    damage_head(path, 200)
    assert logs[1][last.first - 1].sent == asyncio.run(active())


def test_the_check_at_start_is_bounded(tmp_path: Path) -> None:
    """When its time is over it has found nothing, and the start goes on."""
    path = tmp_path / "j.db"
    write_file(path)
    octets = path.read_bytes()
    path.write_bytes(octets[:-8192] + bytes(8192))
    with closing(connect(path)) as connection:
        with pytest.raises((JournalUnusable, sqlite3.DatabaseError), match=r"damaged|malformed"):
            quick_check(connection, path)
        # Slow as a disk can be: every step of SQLite's takes its time.
        connection.set_progress_handler(lambda: time.sleep(0.002), 1)
        quick_check(connection, path, seconds=0.0)
