"""A check finds what is wrong in a file, and nothing else."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from chatroom.journal import Append, JournalUnusable
from chatroom.journal.sqlite import (
    SCHEMA_VERSION,
    CheckedRoom,
    RepairFailed,
    check,
    repair,
    rows_of_before,
)
from chatroom.journal.sqlite.blocks import block_of
from chatroom.journal.sqlite.pages import rows_in_pages
from tests.journal.journals import entries, new_room
from tests.journal.sqlite_files import enveloped, fill, opened, write_version_1


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A file in which everything occurs that a check looks at."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        await fill(journal)
        await journal.close()

    asyncio.run(scene())
    return tmp_path / "j.db"


def test_in_a_sound_file_nothing_is_wrong(filled: Path) -> None:
    """Also while a server has it open; the file is not changed."""

    async def beside_a_server() -> None:
        journal, _ = await opened(filled)
        assert [] == check(filled).wrong
        await journal.close()

    asyncio.run(beside_a_server())
    before = filled.read_bytes()
    checked = check(filled)
    assert [] == checked.wrong
    assert SCHEMA_VERSION == checked.version
    assert [
        CheckedRoom("one", 4, 307, 310, 4 * 38, 1),
        CheckedRoom("two", 0, 1, 0, 0, 0),
    ] == checked.rooms
    assert before == filled.read_bytes()


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DELETE FROM block WHERE first = 308", "some are missing"),
        ("UPDATE room SET size = size + 1 WHERE room_id = 'one'", "room one: counted as 153 bytes"),
        ("UPDATE room SET oldest = 2 WHERE room_id = 'two'", "room two: counted as 0 bytes from 2"),
        ("DELETE FROM room WHERE room_id = 'one'", " messages of rooms that are not there"),
        (
            (
                "INSERT INTO block SELECT room, first + 1, count, nonced, entries FROM block "
                "WHERE first = 309"
            ),
            "messages that are there twice",
        ),
        ("UPDATE member SET room = 99", "2 members of rooms"),
        ("UPDATE member SET room = 3", "2 members of rooms"),
        ("UPDATE room SET nonces_from = 309", "8 messages whose nonce"),
        ("UPDATE nonce SET sequence = 308 WHERE sequence = 301", "1 nonces of messages that do"),
        ("UPDATE nonce SET room = 99", "10 nonces of messages that do not have them"),
        ("DELETE FROM run", "how the file was left"),
        ("ALTER TABLE member ADD COLUMN more TEXT", "the columns of the table member are not"),
        ("UPDATE room SET room_id = NULL", ""),
    ],
)
def test_what_is_wrong_is_said(filled: Path, sql: str, what: str) -> None:
    """Each of our own rules, broken by hand, is found alone (or SQLite forbids it)."""
    with closing(sqlite3.connect(filled)) as connection:
        if not what:
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(sql)
            return
        connection.execute(sql)
        connection.commit()
    wrong = check(filled).wrong
    assert any(what in line for line in wrong), wrong
    assert len([line for line in wrong if " is damaged" not in line]) <= 3, wrong


def test_an_envelope_says_how_long_it_is(tmp_path: Path) -> None:
    """Whoever is handed it could not tell where the next one begins."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        sound, *others = enveloped(entries(1, 4))
        for other, octets in zip(others, (b"", b"\0\0\0\0\2x", b"\1\0\0\0\1x"), strict=True):
            other.envelope = octets
        await journal.append([Append(key, [sound, *others])])
        await journal.close()

    asyncio.run(scene())
    assert ["3 messages whose envelope is not as long as it says"] == check(tmp_path / "j.db").wrong


def test_damaged_pages_are_found(filled: Path) -> None:
    """Whether or not the rest can still be read."""
    with closing(sqlite3.connect(filled)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'block'"
        ).fetchone()
    with filled.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    wrong = check(filled).wrong
    assert any("SQLite says" in line or "can be read" in line for line in wrong), wrong


def test_a_damaged_header_is_found(filled: Path) -> None:
    """SQLite would take the file for one that may only be read."""
    with filled.open("r+b") as file:
        file.seek(18)
        file.write(b"\x07")
    assert "its header" in check(filled).wrong
    assert [] != repair(filled).wrong
    assert [] == check(filled).wrong


def test_a_file_is_not_repaired_while_a_server_uses_it(filled: Path) -> None:
    """It would go on writing into the damaged one."""

    async def beside_a_server() -> None:
        journal, _ = await opened(filled)
        with pytest.raises(JournalUnusable, match="in use by another chatserver"):
            await asyncio.to_thread(repair, filled)
        await journal.close()

    asyncio.run(beside_a_server())


def test_a_repair_that_cannot_write_says_so(filled: Path) -> None:
    """And changes nothing."""
    (filled.with_name("j.db.lock")).unlink()
    (filled.with_name("j.db.lock")).mkdir()
    before = filled.read_bytes()
    with pytest.raises(RepairFailed, match=r"cannot repair .*j\.db: Is a directory"):
        repair(filled)
    assert before == filled.read_bytes()


def test_every_repair_keeps_the_file_that_it_found(filled: Path) -> None:
    """Under a name of its own."""
    kept = []
    for number in (1, 2):
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("UPDATE room SET size = size + 1 WHERE room_id = 'one'")
            connection.commit()
        damaged = filled.read_bytes()
        repaired = repair(filled)
        assert f"j.db.damaged-{number}" == (repaired.kept and repaired.kept.name)
        kept.append(damaged)
    assert kept == [filled.with_name(f"j.db.damaged-{number}").read_bytes() for number in (1, 2)]


def test_a_file_of_version_1_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    """By SQLite; it has nothing else to be wrong."""
    write_version_1(tmp_path / "j.db", {"one": entries(1, 3)})
    checked = check(tmp_path / "j.db")
    assert (1, [], []) == (checked.version, checked.rooms, checked.wrong)


def test_what_is_no_journal_is_said(tmp_path: Path) -> None:
    """None there, or none of ours."""
    for look in (check, repair):
        with pytest.raises(JournalUnusable, match=r"there is no .*name the server's directory"):
            look(tmp_path / "j.db")
    (tmp_path / "j.db").write_text("not a database" * 100)
    with pytest.raises(JournalUnusable, match="is not a database"):
        check(tmp_path / "j.db")


@pytest.mark.parametrize("look", [check, repair])
def test_an_empty_file_is_no_journal(tmp_path: Path, look: Callable[[Path], object]) -> None:
    """It is not damaged either: a repair could keep nothing of it."""
    (tmp_path / "j.db").touch()
    with pytest.raises(JournalUnusable, match="is empty; put a backup in its place"):
        look(tmp_path / "j.db")


def test_pages_of_nonsense_have_no_rows(tmp_path: Path) -> None:
    """A repair looks through every page: whatever stands there, it goes on to the next."""
    path = tmp_path / "j.db"
    random = Random(7)
    kinds = (2, 5, 10, 13)  # of all pages that SQLite's trees have
    pages = [bytearray(random.randbytes(4096)) for _ in range(300)]
    for number, page in enumerate(pages):
        page[0] = kinds[number % len(kinds)]
        page[3:5] = random.choice((3, 200, 0xFFFF)).to_bytes(2, "big")  # so many cells
        if number % 3 == 0:
            page[12:] = bytes([0xFF]) * 4084  # numbers that do not end
        elif number % 3 == 1:
            at = random.randrange(100, 4080)
            page[8:16] = at.to_bytes(2, "big") * 4
            page[at : at + 8] = bytes([7, 7, *random.randbytes(6)])
    header = b"SQLite format 3\0" + (4096).to_bytes(2, "big") + bytes(82)
    path.write_bytes(header.ljust(4096, b"\0") + b"".join(pages))
    for row in rows_in_pages(path):
        assert rows_of_before.sound(tuple(row), None) is None
        assert block_of(row[:5]) is None
    path.write_bytes(b"SQLite format 3\0" + (256).to_bytes(2, "big") + bytes(82))
    assert [] == list(rows_in_pages(path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone may do it")
def test_what_root_repairs_the_server_can_open(filled: Path) -> None:
    """The new file belongs to whom the old one belonged to."""
    os.chown(filled, 65534, 65534)
    damage(filled)
    assert repair(filled).kept is not None
    assert (65534, 65534) == (filled.stat().st_uid, filled.stat().st_gid)


def damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE room SET size = size + 1 WHERE room_id = 'one'")
        connection.commit()
