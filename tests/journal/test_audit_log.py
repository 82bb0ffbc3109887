"""The audit log of a file, as an administrator reads it beside a server, or without one."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chatroom.core.audit import AuditRecord
from chatroom.journal import JournalUnusable
from chatroom.journal.sqlite import SCHEMA_VERSION, audit_records, backup, check
from tests.journal.damaged_blocks import change
from tests.journal.damaging import PAGE, a_record
from tests.journal.journals import NOW, SECOND, entries
from tests.journal.sqlite_files import opened, write_version_1

RECORDS = 1_200
"""More than two pages of what is read at once."""


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A file with records of two rooms in turn, one a second."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        await journal.record([a_record_of(number) for number in range(1, RECORDS + 1)])
        await journal.close()

    asyncio.run(scene())
    return tmp_path / "j.db"


def a_record_of(number: int) -> AuditRecord:
    room_id = "lobby" if number % 2 else "other"
    return a_record(number, at=NOW + number * SECOND, room_id=room_id)


def test_all_of_it_is_read_in_order(recorded: Path) -> None:
    """However many there are; since a time, of a room, and both."""
    expected = [a_record_of(number) for number in range(1, RECORDS + 1)]
    assert expected == list(audit_records(recorded))
    since = NOW + (RECORDS - 9) * SECOND
    assert expected[-10:] == list(audit_records(recorded, since=since))
    assert expected[::2] == list(audit_records(recorded, room_id="lobby"))
    assert expected[-9::2] == list(audit_records(recorded, since=since, room_id="other"))
    assert [] == list(audit_records(recorded, room_id="another"))


def test_it_is_read_beside_a_server(recorded: Path) -> None:
    """With what that has just recorded."""

    async def scene() -> None:
        journal, _ = await opened(recorded)
        await journal.record([a_record(0)])
        found = await asyncio.to_thread(lambda: list(audit_records(recorded)))
        assert [a_record(RECORDS + 1)] == found[RECORDS:]
        await journal.close()

    asyncio.run(scene())


def test_a_file_of_before_has_none(tmp_path: Path) -> None:
    """That is no error: nothing was recorded then."""
    write_version_1(tmp_path / "j.db", {"one": entries(1, 3)})
    assert [] == list(audit_records(tmp_path / "j.db"))


def test_why_it_cannot_be_read_is_said(recorded: Path) -> None:
    """There is none, it is a newer server's, or it is damaged: never a part of it for all."""
    with pytest.raises(JournalUnusable, match=r"there is no .*name the server's directory"):
        list(audit_records(recorded.with_name("none.db")))
    with closing(sqlite3.connect(recorded)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'"
        ).fetchone()
    with recorded.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    with pytest.raises(JournalUnusable, match=r"is damaged .*chatserver repair"):
        list(audit_records(recorded))
    change(recorded, "UPDATE schema SET version = ?", SCHEMA_VERSION + 1)
    with pytest.raises(JournalUnusable, match="use a newer chatserver"):
        list(audit_records(recorded))


LOOK: list[Callable[[Path], object]] = [
    lambda path: list(audit_records(path)),
    lambda path: backup(path, path.with_name("backup.db")),
    check,
]


@pytest.mark.parametrize("look", LOOK, ids=["audit", "backup", "check"])
def test_a_directory_is_no_journal(tmp_path: Path, look: Callable[[Path], object]) -> None:
    """A sentence says so; nothing is left beside it."""
    (tmp_path / "j.db").mkdir()
    with pytest.raises(JournalUnusable, match=r"^cannot (read|use) .*j\.db"):
        look(tmp_path / "j.db")
    assert ["j.db"] == [path.name for path in tmp_path.iterdir()]


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Do as a user to whom nothing belongs."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone may do it")
@pytest.mark.parametrize("look", LOOK, ids=["audit", "backup", "check"])
@pytest.mark.parametrize("mode", [0o700, 0o777], ids=["its directory", "the file"])
def test_whoever_may_not_read_it_is_told_who_may(
    recorded: Path, look: Callable[[Path], object], mode: int
) -> None:
    """The server makes files and directories for itself alone."""
    with TemporaryDirectory() as directory:  # since nobody else comes as far as `tmp_path`
        path = Path(shutil.copy(recorded, directory))
        path.chmod(0o600)
        Path(directory).chmod(mode)
        with as_somebody_else(), pytest.raises(JournalUnusable, match="as the user who runs the"):
            look(path)
