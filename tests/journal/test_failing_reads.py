"""Reads of which a step fails, and reads of what cannot be read: nothing is told that is not so."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatroom.core.entry import Kind
from chatroom.journal import NONCE_SECONDS, Append
from chatroom.journal.sqlite.opening import connect
from chatroom.journal.sqlite.reader import Reader
from chatroom.journal.sqlite.searching import Searching
from chatroom.journal.sqlite.upkeep import NonceSweep, purge_step
from chatroom.journal.sqlite.writer import Writer
from chatroom.server.calls import encode
from tests.journal.damaged_blocks import blocks_of, damage_head, forget_blocks
from tests.journal.damaging import PAGE, real_entry, write_file
from tests.journal.journals import BIG, NOW, SECOND
from tests.journal.sqlite_files import opened
from tests.journal.test_contract_search import query
from tests.journal.test_failing_disk import overwrite_a_page_with

NEWEST = 200
"""Of room 1; its oldest entry is 51."""
Look = Callable[[sqlite3.Connection], object]


def reader(connection: sqlite3.Connection) -> Reader:
    return Reader(connection, lambda _: NEWEST)


def searched(connection: sqlite3.Connection) -> list[int]:
    """What is found of everything said."""
    search = Searching(1, query("said"), encode.spoken, [], BIG, NEWEST)
    by = reader(connection)
    while search.step(by):
        pass
    return [entry.sequence for entry in search.found.entries]


LOOKS: dict[str, Look] = {
    "read": lambda connection: reader(connection).read(1, 0, BIG, BIG),
    "read before": lambda connection: reader(connection).read_before(1, BIG, BIG, BIG),
    "said before": lambda connection: reader(connection).said_before(1, NEWEST + 1, 140),
    "session": lambda connection: reader(connection).session(bytes(32)),
    "search": searched,
    "authors": lambda connection: Writer(connection).authors_of_nonces(),
}


def fail_at(connection: sqlite3.Connection, at: int) -> Iterator[int]:
    """Have a step of a query fail: no damage, but as a disk that cannot read just now.

    Returns what counts the steps of queries.
    """
    steps = itertools.count()
    reads = False

    def begins(sql: str) -> None:
        nonlocal reads
        reads = sql.startswith("SELECT")

    connection.set_trace_callback(begins)
    connection.set_progress_handler(lambda: reads and next(steps) == at, 1)
    return steps


def fail_no_more(connection: sqlite3.Connection) -> None:
    connection.set_trace_callback(None)
    connection.set_progress_handler(None, 0)


TRIED = 25
"""Steps that fail of a read, spread over all that it takes: with a damaged page there are many."""


@pytest.fixture(scope="module", params=["sound", "a page", "a head"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with something in it that cannot be read, or nothing."""
    path = tmp_path_factory.mktemp("reads") / "j.db"
    write_file(path)
    if request.param == "a page":
        overwrite_a_page_with(path, b" in 1 ")
    elif request.param == "a head":
        damage_head(path, 100)
    return path


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_read_of_which_any_step_fails_tells_nothing(file: Path, look: Look) -> None:
    """It raises, and the next one reads all: what could not be read just now is not damaged."""
    with closing(connect(file)) as connection:
        steps = fail_at(connection, -1)
        expected = look(connection)
        count = next(steps)
        # A search is in pieces of so many milliseconds, so it may have fewer steps the next time.
        for at in range(0, count * 3 // 4, max(1, count // TRIED)):
            fail_at(connection, at)
            with pytest.raises(sqlite3.OperationalError) as failed:
                look(connection)
            assert sqlite3.SQLITE_INTERRUPT == failed.value.sqlite_errorcode
        fail_no_more(connection)
        assert expected == look(connection)


def test_a_search_finds_what_a_read_shows(file: Path) -> None:
    """What cannot be read is not found, and is in the way of nothing else."""
    with closing(connect(file)) as connection:
        shown = reader(connection).read_before(1, BIG, BIG, BIG)
        said = [entry.sequence for entry in shown if entry.kind is Kind.SAID]
        assert said[::-1] == searched(connection)
        assert len(said) > 80


@pytest.mark.parametrize("oldest", [False, True])
def test_a_search_passes_what_is_not_there(tmp_path: Path, oldest: bool) -> None:
    """Between others, or where the log begins."""
    path = tmp_path / "j.db"
    write_file(path)
    first, second, *_ = (block.first for block in blocks_of(path, 1))
    gone = forget_blocks(path, 1, lambda block: block.first == (first if oldest else second))
    assert gone
    test_a_search_finds_what_a_read_shows(path)


def test_what_was_said_is_counted_past_a_damaged_block(tmp_path: Path) -> None:
    """What is in it nobody knows: it counts for nothing, and is in nobody's way."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    with closing(connect(path)) as connection:
        assert 189 == reader(connection).said_before(1, NEWEST + 1, 12)
    *_, block = [block for block in blocks_of(path, 1) if block.end <= 189]
    damage_head(path, block.first)
    said = [each.sequence for each in logs[1].values() if each.kind is Kind.SAID]
    sound = [each for each in said if not block.first <= each < block.end]
    with closing(connect(path)) as connection:
        for count in (1, 12, 60):
            assert sound[-count] == reader(connection).said_before(1, NEWEST + 1, count)


def overwrite_root(path: Path, table: str) -> None:
    """Make nonsense of the page that a table begins with."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def test_where_nonces_cannot_be_read_nobody_is_believed_to_have_none(tmp_path: Path) -> None:
    """Then every append asks the tables, and none is taken a second time."""
    path = tmp_path / "j.db"
    write_file(path)
    with closing(connect(path)) as connection:
        assert {10, 20} == Writer(connection).authors_of_nonces()
    overwrite_root(path, "nonce")
    with closing(connect(path)) as connection:
        assert Writer(connection).authors_of_nonces() is None


def test_a_search_does_without_an_index_that_cannot_be_read(tmp_path: Path) -> None:
    """The texts are read then."""
    path = tmp_path / "j.db"
    write_file(path)
    overwrite_root(path, "segment_place")
    test_a_search_finds_what_a_read_shows(path)


def left(connection: sqlite3.Connection) -> dict[int, int]:
    """How many nonces each room has."""
    sql = "SELECT room, count(*) FROM nonce GROUP BY room"
    return dict(connection.execute(sql).fetchall())


LATER = NOW + (NONCE_SECONDS + 2 * NEWEST) * SECOND
"""When no nonce counts any more."""


def test_a_sweep_passes_a_room_that_cannot_be_read(tmp_path: Path) -> None:
    """The nonces of the others are forgotten all the same."""
    path = tmp_path / "j.db"
    write_file(path)

    async def more() -> None:  # so that the room that comes first has several pages
        journal, _ = await opened(path)
        await journal.append([Append(2, [real_entry(2, number) for number in range(13, 201)])])
        await journal.close()

    asyncio.run(more())
    overwrite_a_page_with(path, b" in 2 ")
    with closing(connect(path)) as connection:
        writer = Writer(connection)
        writer.rooms()
        assert {1, 2} == set(left(connection))
        sweep = NonceSweep(LATER)
        while sweep.step(writer):
            pass
        assert {2} == set(left(connection))


def test_a_sweep_of_which_any_step_fails_forgets_what_it_should(tmp_path: Path) -> None:
    """It raises, with nothing left open, and the next one goes on."""
    path = tmp_path / "j.db"
    write_file(path)
    with closing(connect(path)) as connection:
        writer = Writer(connection)
        writer.rooms()
        for at in itertools.count():
            sweep = NonceSweep(LATER)
            fail_at(connection, at)
            try:
                while sweep.step(writer):
                    pass
            except sqlite3.OperationalError as error:
                assert sqlite3.SQLITE_INTERRUPT == error.sqlite_errorcode
                assert not connection.in_transaction
                continue
            break
        fail_no_more(connection)
        assert {} == left(connection)
        assert at > 10


def test_a_sweep_passes_a_room_that_has_ended_meanwhile(tmp_path: Path) -> None:
    """It was there when the sweep began."""
    path = tmp_path / "j.db"
    write_file(path)
    with closing(connect(path)) as connection:
        writer = Writer(connection)
        writer.rooms()
        sweep = NonceSweep(LATER)
        assert sweep.step(writer)
        assert {1} == set(left(connection))
        writer.append([Append(1, closes=True)])
        while purge_step(writer, 1):
            pass
        while sweep.step(writer):
            pass
        assert {} == left(connection)
