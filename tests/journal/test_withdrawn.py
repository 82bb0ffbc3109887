"""Nothing of a withdrawn text is in any file afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append
from chatroom.journal.sqlite import SQLiteJournal, backup
from chatroom.journal.sqlite.blocks import COLUMNS, block_of
from chatroom.journal.sqlite.opening import connect
from chatroom.journal.sqlite.withdrawing import Scrubber
from tests.faults.scale import BRIEF, SOAK
from tests.journal.damaged_blocks import damage_head
from tests.journal.damaging import PAGE
from tests.journal.journals import AUTHOR, BIG, NOW, everything, new_room
from tests.journal.sqlite_files import opened

SEEDS = range(100) if SOAK else (4, 14) if BRIEF else (0, 4, 7, 14)
"""Of these, 4, 7 and 14 have copies in unused parts of pages, which only a look through finds."""
ROOMS = 12
TURNS = 40


def texts(number: int, rng: random.Random) -> bytes:
    """An envelope that is found again: small, or with pages of its own.

    It ends with its number too, as a message ends with its sequence and time.
    """
    size = rng.choice([40, 40, 200, 900, 3_000, 9_000])
    return (b"<text %06d>" % number).ljust(size, b".") + b"%06d" % number


def said(sequence: int, envelope: bytes, nonce: str = "") -> Entry:
    return Entry(sequence, NOW + sequence, Kind.SAID, AUTHOR, envelope, nonce)


class Filled:
    """Rooms that talk at once, lose their oldest entries, and end: rows move in the file."""

    def __init__(self, journal: SQLiteJournal, seed: int) -> None:
        self.journal = journal
        self.rng = random.Random(seed)
        self.keys: list[int] = []
        self.number = 0
        self.logs: dict[int, list[Entry]] = {}

    async def fill(self) -> None:
        for room in range(ROOMS):
            key = await new_room(self.journal, f"room-{room}")
            self.logs[key] = []
        for turn in range(TURNS):
            await self.journal.append([self._some(key) for key in self.logs])
            if turn % 5 == 4:
                await self.journal.settle()
            if turn % 8 == 7:
                key = self.rng.choice(list(self.logs))
                await self.journal.trim(key, entries=60, size=1 << 30)
                del self.logs[key][: max(0, len(self.logs[key]) - 60)]
        closed = next(iter(self.logs))
        end = Entry(len_of(self.logs[closed]) + 1, NOW * 2, Kind.CLOSED, 0, b"closed")
        await self.journal.append([Append(closed, [end], closes=True)])
        await self.journal.purge(closed)
        del self.logs[closed]

    def _some(self, key: int) -> Append:
        log = self.logs[key]
        new: list[Entry] = []
        for _ in range(self.rng.randrange(1, 9)):
            self.number += 1
            envelope = texts(self.number, self.rng)
            nonce = f"n{self.number}" if self.number % 3 == 0 else ""
            new.append(said(len_of(log) + len(new) + 1, envelope, nonce))
        log += new
        return Append(key, new)

    async def withdraw(self, count: int) -> list[bytes]:
        """Withdraw some messages anywhere; the marks by which each would be found."""
        gone: list[bytes] = []
        for _ in range(count):
            key = self.rng.choice(list(self.logs))
            log = self.logs[key]
            entry = self.rng.choice([each for each in log if each.kind is Kind.SAID])
            mark = replace(entry, kind=Kind.WITHDRAWN, envelope=b"(withdrawn)")
            log[log.index(entry)] = mark
            telling = Entry(len_of(log) + 1, NOW * 2, Kind.WITHDRAWAL, 0, b"withdrawn")
            log.append(telling)
            await self.journal.append([Append(key, [telling], replaced=[mark])])
            gone.append(entry.envelope[:13])
        return gone


def len_of(log: list[Entry]) -> int:
    """The newest sequence of a log."""
    return log[-1].sequence if log else 0


def found_in(directory: Path, marks: list[bytes]) -> list[tuple[str, bytes]]:
    """Which file has which of them."""
    contents = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    return [(path.name, mark) for path, data in contents.items() for mark in marks if mark in data]


async def scrubbed(path: Path, seed: int) -> list[bytes]:
    """What was withdrawn of a journal that still runs when the marks are looked for."""
    journal = SQLiteJournal(path, sync="off")
    await journal.open()
    try:
        filled = Filled(journal, seed)
        await filled.fill()
        marks = await filled.withdraw(30)
        assert found_in(path.parent, marks), "the test could not fail: nothing was ever there"
        assert await journal.scrub()
        await asyncio.to_thread(backup, path, path.with_name("backup.db"))
        return [mark for _, mark in found_in(path.parent, marks)]
    finally:
        await journal.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_left(tmp_path: Path, seed: int) -> None:
    """In database, logs, redo log and a backup made after, while the journal runs on."""
    assert [] == asyncio.run(scrubbed(tmp_path / "j.db", seed))


def test_without_secure_delete_something_is(tmp_path: Path) -> None:
    """The control: rows that are changed as SQLite does it by itself, and the log truncated."""
    path = tmp_path / "j.db"

    async def scene() -> None:
        journal = SQLiteJournal(path, sync="off")
        await journal.open()
        await Filled(journal, 0).fill()
        await journal.close()

    asyncio.run(scene())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        rows = connection.execute(f"SELECT {COLUMNS} FROM block LIMIT 30")
        marks = []
        for row in rows.fetchall():
            connection.execute(
                "UPDATE block SET entries = x'' WHERE room = ? AND first = ?", row[:2]
            )
            block = block_of(row)
            assert block is not None
            marks.append(block.entries(0, BIG)[0].envelope[:13])
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert not busy
    assert found_in(tmp_path, marks)


def test_what_is_in_a_damaged_block_goes_too(tmp_path: Path) -> None:
    """Nobody can tell its messages apart, so all of them go; the log ends where it did."""
    path = tmp_path / "j.db"

    async def before() -> None:
        journal = SQLiteJournal(path, sync="off")
        await journal.open()
        key = await new_room(journal)
        for sequence in (1, 2):
            await journal.append([Append(key, [said(sequence, b"<text %d>" % sequence)])])
            await journal.settle()
        await journal.close()

    async def after() -> None:
        journal = SQLiteJournal(path, sync="off")
        await journal.open()
        mark = replace(said(2, b"(withdrawn)"), kind=Kind.WITHDRAWN)
        telling = Entry(3, NOW * 2, Kind.WITHDRAWAL, 0, b"withdrawn")
        await journal.append([Append(1, [telling], replaced=[mark])])
        assert await journal.scrub()
        assert [("j.db", b"<text 1>")] == found_in(tmp_path, [b"<text 1>", b"<text 2>"])
        await journal.close()
        journal = SQLiteJournal(path, sync="off")
        (room,) = await journal.open()
        kinds = [entry.kind for entry in await everything(journal, 1)]
        assert (3, [Kind.SAID, Kind.DAMAGED, Kind.WITHDRAWAL]) == (room.newest, kinds)
        await journal.close()

    asyncio.run(before())
    damage_head(path, 2)
    asyncio.run(after())


@pytest.mark.slow
def test_a_reader_holds_it_up(tmp_path: Path) -> None:
    """Whoever reads the file as it was keeps the log; when it has gone the next try is clean."""
    path = tmp_path / "j.db"

    async def scene() -> None:
        journal = SQLiteJournal(path, sync="off")
        await journal.open()
        filled = Filled(journal, 1)
        await filled.fill()
        await journal.settle()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM block").fetchall()
            marks = await filled.withdraw(1)
            assert not await journal.scrub()
            assert found_in(tmp_path, marks)
        assert await journal.scrub()
        assert [] == found_in(tmp_path, marks)
        await journal.close()

    asyncio.run(scene())


def leave_in_an_unused_part(path: Path, secret: bytes, page_of: bytes) -> None:
    """As SQLite does where rows have moved: rows begin at the end of a page."""
    octets = bytearray(path.read_bytes())
    at = octets.index(page_of) // PAGE * PAGE + 1_000
    assert bytes(len(secret)) == octets[at : at + len(secret)]
    octets[at : at + len(secret)] = secret
    path.write_bytes(octets)


def test_a_later_run_finishes_what_one_has_not(tmp_path: Path) -> None:
    """Something was withdrawn, and nobody knows any more what to look for: so all is anew."""
    path = tmp_path / "j.db"
    secret, kept = b"<text secret>", b"<text kept>"

    async def before() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        await journal.append([Append(key, [said(1, secret), said(2, kept)])])
        mark = replace(said(1, b"(withdrawn)"), kind=Kind.WITHDRAWN)
        await journal.append([Append(key, replaced=[mark])])
        await journal.close()

    async def after() -> None:
        journal, _ = await opened(path)
        assert await journal.withdrawn()
        assert await journal.scrub()
        assert not await journal.withdrawn()
        assert [] == found_in(tmp_path, [secret])
        found = [entry.envelope for entry in await everything(journal, 1)]
        assert [b"(withdrawn)", kept] == found
        await journal.close()

    asyncio.run(before())
    leave_in_an_unused_part(path, secret, kept)
    asyncio.run(after())


def times_written_anew(path: Path) -> int:
    """SQLite counts it with changes of the tables' definitions, of which there are none."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
    return int(version)


def test_a_file_in_which_nothing_is_left_is_not_written_anew(tmp_path: Path) -> None:
    """It may be large; what is looked for is all that was there."""
    path = tmp_path / "j.db"

    async def scene() -> None:
        journal, _ = await opened(path)
        key = await new_room(journal)
        await journal.append([Append(key, [said(n, b"<text %06d>" % n) for n in range(1, 50)])])
        before = times_written_anew(path)
        mark = replace(said(7, b"(withdrawn)"), kind=Kind.WITHDRAWN)
        await journal.append([Append(key, replaced=[mark])])
        assert await journal.scrub()
        assert [] == found_in(tmp_path, [b"<text 000007>"])
        assert before == times_written_anew(path)
        await journal.close()

    asyncio.run(scene())


def test_a_copy_in_an_unused_part_of_a_page_is_found(tmp_path: Path) -> None:
    """SQLite leaves some where rows have moved; then the file is written anew."""
    path = tmp_path / "j.db"
    secret, kept = b"<text secret>", b"<text kept>"

    async def scene() -> None:
        journal, _ = await opened(path)
        await journal.append([Append(await new_room(journal), [said(1, kept)])])
        await journal.close()

    asyncio.run(scene())
    leave_in_an_unused_part(path, secret, kept)
    scrubber = Scrubber(path)
    with contextlib.closing(connect(path)) as connection:
        for mark, gone, anew in (
            (secret, True, True),
            (b"<text never>", True, False),
            (kept, False, True),  # whoever still says it has not gone
        ):
            marks, before = [mark], times_written_anew(path)
            assert gone == scrubber.scrub(connection, marks)
            assert gone == (not marks)
            assert gone == (not found_in(tmp_path, [mark]))
            assert anew == (times_written_anew(path) != before)
    scrubber.close()
