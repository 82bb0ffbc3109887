"""What is special about the SQLite journal: the file, and how it was left."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from chatroom.journal import (
    NONCE_SECONDS,
    Append,
    JournalError,
    JournalUnusable,
    SyncMode,
)
from chatroom.journal.sqlite import SCHEMA_VERSION, SQLiteJournal, opening, schema, upkeep
from chatroom.journal.sqlite.writer import Writer
from tests.journal.journals import BIG, NOW, SECOND, a_room, entries, everything, new_room, nonced
from tests.journal.sqlite_files import killed, opened, rooms_of, write_version_1


def test_what_people_said_is_theirs_alone(tmp_path: Path) -> None:
    """Neither the directory that is made nor any file in it can be read by others."""

    async def scene() -> dict[str, int]:
        journal, _ = await opened(tmp_path / "new" / "j.db")
        await new_room(journal)
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()
        }
        await journal.close()
        return modes

    modes = asyncio.run(scene())
    assert {"j.db", "j.db-wal", "j.db-shm", "j.db.lock", "j.db-redo0", "j.db-redo1"} == set(modes)
    assert {0o600} == set(modes.values())
    assert 0o700 == stat.S_IMODE((tmp_path / "new").stat().st_mode)


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


def test_using_it_before_it_is_open_is_an_error_of_the_journal(tmp_path: Path) -> None:
    """Not one of SQLite's, which nobody above knows."""

    async def scene() -> None:
        journal = SQLiteJournal(tmp_path / "j.db")
        with pytest.raises(JournalError, match="not open"):
            await journal.append([Append(1, entries(1, 1))])
        with pytest.raises(JournalError, match="not open"):
            await journal.read(1, after=0, entries=1, size=1)
        with pytest.raises(JournalError, match="not open"):
            await journal.record([])
        await journal.close()

    asyncio.run(scene())


def test_closing_it_ends_a_trim_between_two_steps(tmp_path: Path) -> None:
    """What was deleted by then is counted; the rest is still there."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 5_000))])
        trimming = asyncio.create_task(journal.trim(key, entries=1, size=BIG))
        await journal.append([Append(key, entries(5_001, 1))])
        await journal.close()
        with pytest.raises(JournalError, match="closed"):
            await trimming
        with pytest.raises(JournalError, match="closed"):
            await journal.read(key, after=0, entries=1, size=1)

    asyncio.run(scene())
    (room,) = rooms_of(tmp_path / "j.db")
    assert room.size == (room.newest - room.oldest + 1) * 52
    assert room.oldest < 5_000


def test_a_file_of_version_1_is_upgraded_and_nothing_is_lost(tmp_path: Path) -> None:
    """Rooms, entries, positions and sizes; then it goes on as any other."""
    path = tmp_path / "j.db"
    write_version_1(path, {"one": entries(1, 300), "two": [], "three": entries(1, 1)})

    async def scene() -> None:
        journal, (one, two, three) = await opened(path)
        assert ("one", 17, "Über uns", True, 7, 99) == (
            one.facts.room_id, one.facts.created, one.facts.title, one.facts.private,
            one.facts.capacity, one.facts.history,
        )  # fmt: skip
        assert (300, NOW + 300, 1, 300 * 52, 0) == (
            one.newest, one.last_sent, one.oldest, one.size, len(one.inside),
        )  # fmt: skip
        assert (0, 0, 1, 0) == (two.newest, two.last_sent, two.oldest, two.size)
        assert (1, 52) == (three.newest, three.size)
        # How the last run ended was not written down then.
        assert "e1" not in {one.facts.epoch, two.facts.epoch, three.facts.epoch}
        assert entries(1, 300) == await everything(journal, one.facts.key)
        await journal.append([Append(one.facts.key, [nonced(301, "n")])])
        await journal.trim(one.facts.key, entries=2, size=BIG)
        await journal.sweep(NOW)
        await journal.close()

    asyncio.run(scene())
    assert [(301, 300), (0, 1), (1, 1)] == [(room.newest, room.oldest) for room in rooms_of(path)]


def test_an_upgraded_file_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    """To the letter, and it gives space back as a new one does."""
    write_version_1(tmp_path / "old.db", {"one": entries(1, 3)})

    def shape(path: Path) -> tuple[list[tuple[str, str]], int, int]:
        rooms_of(path)
        with closing(sqlite3.connect(path)) as connection:
            tables = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
            ).fetchall()
            (vacuum,) = connection.execute("PRAGMA auto_vacuum").fetchone()
            (version,) = connection.execute("SELECT version FROM schema").fetchone()
        return (
            [(name, " ".join(re.sub("--.*", "", sql).split())) for name, sql in tables],
            vacuum,
            version,
        )

    new = shape(tmp_path / "new.db")
    assert (2, SCHEMA_VERSION) == new[1:]
    assert new == shape(tmp_path / "old.db")


@pytest.mark.parametrize(
    ("sync", "clean", "same"),
    [
        ("full", True, True), ("normal", True, True), ("off", True, True),
        ("full", False, True), ("normal", False, False), ("off", False, False),
    ],
)  # fmt: skip
def test_epochs_are_new_if_what_was_seen_may_be_missing(
    tmp_path: Path, sync: SyncMode, clean: bool, same: bool
) -> None:
    """After a stop that was not clean, unless each append had been waited for."""

    async def scene() -> Path:
        journal, _ = await opened(tmp_path / "j.db", sync)
        for room_id in ("one", "two"):
            await journal.create_room(a_room(room_id))
        await journal.append([Append(1, entries(1, 3))])
        left = killed(tmp_path / "j.db", tmp_path / "killed.db")
        await journal.close()
        return tmp_path / "j.db" if clean else left

    path = asyncio.run(scene())
    first = rooms_of(path)
    epochs = {room.facts.epoch for room in first}
    assert epochs == {"e1"} if same else len(epochs) == 2 and "e1" not in epochs
    assert [3, 0] == [room.newest for room in first]
    # What a clean stop leaves holds, whatever was before.
    assert first == rooms_of(path)


def test_the_mode_of_the_last_run_counts_not_that_of_this_one(tmp_path: Path) -> None:
    """Starting with full makes nothing durable that was not."""

    async def scene() -> str:
        journal, _ = await opened(tmp_path / "j.db", "normal")
        await journal.create_room(a_room())
        left = killed(tmp_path / "j.db", tmp_path / "killed.db")
        await journal.close()
        journal, (room,) = await opened(left, "full")
        await journal.close()
        return room.facts.epoch

    assert "e1" != asyncio.run(scene())


@pytest.mark.parametrize("how", ["purge", "trim"])
def test_the_file_shrinks_when_much_is_deleted(tmp_path: Path, how: str) -> None:
    """To less than a third of it; what is kept is whole."""
    path = tmp_path / "j.db"

    async def scene() -> tuple[int, int]:
        journal, _ = await opened(path)
        key = await new_room(journal)
        other = await new_room(journal, "other")
        for start in range(1, 8_001, 500):
            await journal.append([Append(key, entries(start, 500, size=2_000))])
        await journal.append([Append(other, entries(1, 100, size=2_000))])
        await journal.close()
        before = path.stat().st_size
        journal, _ = await opened(path)
        if how == "purge":
            await journal.append([Append(key, closes=True)])
            await journal.purge(key)
        else:
            await journal.trim(key, entries=100, size=BIG)
            await journal.sweep(NOW)
            assert entries(7_901, 100, size=2_000) == await everything(journal, key)
        after = path.stat().st_size  # also while the server runs
        assert entries(1, 100, size=2_000) == await everything(journal, other)
        await journal.close()
        with closing(sqlite3.connect(path)) as connection:
            assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()
        return before, after

    before, after = asyncio.run(scene())
    assert before > 8_000 * 2_000
    assert after < before / 3
    assert after < 100 * 2_500 * 2 + upkeep.FREE_BYTES + 80 * 4_096


def test_a_file_that_gives_nothing_back_is_not_asked_for_ever(tmp_path: Path) -> None:
    """As after an upgrade for which the disk had no room: there are pages, and they stay."""
    with closing(opening.connect(tmp_path / "j.db")) as connection:
        schema.upgrade(connection, 0)
        writer = Writer(connection)
        key = writer.create_room(a_room()).facts.key
        writer.append([Append(key, entries(1, 4_000, size=2_000))])
        writer.append([Append(key, closes=True)])
        while upkeep.purge_step(writer, key):
            pass
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        assert free * 4_096 > upkeep.FREE_BYTES
        assert not upkeep.give_back_step(writer)


def test_a_block_stays_as_long_as_one_of_its_nonces_counts(tmp_path: Path) -> None:
    """What is trimmed is not read any more; a retry is told where it was."""
    with closing(opening.connect(tmp_path / "j.db")) as connection:
        schema.upgrade(connection, 0)
        writer = Writer(connection)
        keys = [writer.create_room(a_room(room_id)).facts.key for room_id in ("one", "two")]

        def check_count(blocks: int, nonces: int) -> None:
            for table, count in (("block", blocks), ("nonce", nonces)):
                found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                assert (count,) == found, table

        def trim(key: int, entries: int = 1) -> None:
            trim = upkeep.Trim.begin(writer, key, entries=entries, size=BIG)
            while trim.step(writer):
                pass

        def sweep(now: int) -> None:
            sweep = upkeep.NonceSweep(now)
            while sweep.step(writer):
                pass

        later = NOW + NONCE_SECONDS * SECOND
        one = [nonced(n, f"n{n}", author=1, sent=NOW + (n > 3)) for n in range(1, 7)]
        two = [nonced(n, f"n{n}", author=2) for n in range(1, 7)]
        for begin in (0, 2, 4):
            parts = [
                Append(keys[0], one[begin : begin + 2]),
                Append(keys[1], two[begin : begin + 2]),
            ]
            writer.append(parts)
        check_count(6, 12)
        for key in keys:
            trim(key)
        check_count(6, 12)
        writer.append([Append(keys[1], [nonced(7, "n1", author=2, sent=later)])])
        check_count(7, 12)
        sweep(later)  # of room one the first three, of room two all but the last
        check_count(2 + 2, 3 + 1)
        (found,) = writer._find([nonced(0, "n1", author=2)])
        assert 7 == found.sequence, "the sweep has taken the nonce of a later message"
        trim(keys[1])
        check_count(2 + 1, 4)
        writer.append([Append(keys[1], closes=True)])
        while upkeep.purge_step(writer, keys[1]):
            pass
        check_count(2, 3)
        sweep(later + 1)
        check_count(1, 0)


def test_a_trim_lets_go_of_more_than_comes_meanwhile(tmp_path: Path) -> None:
    """Of twice as much in a step as the latest append has stored: else it never ends in a flood."""
    with closing(opening.connect(tmp_path / "j.db")) as connection:
        schema.upgrade(connection, 0)
        writer = Writer(connection)
        key = writer.create_room(a_room()).facts.key
        writer.append([Append(key, entries(1, 20_000))])
        trim = upkeep.Trim.begin(writer, key, entries=10, size=BIG)
        for first, count in ((20_001, 3_000), (23_001, 1)):
            writer.append([Append(key, entries(first, count))])
            before = trim.oldest
            assert trim.step(writer)
            block = 4_000 // 45
            assert max(2 * count, upkeep.STEP_BLOCKS * (block - 1)) <= trim.oldest - before
            assert trim.oldest - before <= max(2 * count, upkeep.STEP_BLOCKS * block) + block


def test_in_balance_nothing_is_given_back_and_nothing_grows(tmp_path: Path) -> None:
    """What a trim frees is used by the next appends, and no page is moved for it."""
    path = tmp_path / "j.db"

    async def scene() -> list[int]:
        journal, _ = await opened(path)
        key = await new_room(journal)
        sizes: list[int] = []
        for start in range(1, 10_001, 500):
            await journal.append([Append(key, entries(start, 500, size=2_000))])
            await journal.trim(key, entries=1_000, size=BIG)
            await journal.sweep(NOW)
            with closing(sqlite3.connect(path)) as connection:
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
            sizes.append(pages)
        await journal.close()
        return sizes

    sizes = asyncio.run(scene())
    assert max(sizes[5:]) <= sizes[5] + 2  # a page more or less of the map of free ones


def test_the_write_ahead_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    """Nothing reads, and what was appended is many times its bound."""
    path = tmp_path / "j.db"

    async def scene() -> int:
        journal, _ = await opened(path)
        key = await new_room(journal)
        largest = 0
        for start in range(1, 40_001, 500):
            await journal.append([Append(key, entries(start, 500, size=2_000))])
            largest = max(largest, path.with_name("j.db-wal").stat().st_size)
        await journal.close()
        return largest

    assert asyncio.run(scene()) < opening.WAL_BYTES


def test_a_probe_is_a_commit_and_fails_as_one(tmp_path: Path) -> None:
    """It writes to the disk as an append does, and changes nothing that anybody reads."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 3))])
        before = await everything(journal, key)
        log = tmp_path / "j.db-wal"
        size = log.stat().st_size
        await journal.probe()
        assert log.stat().st_size > size
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = ON").close())
        with pytest.raises(JournalError):
            await journal.probe()
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = OFF").close())
        await journal.probe()
        assert before == await everything(journal, key)
        await journal.close()

    asyncio.run(scene())


def test_the_log_is_copied_beside_the_writer(tmp_path: Path) -> None:
    """Long before the writer would do it: the file grows while the log is still short."""
    path = tmp_path / "j.db"

    async def scene() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        before = path.stat().st_size
        log = path.with_name("j.db-wal")
        for start in range(1, 6_001, 500):
            await journal.append([Append(key, entries(start, 500, size=2_000))])
            if path.stat().st_size > before:
                break
        async with asyncio.timeout(60):  # the thread that copies may be behind
            while path.stat().st_size == before:
                await asyncio.sleep(0.01)
        assert log.stat().st_size < opening.CHECKPOINT_PAGES * 4_096
        await journal.close()

    asyncio.run(scene())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="locks are looked at in /proc")
def test_another_connection_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing any descriptor of a file ends a process's locks on it (fcntl, 2): we have none."""
    path = tmp_path / "j.db"
    with closing(sqlite3.connect(path)) as first:
        first.execute("CREATE TABLE held (it)")
        first.execute("BEGIN EXCLUSIVE")

        def locks() -> int:
            inode = f":{path.stat().st_ino} "
            return sum(inode in line for line in Path("/proc/locks").read_text().splitlines())

        held = locks()
        assert held
        with closing(opening.connect(path)):
            assert held == locks()
