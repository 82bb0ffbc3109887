"""The redo log: what it holds survives, once, in order, and whatever else stands in its files."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, JournalError, JournalUnusable, StoredRoom, SyncMode
from chatroom.journal.sqlite import BackupFailed, SQLiteJournal, backup, check, redo, repair
from chatroom.journal.sqlite.intake import DUE_ENTRIES, Intake, as_it_was_last, with_session
from chatroom.journal.sqlite.nonces import Nonces
from chatroom.journal.sqlite.records import RUNS, Found, Record, encode, records
from chatroom.wire.envelopes import envelope
from tests.journal.damaged_blocks import damage_entry
from tests.journal.journals import (
    BIG,
    NOW,
    SECOND,
    a_room,
    entries,
    everything,
    new_room,
    nonced,
    record,
    without_nonces,
)
from tests.journal.sqlite_files import enveloped, killed, opened

RUN = RUNS - 2
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


FORMER = st.lists(st.text("ab ü", min_size=1, max_size=4), max_size=3).map(tuple)


@st.composite
def appends(draw: st.DrawFn) -> Append:
    first = draw(st.integers(1, 1 << 50))
    told = [
        Entry(first + n, draw(NUMBERS), draw(st.sampled_from(Kind)), draw(NUMBERS), *each)
        for n, each in enumerate(
            draw(st.lists(st.tuples(st.binary(max_size=30), TEXTS), max_size=4))
        )
    ]
    members = [
        replace(
            record(draw(NUMBERS), name=draw(TEXTS), session=session, former=draw(FORMER)),
            ended=draw(NUMBERS),
        )
        for session in draw(st.lists(st.none() | st.binary(max_size=32), max_size=2))
    ]
    return Append(
        draw(NUMBERS),
        told,
        members,
        draw(st.lists(NUMBERS, max_size=2)),
        closes=draw(st.booleans()),
    )


TURNS = st.lists(st.lists(appends(), max_size=2), max_size=3)


def in_file(turns: list[list[Append]], first: int = 1) -> bytes:
    return b"".join(encode(RUN, number, turn) for number, turn in enumerate(turns, first))


@given(TURNS, st.integers(1, 1 << 40), st.binary(max_size=40))
def test_records_are_read_as_they_were_written(
    turns: list[list[Append]], first: int, behind: bytes
) -> None:
    """Whatever stands behind them."""
    found = records(in_file(turns, first) + behind, RUN)
    assert [Record(number, turn) for number, turn in enumerate(turns, first)] == found.records
    assert [] == found.beyond


@given(TURNS.filter(bool), st.data())
def test_a_changed_byte_ends_what_can_be_read(
    turns: list[list[Append]], data: st.DataObject
) -> None:
    """What stands before it is there; that there was more behind it is noticed."""
    whole = bytearray(in_file(turns))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    ends = [len(in_file(turns[: count + 1])) for count in range(len(turns))]
    before = sum(end <= at for end in ends)
    found = records(bytes(whole), RUN)
    assert [Record(n, turn) for n, turn in enumerate(turns[:before], 1)] == found.records
    behind = list(enumerate(turns, 1))[before + 1 :]
    assert [Record(number, turn) for number, turn in behind] == found.beyond


@given(st.binary(max_size=200), TURNS)
def test_any_bytes_can_be_read(noise: bytes, turns: list[list[Append]]) -> None:
    """Noise is no record; records of another run are none."""
    assert Found([], []) == records(noise, RUN) == records(in_file(turns), RUN - 1)


VERSION_4 = bytes.fromhex(
    "8a000000f00e4b77050000000000000002000000000000000700000000000000"
    "030000000000000001000000020000000100000001e8030000000000000b0000"
    "0000000000060000000200000000000001786e310b0000000000000084030000"
    "000000000000000000000000010001030004416461737373730c000000000000"
    "00b603000000000000de03000000000000000000030000426f620d0000000000"
    "0000"
)
"""A record as schema version 4 wrote it, when members had no subjects."""


def test_what_version_4_has_left_is_read() -> None:
    """A killed server of before left it; the first start of this one does it again."""
    ada = replace(record(11, name="Ada", since=900, session=b"ssss"), subject="")
    bob = replace(record(12, name="Bob", since=950, ended=990, logged=False), subject="")
    said = Entry(3, 1000, Kind.SAID, 11, b"\0\0\0\0\1x", "n1")
    assert Found([Record(2, [Append(7, [said], [ada, bob], [13], closes=True)])], []) == records(
        VERSION_4, 5
    )


def test_records_of_before_are_no_part_of_the_log() -> None:
    """A file is written anew from its beginning: what the last time left lies behind."""
    turns = [[Append(1, entries(number, 1))] for number in range(1, 9)]
    old = in_file(turns)
    new = in_file([[Append(1, entries(101, 1))], [Append(1, entries(102, 1))]], 101)
    found = records(new + old[len(new) :], RUN)
    assert [101, 102] == [each.number for each in found.records]
    assert [] == found.beyond


async def filled(path: Path, sync: SyncMode = "full", turns: int = 6) -> tuple[SQLiteJournal, int]:
    """A journal that has one room in its tables, and a number of appends in its redo log."""
    journal, _ = await opened(path, sync)
    key = await new_room(journal)
    for turn in range(turns):
        await journal.append([turn_of(key, turn)])
    return journal, key


def turn_of(key: int, turn: int) -> Append:
    """Three entries, and a member who comes with every second one and goes with the next."""
    told = enveloped(entries(3 * turn + 1, 3, size=30 + turn))
    if turn % 2:
        return Append(key, told, gone=[turn - 1])
    return Append(key, told, [record(turn, session=b"%d" % turn)])


def found_in(path: Path) -> tuple[StoredRoom, list[Entry]]:
    """The room of `filled` and all of its entries, as a server that starts now has them."""

    async def scene() -> tuple[StoredRoom, list[Entry]]:
        journal = SQLiteJournal(path, sync="off")
        try:
            (room,) = await journal.open()
            return room, await everything(journal, room.facts.key)
        finally:
            await journal.close()

    return asyncio.run(scene())


def left(tmp_path: Path, sync: SyncMode, turns: int = 6) -> Path:
    """The files of `filled` as a process that is killed leaves them."""

    async def scene() -> Path:
        journal, _ = await filled(tmp_path / "j.db", sync, turns)
        path = killed(tmp_path / "j.db", tmp_path / "killed.db")
        await journal.close()
        return path

    return asyncio.run(scene())


def copied(path: Path, directory: Path) -> Path:
    directory.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, directory)
    return directory / path.name


def test_a_log_cut_anywhere_gives_whole_appends(tmp_path: Path) -> None:
    """Entries and members of each are there together or not at all, from the first one on."""
    path = left(tmp_path, "normal")
    whole = path.with_name(path.name + redo.SUFFIXES[0]).read_bytes()
    ends = [0]
    for turn in range(6):
        ends.append(ends[-1] + len(encode(1, 1, [turn_of(1, turn)])))
    assert len(whole) == ends[-1]
    rng = random.Random(9)
    for cut in {0, 1, *ends, *(end - 1 for end in ends[1:]), *rng.sample(range(len(whole)), 12)}:
        copy = copied(path, tmp_path / f"cut-{cut}")
        log = copy.with_name(copy.name + redo.SUFFIXES[0])
        log.write_bytes(whole[:cut] + rng.randbytes(rng.choice((0, 100))))
        turns = sum(end <= cut for end in ends) - 1
        room, stored = found_in(copy)
        assert [e for turn in range(turns) for e in turn_of(1, turn).entries] == stored
        assert 3 * turns == room.newest
        assert [turns - 1] * (turns % 2) == [member.author for member in room.inside]
        # It is in the tables now: nothing is done a second time.
        assert (room.newest, stored) == (found_in(copy)[0].newest, found_in(copy)[1])


def test_what_the_tables_have_is_not_stored_again(tmp_path: Path) -> None:
    """The log still has what they have got, in one file or both; a start takes the rest."""

    async def scene() -> list[tuple[int, Path]]:
        journal, key = await filled(tmp_path / "j.db")
        moments: list[tuple[int, Path]] = []
        for turn in range(6, 18):
            if turn % 3 == 0:
                await journal.settle()
            await journal.append([turn_of(key, turn)])
            moments.append((turn + 1, killed(tmp_path / "j.db", tmp_path / f"killed-{turn}.db")))
        await journal.close()
        return moments

    for turns, path in asyncio.run(scene()):
        room, stored = found_in(path)
        assert [e for turn in range(turns) for e in turn_of(1, turn).entries] == stored
        assert 3 * turns == room.newest
        assert sum(entry.stored_bytes for entry in stored) == room.size


def test_another_file_s_log_is_not_taken_for_its_own(tmp_path: Path) -> None:
    """A backup that takes the place of a file, beside whose redo log it then stands."""
    path = left(tmp_path, "full")

    async def scene() -> None:
        journal, _ = await filled(tmp_path / "other.db", turns=2)
        await asyncio.to_thread(backup, tmp_path / "other.db", tmp_path / "backup.db")
        await journal.close()

    asyncio.run(scene())
    path.with_name(path.name + "-wal").unlink()
    (tmp_path / "backup.db").replace(path)
    assert 6 == found_in(path)[0].newest


def test_a_backup_has_what_is_in_the_redo_log_alone(tmp_path: Path) -> None:
    """With members; and the server goes on undisturbed."""

    async def scene() -> None:
        journal, key = await filled(tmp_path / "j.db", turns=5)
        copied = await asyncio.to_thread(backup, tmp_path / "j.db", tmp_path / "backup.db")
        assert (1, 15) == (copied.rooms, copied.entries)
        await journal.append([turn_of(key, 5)])
        assert 18 == len(await everything(journal, key))
        await journal.close()

    asyncio.run(scene())
    assert check(tmp_path / "backup.db").wrong == []
    room, stored = found_in(tmp_path / "backup.db")
    assert [15, 15, [4]] == [room.newest, len(stored), [member.author for member in room.inside]]


def test_a_check_counts_what_is_in_the_redo_log_alone(tmp_path: Path) -> None:
    """Beside a server that runs, and without one; a room that was closed last is not told."""

    async def scene() -> None:
        journal, key = await filled(tmp_path / "j.db", turns=5)
        await new_room(journal, "quiet")
        gone = await new_room(journal, "gone")
        await journal.append([turn_of(key, 5), Append(gone, enveloped(entries(1, 1)), closes=True)])
        await journal.append([turn_of(key, 6)])
        path = killed(tmp_path / "j.db", tmp_path / "killed.db")
        told = [check(tmp_path / "j.db"), check(path)]
        await journal.settle()
        told.append(check(tmp_path / "j.db"))
        await journal.close()
        assert told[0] == told[1] == told[2]
        room, quiet = told[0].rooms
        assert ("quiet", 0, 0) == (quiet.room_id, quiet.entries, quiet.inside)
        assert (21, 1, 21, 1) == (room.entries, room.oldest, room.newest, room.inside)

    asyncio.run(scene())


def damage(path: Path, turn: int) -> None:
    """Change a byte of the record of an append."""
    log = path.with_name(path.name + redo.SUFFIXES[0])
    data = bytearray(log.read_bytes())
    end = sum(len(encode(1, 1, [turn_of(1, each)])) for each in range(turn + 1))
    data[end - 5] ^= 1
    log.write_bytes(data)


def test_damage_within_the_log_is_found_and_repaired(tmp_path: Path) -> None:
    """Where everything is waited for: a start refuses it, a repair keeps all the rest."""
    path = left(tmp_path, "full")
    damage(path, 3)
    (wrong,) = check(path).wrong
    assert "redo log" in wrong
    with pytest.raises(JournalUnusable, match=r"redo log.*chatserver repair"):
        found_in(path)
    done = repair(path)
    assert done.wrong == [wrong]
    assert done.salvaged is not None
    assert {"126859": [10, 11, 12]} == done.salvaged.lost
    assert 15 == done.salvaged.entries
    assert done.kept is not None
    assert done.kept.with_name(done.kept.name + redo.SUFFIXES[0]).exists()
    assert [] == check(path).wrong
    room, stored = found_in(path)
    assert (18, list(range(1, 19))) == (room.newest, [entry.sequence for entry in stored])
    assert [10, 11, 12] == [each.sequence for each in stored if each.kind is Kind.DAMAGED]
    assert turn_of(1, 5).entries == stored[15:]


def test_an_end_that_is_torn_is_no_damage(tmp_path: Path) -> None:
    """The last record may be one that nobody was told of."""
    path = left(tmp_path, "full")
    damage(path, 5)
    assert [] == check(path).wrong
    assert 15 == found_in(path)[0].newest


def test_a_hole_in_a_log_that_is_not_synced_is_a_loss_of_power(tmp_path: Path) -> None:
    """What stands behind it is not believed; epochs say that something may be missing."""
    path = left(tmp_path, "normal")
    damage(path, 3)
    assert [] == check(path).wrong
    room, _ = found_in(path)
    assert 9 == room.newest
    assert "e1" != room.facts.epoch


@pytest.mark.parametrize("between", ["a retry", "a room"])
def test_what_the_tables_alone_have_got_is_not_passed_over(tmp_path: Path, between: str) -> None:
    """A loss of power can cost the tables what they got, and not the log what came after it."""

    async def scene() -> Path:
        journal, key = await filled(tmp_path / "j.db", "normal", turns=1)
        other = await new_room(journal, "other")
        tables = killed(tmp_path / "j.db", tmp_path / "left.db")
        if between == "a room":
            await journal.create_room(a_room("lost"))
        else:
            told = nonced(4, "n", sent=NOW)
            await journal.append([Append(key, [told])])
            await journal.append(
                [Append(key, [replace(told, sequence=5, sent=NOW + 600 * SECOND)])]
            )
        await journal.append([Append(other, entries(1, 1))])
        killed(tmp_path / "j.db", tmp_path / "later.db")
        for suffix in redo.SUFFIXES:
            (tmp_path / f"later.db{suffix}").replace(tmp_path / f"left.db{suffix}")
        await journal.close()
        return tables

    async def found(path: Path) -> dict[str, int]:
        journal, rooms = await opened(path)
        await journal.close()
        return {room.facts.room_id: room.newest for room in rooms}

    path = asyncio.run(scene())
    newest = asyncio.run(found(path))
    assert {"other": 0} == {room: newest[room] for room in newest if room != "126859"}
    assert newest["126859"] in (3, 4)


def test_what_was_said_in_a_room_that_went_with_the_power_is_lost(tmp_path: Path) -> None:
    """Where nothing is waited for; a start does without it, and a repair keeps the others'."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", "normal")
        kept = await new_room(journal, "kept")
        killed(tmp_path / "j.db", tmp_path / "left.db")
        lost = await new_room(journal, "lost")
        await journal.append([Append(lost, enveloped(entries(1, 1)))])
        await journal.append([Append(kept, enveloped(entries(1, 2)))])
        killed(tmp_path / "j.db", tmp_path / "later.db")
        for suffix in redo.SUFFIXES:
            (tmp_path / f"later.db{suffix}").replace(tmp_path / f"left.db{suffix}")
        await journal.close()

    asyncio.run(scene())
    path = tmp_path / "left.db"
    room, stored = found_in(copied(path, tmp_path / "started"))
    assert ("kept", []) == (room.facts.room_id, stored)
    assert "e1" != room.facts.epoch
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE room SET size = 1")
        connection.commit()
    repair(path)
    room, stored = found_in(path)
    assert ("kept", 2) == (room.facts.room_id, len(stored))


def test_what_does_not_follow_the_tables_is_damage(tmp_path: Path) -> None:
    """A start and a backup refuse it; a check finds it, so a repair keeps all, nothing twice."""

    async def scene() -> None:
        journal, _ = await filled(tmp_path / "j.db", "full")
        await journal.settle()
        killed(tmp_path / "j.db", tmp_path / "left.db")
        await journal.close()

    asyncio.run(scene())
    path = tmp_path / "left.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run SET redone = 1")
        connection.commit()
    with pytest.raises(JournalUnusable, match="its redo log does not follow what is stored"):
        found_in(path)
    with pytest.raises(BackupFailed, match="does not follow what is stored"):
        backup(path, tmp_path / "backup.db")
    assert ["the redo log does not follow what is stored"] == check(path).wrong
    assert [] != repair(path).wrong
    assert [] == check(path).wrong
    room, stored = found_in(path)
    assert (18, list(range(1, 19))) == (room.newest, [entry.sequence for entry in stored])


def test_what_is_in_the_log_is_not_passed_over_where_its_room_is_lost(tmp_path: Path) -> None:
    """Damage has taken the room's row: a start refuses, and a repair keeps what others said."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", "full")
        kept, lost = await new_room(journal, "kept"), await new_room(journal, "lost")
        await journal.append([Append(lost, enveloped(entries(1, 1)))])
        await journal.append([Append(kept, enveloped(entries(1, 2)))])
        killed(tmp_path / "j.db", tmp_path / "left.db")
        await journal.close()

    asyncio.run(scene())
    path = tmp_path / "left.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM room WHERE room_id = 'lost'")
        connection.commit()
    with pytest.raises(JournalUnusable, match="its redo log does not follow what is stored"):
        found_in(path)
    assert ["the redo log does not follow what is stored"] == check(path).wrong
    assert repair(path).kept is not None
    room, stored = found_in(path)
    assert ("kept", 2) == (room.facts.room_id, len(stored))


def test_a_session_is_as_it_was_told_last() -> None:
    """Also while the tables get what was told before, and once they have got it."""
    here = Intake()
    here.opened(1, 0)
    here.add([Append(1, members=[record(1, session=b"one"), record(2, session=b"two")])], 1)
    here.take()
    here.add([Append(1, members=[record(2, session=b"three")], gone=[1])], 2)
    moment = here.moment()
    here.taken()
    stale = (1, record(1, session=b"one")), (1, record(2, session=b"two"))
    assert [None, record(2, session=b"three")] == [as_it_was_last(moment, each) for each in stale]
    assert (1, record(2, session=b"three")) == with_session(moment, b"three")
    for digest in b"one", b"two":
        found = with_session(moment, digest)
        last = found and as_it_was_last(moment, found)
        assert last is None or last.session != digest
    assert None is with_session(moment, b"four")


def test_a_repair_of_the_tables_keeps_the_log(tmp_path: Path) -> None:
    """A damaged entry in the tables, and more in the log."""

    async def scene() -> Path:
        journal, key = await filled(tmp_path / "j.db")
        await journal.settle()
        await journal.append([turn_of(key, 6)])
        path = killed(tmp_path / "j.db", tmp_path / "killed.db")
        await journal.close()
        return path

    path = asyncio.run(scene())
    damage_entry(path, 2)
    done = repair(path)
    assert done.salvaged is not None
    assert {"126859": [2]} == done.salvaged.lost
    assert 21 == found_in(path)[0].newest


@pytest.mark.parametrize("sync", ["full", "normal"])
def test_a_log_that_cannot_be_written_refuses(tmp_path: Path, sync: SyncMode) -> None:
    """And stores nothing; with space it goes on where it was."""
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full")

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", sync)
        key = await new_room(journal)
        assert journal._redo is not None
        (file, *_) = journal._redo._files
        kept = os.dup(file)
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, file)
        for _ in range(3):
            with pytest.raises(JournalError, match="No space left"):
                await journal.append([turn_of(key, 0)])
        assert [] == await everything(journal, key)
        with pytest.raises(JournalError, match="No space left"):
            await journal.probe()
        os.dup2(kept, file)
        for descriptor in kept, full:
            os.close(descriptor)
        await journal.append([turn_of(key, 0)])
        await journal.close()

    asyncio.run(scene())
    assert 3 == found_in(tmp_path / "j.db")[0].newest


def test_tables_that_cannot_be_written_refuse_what_comes_next(tmp_path: Path) -> None:
    """What the redo log has by then is stored and read, and gets into the tables afterwards."""

    async def scene() -> None:
        journal, key = await filled(tmp_path / "j.db")
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = ON").close())
        with pytest.raises(JournalError):
            await journal.settle()
        for _ in range(2):
            with pytest.raises(JournalError):
                await journal.append([turn_of(key, 6)])
        with pytest.raises(JournalError):
            await journal.create_room(a_room("other"))
        assert 18 == len(await everything(journal, key))
        path = killed(tmp_path / "j.db", tmp_path / "killed.db")
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = OFF").close())
        await journal.append([turn_of(key, 6)])
        assert 21 == len(await everything(journal, key))
        await journal.close()
        journal, (room,) = await opened(path)
        assert 18 == room.newest
        await journal.close()

    asyncio.run(scene())
    assert 21 == found_in(tmp_path / "j.db")[0].newest


def test_closing_without_the_tables_leaves_everything_to_the_log(tmp_path: Path) -> None:
    """A disk that has room for less than is to be stored costs nothing when the server stops."""

    async def scene() -> None:
        journal, _ = await filled(tmp_path / "j.db")
        refuses = (
            "CREATE TEMP TRIGGER refuses BEFORE INSERT ON main.block "
            "BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        await journal._write(lambda w: w.connection.execute(refuses).close())
        await journal.close()

    asyncio.run(scene())
    room, stored = found_in(tmp_path / "j.db")
    assert (18, 18, "e1") == (room.newest, len(stored), room.facts.epoch)


def test_a_probe_that_fails_leaves_no_hole(tmp_path: Path) -> None:
    """Its record is one of the log's, though there is nothing in it for the tables."""

    async def scene() -> None:
        journal, key = await filled(tmp_path / "j.db")
        await journal.settle()
        await journal.probe()
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = ON").close())
        for _ in range(3):
            with pytest.raises(JournalError):
                await journal.probe()
        await journal._write(lambda w: w.connection.execute("PRAGMA query_only = OFF").close())
        await journal.append([turn_of(key, 6)])
        path = killed(tmp_path / "j.db", tmp_path / "killed.db")
        await journal.close()
        assert [] == check(path).wrong
        journal, (room,) = await opened(path)
        assert 21 == room.newest
        await journal.close()

    asyncio.run(scene())


def test_what_is_stored_is_in_the_tables_after_a_while(tmp_path: Path) -> None:
    """Also if nothing else is said; and much at once without a wait."""

    async def rows(path: Path, count: int) -> None:
        with closing(sqlite3.connect(path)) as connection:
            while connection.execute("SELECT sum(count) FROM block").fetchone() != (count,):
                await asyncio.sleep(0.01)

    async def scene() -> None:
        journal, key = await filled(tmp_path / "j.db")
        async with asyncio.timeout(10):
            await rows(tmp_path / "j.db", 18)
        await journal.append([Append(key, entries(19, DUE_ENTRIES))])
        async with asyncio.timeout(10):
            await rows(tmp_path / "j.db", 18 + DUE_ENTRIES)
        assert max(file.stat().st_size for file in tmp_path.glob("*-redo?")) < 1 << 20
        await journal.close()
        assert [] == list(tmp_path.glob("*-redo?"))

    asyncio.run(scene())


def test_an_append_that_is_cancelled_is_stored_or_not_at_all(tmp_path: Path) -> None:
    """What follows it has the sequence after it: nothing is numbered twice."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", "full")
        key = await new_room(journal)
        newest = 0
        for _ in range(20):
            appending = asyncio.create_task(
                journal.append([Append(key, enveloped(entries(newest + 1, 1)))])
            )
            await asyncio.sleep(0)
            appending.cancel()
            await asyncio.wait([appending])
            newest = len(await everything(journal, key))
            await journal.append([Append(key, enveloped(entries(newest + 1, 1)))])
            newest += 1
        await journal.close()

    asyncio.run(scene())
    room, stored = found_in(tmp_path / "j.db")
    assert room.newest == len(stored)
    assert room.newest >= 20


def test_reads_see_the_log_and_the_tables_as_one(tmp_path: Path) -> None:
    """Pages that begin in the one and end in the other, by number and by bytes."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", "off")
        key = await new_room(journal)
        told = [
            replace(each, envelope=envelope(bytes(each.sequence % 7)), kind=Kind(each.sequence % 3))
            for each in entries(1, 30)
        ]
        for begin in range(0, 30, 5):
            await journal.append([Append(key, told[begin : begin + 5])])
            if begin == 10:
                await journal.settle()
        for at in range(32):
            for most in 1, 4, 12, 40:
                above = [each for each in told if each.sequence > at][:most]
                assert above == await journal.read(key, after=at, entries=most, size=BIG)
                below = [each for each in told if each.sequence < at][-most:]
                assert below == await journal.read_before(key, before=at, entries=most, size=BIG)
                page = await journal.read(key, after=at, entries=BIG, size=10 * most)
                assert page == above_by_size(told, at, 10 * most)
                page = await journal.read_before(key, before=at, entries=BIG, size=10 * most)
                assert page[::-1] == above_by_size(told[::-1], at, 10 * most)
                said = [e.sequence for e in told if e.sequence < at and e.kind is Kind.SAID]
                expected = said[-most:][0] if said else at
                assert expected == await journal.said_before(key, before=at, count=most)
        await journal.close()

    asyncio.run(scene())


def above_by_size(told: list[Entry], at: int, size: int) -> list[Entry]:
    """Those beyond `at` in the order of `told`, until they have so many bytes."""
    up = told[0].sequence < told[-1].sequence
    page: list[Entry] = []
    for entry in told:
        beyond = entry.sequence > at if up else entry.sequence < at
        if beyond and (size > 0 or not page):
            page.append(entry)
            size -= len(entry.envelope)
    return page


def test_nonces_in_the_log_are_not_told_to_readers(tmp_path: Path) -> None:
    """As those in the tables are not."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", "off")
        key = await new_room(journal)
        told = [nonced(1, "a"), nonced(2, "b")]
        await journal.append([Append(key, told)])
        for _ in range(2):
            assert without_nonces(told) == await everything(journal, key)
            page = await journal.read_before(key, before=9, entries=9, size=BIG)
            assert without_nonces(told) == page
            await journal.settle()
        await journal.close()

    asyncio.run(scene())


# ---- What is known of nonces without the tables -----------------------------------------


def test_a_nonce_that_is_new_is_known_to_be() -> None:
    """So no table is asked; one that was used is looked for there."""
    nonces = Nonces()
    nonces.used([nonced(1, "a")])
    assert not nonces.may_be_used([nonced(2, "b"), nonced(2, "a", author=3)])
    assert nonces.may_be_used([nonced(2, "b"), nonced(3, "a")])


def test_of_authors_of_before_nothing_is_known_for_a_while() -> None:
    """Until nothing that was sent before the start counts any more."""
    nonces = Nonces([3], NOW)
    assert nonces.may_be_used([nonced(1, "a", author=3)])
    assert not nonces.may_be_used([nonced(1, "a", author=4)])
    nonces.sweep(NOW + 599 * SECOND)
    assert nonces.may_be_used([nonced(1, "a", author=3)])
    nonces.sweep(NOW + 600 * SECOND)
    assert not nonces.may_be_used([nonced(1, "a", author=3)])


def test_nonces_are_forgotten_when_they_count_no_more() -> None:
    """Not before, however often it is swept; and nothing is kept for ever."""
    nonces = Nonces(most=100)
    for second in range(0, 6_000, 10):
        sent = NOW + second * SECOND
        nonces.used([nonced(1, f"n{second}", sent=sent)])
        nonces.sweep(sent)
        for age in range(0, min(second, 600), 50):
            assert nonces.may_be_used([nonced(1, f"n{second - age}")]), (second, age)
    nonces.sweep(sent + 600 * SECOND)
    nonces.sweep(sent + 600 * SECOND)
    assert not nonces.may_be_used([nonced(1, f"n{second}")])


def test_too_many_nonces_are_all_looked_for() -> None:
    """Until those that had no place here count no more."""
    nonces = Nonces(most=3)
    nonces.used([nonced(1, f"n{n}", sent=NOW + n) for n in range(4)])
    assert nonces.may_be_used([nonced(1, "new")])
    nonces.sweep(NOW + 3 + 599 * SECOND)
    assert nonces.may_be_used([nonced(1, "new")])
    nonces.sweep(NOW + 3 + 600 * SECOND)
    assert not nonces.may_be_used([nonced(1, "new")])


def test_where_nobody_knows_all_are_looked_for() -> None:
    """The index of nonces cannot be read."""
    nonces = Nonces(None, NOW)
    assert nonces.may_be_used([nonced(1, "new")])
    nonces.sweep(NOW + 600 * SECOND)
    assert not nonces.may_be_used([nonced(1, "new")])
