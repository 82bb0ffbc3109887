"""Whatever byte, page or end of a file is damaged: nothing else is shown than was stored.

Each time a server starts on the file, or says why not; reads it; stores something; and the
file is checked and repaired. `damaging` says what must hold.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatroom.core.entry import Kind
from chatroom.journal import JournalUnusable
from chatroom.journal.sqlite import SQLiteJournal, check
from chatroom.journal.sqlite.blocks import Block
from chatroom.journal.sqlite.counting import MOST_FINDINGS
from chatroom.server.calls import encode
from tests.faults.scale import scaled
from tests.journal.damaged_blocks import blocks_of, change, change_byte, forget_blocks
from tests.journal.damaging import (
    MOST,
    PAGE,
    Logs,
    check_repair,
    check_what_a_server_finds,
    write_file,
)
from tests.journal.journals import BIG

EXAMPLES = scaled(12, 500, brief=4)
Try = Callable[[bytes], tuple[int | None, int | None]]


class Sound:
    """A sound file, and a directory in which to damage it."""

    def __init__(self, directory: Path) -> None:
        path = directory / "sound.db"
        self.logs: Logs = write_file(path)
        self.octets = path.read_bytes()
        self.entries = sum(map(len, self.logs.values()))
        self.path = directory / "damaged" / "j.db"
        self.path.parent.mkdir()

    def write(self, octets: bytes) -> Path:
        """Put a file there, without what the last one has left."""
        for path in self.path.parent.iterdir():
            path.unlink()
        self.path.write_bytes(octets)
        return self.path

    def with_bytes(self, at: int, new: bytes) -> bytes:
        return self.octets[:at] + new + self.octets[at + len(new) :]

    def check(self, octets: bytes) -> tuple[int | None, int | None]:
        """How many entries a server finds damaged, and how many a repair keeps.

        None: it does not start; nothing can be read.
        """
        damaged = check_what_a_server_finds(self.write(octets), self.logs)
        kept = check_repair(
            self.write(octets), self.logs, found_damaged=damaged is None or damaged > 0
        )
        return damaged, kept


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return Sound(tmp_path_factory.mktemp("damage"))


def test_a_sound_file_is_read_as_it_was_written(sound: Sound) -> None:
    """Else the others would show nothing."""
    assert (0, sound.entries) == sound.check(sound.octets)


@settings(max_examples=EXAMPLES, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
@example(at=77_873 / 90_112, mask=64)  # a cell that cannot be taken apart
@example(at=20_488 / 90_112, mask=1)  # a room's id
@example(at=1_103 / 90_112, mask=49)  # the definition of a table
@example(at=0.014694260566105346, mask=1)  # the name of a column
@example(at=2_083 / 90_112, mask=248)  # the same, and no UTF-8
@example(at=8_200 / 90_112, mask=4)  # the version of the schema
def test_any_byte(sound: Sound, at: float, mask: int) -> None:
    """One that is another: at most what lies on its page is lost."""
    where = int(at * len(sound.octets))
    damaged, kept = sound.check(sound.with_bytes(where, bytes([sound.octets[where] ^ mask])))
    if where >= PAGE:  # the first page says where all others are
        assert kept is not None
        assert kept >= sound.entries - MOST
    if damaged:
        assert kept != sound.entries


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(at=st.integers(0, 99), mask=st.integers(1, 255))
def test_any_byte_of_the_header(sound: Sound, at: int, mask: int) -> None:
    """It is the same for all our files, so a repair keeps everything."""
    _, kept = sound.check(sound.with_bytes(at, bytes([sound.octets[at] ^ mask])))
    assert sound.entries == kept


@pytest.mark.shortened
@pytest.mark.parametrize("fill", [b"\0", b"\xa5"])
def test_any_page(sound: Sound, fill: bytes) -> None:
    """Zeroed, or overwritten: a start refuses, and a repair loses no more than the page.

    Each page in one of these ways in CI, and in soak in both.
    """
    pages = range(1, len(sound.octets) // PAGE)
    step = scaled(2, 1, brief=4)
    for page in pages[step // 2 if fill == b"\0" else 0 :: step]:
        _, kept = sound.check(sound.with_bytes(page * PAGE, fill * PAGE))
        assert kept is not None, page
        assert kept >= sound.entries - MOST, page
    assert (None, None) == sound.check(sound.with_bytes(0, fill * PAGE))


@pytest.mark.parametrize("fill", [b"\0", b"\xa5"])
def test_a_page_with_a_root_is_looked_at_before_a_start(sound: Sound, fill: bytes) -> None:
    """Of each table and each index, SQLite's own as well: it refuses, and says what to do."""
    with closing(sqlite3.connect(sound.write(sound.octets))) as connection:
        roots = connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall()

    async def starts(path: Path) -> bool:
        journal = SQLiteJournal(path)
        try:
            await journal.open()
        except JournalUnusable as error:
            assert "run `chatserver repair`" in str(error)
            return False
        finally:
            await journal.close()
        return True

    def with_page(root: int) -> Path:
        return sound.write(sound.with_bytes((root - 1) * PAGE, fill * PAGE))

    assert [] == [name for name, root in roots if asyncio.run(starts(with_page(root)))]


@pytest.mark.shortened
def test_any_end(sound: Sound) -> None:
    """A copy that was broken off: it does not start; what is there is kept."""
    size = len(sound.octets)
    before = 0
    for end in (
        1,
        15,
        16,
        100,
        512,
        PAGE - 1,
        *range(PAGE, size, scaled(10, 1, brief=30) * PAGE),
        size - 2000,
        size - 1,
    ):
        damaged, kept = sound.check(sound.octets[:end])
        if 1 < end < size - 1:
            assert damaged != 0, end
        assert (kept or 0) >= before - MOST, end
        before = kept or 0
    assert before >= sound.entries - 1


def test_a_journal_that_was_emptied_is_not_begun_anew(sound: Sound) -> None:
    """SQLite takes a file without a byte for a new one. One that is gone is one."""
    path = sound.write(sound.octets)
    assert check_what_a_server_finds(path, sound.logs) is not None
    path.write_bytes(b"")

    async def refused() -> None:
        journal = SQLiteJournal(path)
        with pytest.raises(JournalUnusable, match="is empty, and was not"):
            await journal.open()
        await journal.close()

    asyncio.run(refused())
    path.unlink()
    assert 0 == check_what_a_server_finds(path, {})


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(which=st.integers(0, 4), at=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_any_byte_of_a_block(sound: Sound, which: int, at: float, mask: int) -> None:
    """Of its head: all of it is damaged. Else one entry alone, wherever it is read."""
    path = sound.write(sound.octets)
    block = blocks_of(path, 1)[which]
    where = int(at * len(block.octets))
    change_byte(path, block, where, mask)
    changed = sequences_at(block, where)
    told = [each for each in changed if each > 50]  # the others are trimmed
    assert told == damaged_in(path, 1)
    wrong = [line for line in check(path, encode.legible).wrong if " is damaged" in line]
    copies = [f"room one: the copy of message {each} is damaged" for each in changed if each <= 50]
    expected = [f"room one: message {each} is damaged" for each in told]
    assert [*(copies if where >= block.body else []), *expected][:MOST_FINDINGS] == wrong
    assert sound.entries - len(told) == check_repair(path, sound.logs, found_damaged=bool(told))


def sequences_at(block: Block, where: int) -> list[int]:
    """The entries that a byte of a block belongs to."""
    if where < block.body:
        return list(range(block.first, block.end))
    end = block.body
    for sizes in (block.sizes, block.nonce_sizes):
        for sequence, size in enumerate(sizes, block.first):
            end += size
            if where < end:
                return [sequence]
    raise AssertionError(where)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    column=st.sampled_from(["first", "count", "nonced", "room"]),
    value=st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-2, 300),
    which=st.integers(0, 4),
)
@example(column="count", value=1 << 40, which=0)
@example(column="first", value=77, which=0)
def test_any_place_of_a_block(sound: Sound, column: str, value: int, which: int) -> None:
    """Its entries are damaged, and no others; it never stands for another one."""
    path = sound.write(sound.octets)
    block = blocks_of(path, 1)[which]
    others = {each.first for each in blocks_of(path, 1)} | {1}
    if value == getattr(block, column) or (column in ("first", "room") and value in others):
        return
    change(path, f"UPDATE block SET {column} = ? WHERE room = 1 AND first = ?", value, block.first)
    octets = path.read_bytes()
    damaged = check_what_a_server_finds(path, sound.logs)
    lost = len([each for each in range(block.first, block.end) if each > 50])
    if block.end <= max(others):
        assert damaged in (None, lost)  # of the newest nobody knows
    kept = check_repair(sound.write(octets), sound.logs, found_damaged=True)
    assert sound.entries - lost == kept


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(which=st.sets(st.integers(0, 4), min_size=1))
def test_any_blocks_that_are_not_there(sound: Sound, which: set[int]) -> None:
    """Between the oldest and the newest entry theirs are damaged. Of the newest nobody knows."""
    path = sound.write(sound.octets)
    all_of_them = blocks_of(path, 1)
    gone = forget_blocks(path, 1, lambda block: all_of_them.index(block) in which)
    newest = max([block.end - 1 for block in all_of_them if block not in gone], default=0)
    lost = [each for block in gone for each in range(block.first, block.end)]
    assert [each for each in lost if 50 < each < newest] == damaged_in(path, 1)


def damaged_in(path: Path, key: int) -> list[int]:
    """The sequences of damaged entries, the same upwards and downwards."""

    async def scene() -> list[int]:
        journal = SQLiteJournal(path, sync="off", legible=encode.legible)
        await journal.open()
        upwards = await journal.read(key, after=0, entries=BIG, size=BIG)
        downwards = await journal.read_before(key, before=BIG, entries=BIG, size=BIG)
        await journal.close()
        assert upwards == downwards
        return [entry.sequence for entry in upwards if entry.kind is Kind.DAMAGED]

    return asyncio.run(scene())
