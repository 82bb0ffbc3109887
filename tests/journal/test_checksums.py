"""Checksums of entries: what changes them, and what their absence means."""

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

from chatroom.core.entry import Entry, Kind
from chatroom.journal import NONCE_SECONDS, Append, JournalUnusable, NonceUsed
from chatroom.journal.sqlite import SQLiteJournal
from chatroom.journal.sqlite.checksum import checksum, sound, without_nonce
from chatroom.journal.sqlite.opening import connect
from chatroom.journal.sqlite.quick_check import quick_check
from tests.journal.damaging import real_entry, write_file
from tests.journal.journals import BIG, NOW, SECOND, everything, new_room, nonced
from tests.journal.sqlite_files import opened
from tests.texts import CHARACTERS

numbers = st.integers(-(1 << 63), (1 << 63) - 1)
rows = st.tuples(
    numbers, numbers, numbers, st.sampled_from(Kind).map(int), numbers, st.binary(max_size=99)
)


@given(rows, st.text(CHARACTERS, min_size=1, max_size=64))
def test_forgetting_a_nonce_keeps_a_checksum_right_or_wrong(
    row: tuple[int, int, int, int, int, bytes], nonce: str
) -> None:
    """So what was damaged before stays damaged, though only the nonce is read."""
    with_nonce = checksum(*row, nonce)
    assert checksum(*row) == without_nonce(with_nonce, nonce)
    assert checksum(*row) != without_nonce(with_nonce ^ 1, nonce)
    assert without_nonce(None, nonce) is None
    assert -1 == without_nonce(-1, nonce)


@given(rows)
def test_a_row_is_sound_with_its_own_checksum_alone(
    row: tuple[int, int, int, int, int, bytes],
) -> None:
    """Without one it has to be legible."""
    right = checksum(*row)
    assert sound((*row, None, right), None) is not None
    assert sound((*row, None, right ^ 1), None) is None
    assert sound((*row, None, None), None) is None
    assert sound((*row, None, None), lambda entry: entry.sequence != row[1]) is None
    assert sound((*row, None, None), lambda entry: entry.sequence == row[1]) is not None


@pytest.mark.parametrize("value", [None, 1.5, "text", b"octets", "\udcff"])
@pytest.mark.parametrize("column", range(8))
def test_a_column_of_any_type_raises_nothing(column: int, value: object) -> None:
    """A flipped byte makes another type as easily as another value."""
    row: list[object] = [1, 2, 3, 0, 5, b"envelope", "nonce"]
    row.append(checksum(1, 2, 3, 0, 5, b"envelope", "nonce"))
    assert sound(tuple(row), None) is not None
    row[column] = value
    assert sound(tuple(row), None) is None


def changed(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()


def test_a_sweep_keeps_entries_sound_and_damage_damaged(tmp_path: Path) -> None:
    """Nonces are forgotten after ten minutes; the checksum follows."""
    path = tmp_path / "j.db"

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        await journal.append([Append(key, [nonced(n, f"n{n}") for n in range(1, 9)])])
        await journal.close()

    async def after() -> list[int]:
        journal, _ = await opened(path)
        await journal.sweep(NOW + (NONCE_SECONDS + 1) * SECOND)
        read = await everything(journal, 1)
        await journal.close()
        return [entry.sequence for entry in read if entry.kind is Kind.DAMAGED]

    asyncio.run(before())
    changed(path, "UPDATE entry SET envelope = x'00' WHERE sequence = 3")
    changed(path, "UPDATE entry SET nonce = 'other' WHERE sequence = 5")
    assert [3, 5] == asyncio.run(after())
    with closing(sqlite3.connect(path)) as connection:
        assert (0,) == connection.execute("SELECT count(nonce) FROM entry").fetchone()


@pytest.mark.parametrize("table", ["entry", "trimmed"])
def test_a_retry_of_what_is_damaged_is_answered_as_damaged(tmp_path: Path, table: str) -> None:
    """With its sequence, author and nonce; the others of its turn are found as ever."""
    path = tmp_path / "j.db"

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        await journal.append([Append(key, [nonced(n, f"n{n}") for n in range(1, 5)])])
        if table == "trimmed":
            await journal.trim(key, entries=1, size=BIG)
        await journal.close()

    async def after() -> None:
        journal, _ = await opened(path)
        with pytest.raises(NonceUsed) as used:
            await journal.append([Append(1, [nonced(5, "n2"), nonced(6, "n3")])])
        await journal.close()
        found = {entry.nonce: (entry.sequence, entry.kind) for entry in used.value.used.values()}
        assert {"n2": (2, Kind.DAMAGED), "n3": (3, Kind.SAID)} == found

    asyncio.run(before())
    changed(path, f"UPDATE {table} SET envelope = x'00' WHERE sequence = 2")
    asyncio.run(after())


def test_a_missing_checksum_is_damage_once_all_have_one(tmp_path: Path) -> None:
    """Below `summed_from` it is one of before."""
    path = tmp_path / "j.db"
    write_file(path)

    async def damaged() -> list[int]:
        journal, _ = await opened(path)
        page = await journal.read(1, after=0, entries=9, size=BIG)
        await journal.close()
        return [entry.sequence for entry in page if entry.kind is Kind.DAMAGED]

    changed(path, "UPDATE entry SET checksum = NULL WHERE room = 1 AND sequence IN (52, 53)")
    assert [52, 53] == asyncio.run(damaged())


def test_the_end_of_a_log_is_believed_where_it_can_be(tmp_path: Path) -> None:
    """Damaged newest entries keep their sequences; one that cannot be is not believed."""
    path = tmp_path / "j.db"
    logs = write_file(path)

    async def newest() -> tuple[int, int]:
        journal, rooms = await opened(path)
        await journal.close()
        return rooms[0].newest, rooms[0].last_sent

    assert (200, logs[1][200].sent) == asyncio.run(newest())
    where = "WHERE room = 1 AND sequence"
    changed(path, f"UPDATE entry SET sent = 1 << 62 {where} > 197")
    assert (200, logs[1][197].sent) == asyncio.run(newest())
    changed(path, f"UPDATE entry SET sequence = 1 << 40 {where} = 200")
    with pytest.raises(JournalUnusable, match=r"messages of room one end.*chatserver repair"):
        asyncio.run(newest())


def test_when_something_was_last_said_is_told_of_what_is_sound(tmp_path: Path) -> None:
    """The time of a damaged message is not believed; without any other it is not known."""
    path = tmp_path / "j.db"
    logs = write_file(path)

    async def active() -> int:
        journal, rooms = await opened(path)
        await journal.close()
        return rooms[0].active

    assert logs[1][200].sent == asyncio.run(active())
    changed(path, "UPDATE entry SET sent = 1 << 62 WHERE room = 1 AND sequence > 197")
    assert logs[1][197].sent == asyncio.run(active())
    changed(path, "UPDATE entry SET author = 1 WHERE room = 1 AND kind = 0 AND sequence < 198")
    changed(path, "DELETE FROM entry WHERE room = 1 AND sequence > 168")
    assert 0 == asyncio.run(active())


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


def test_others_are_stored_and_read_beside_the_filling(tmp_path: Path) -> None:
    """Entries get their checksums in slices; appends do not wait for all of them."""
    path = tmp_path / "j.db"
    count = 1_000

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        await journal.append([Append(key, [real_entry(1, n) for n in range(1, count + 1)])])
        await journal.close()

    async def after() -> None:
        journal = SQLiteJournal(path, sync="off")
        await journal.open()
        assert journal.filling is not None
        await journal.append([Append(1, [real_entry(1, count + 1)])])
        assert not journal.filling.done()
        page = await journal.read(1, after=count - 9, entries=99, size=BIG)
        expected: list[Entry] = [real_entry(1, n) for n in range(count - 8, count + 2)]
        assert [replace(entry, nonce="") for entry in expected] == page
        await journal.close()

    asyncio.run(before())
    changed(path, "UPDATE entry SET checksum = NULL")
    changed(path, f"UPDATE room SET summed_from = {count + 1}")
    asyncio.run(after())
