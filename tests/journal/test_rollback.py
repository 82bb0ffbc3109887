"""Before an upgrade a file is kept as it is; a rollback puts it back and says what that loses."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, JournalUnusable, NewRoom
from chatroom.journal.sqlite import (
    SCHEMA_VERSION,
    RollbackFailed,
    SQLiteJournal,
    check,
    plan,
    redo,
    roll_back,
    rollback,
)
from chatroom.journal.sqlite.records import encode as encode_record
from chatroom.locks import locked
from chatroom.server.calls import encode
from tests.journal.databases import make

OLD = sorted(Path(make.__file__).parent.glob("version-*.db.gz"))[:-1]
LOBBY = 1
NOW = 1_800_000_000 * 1_000_000_000


@pytest.fixture(params=OLD, ids=lambda file: file.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of an earlier version, as that has left it."""
    path = tmp_path / "chatroom.db"
    path.write_bytes(gzip.decompress(request.param.read_bytes()))
    return path


def contents(path: Path, *, but: str = "run") -> list[str]:
    """All rows of a file, but those of one table."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        connection.text_factory = lambda octets: octets.decode(errors="surrogateescape")
        lines = list(connection.iterdump())
    return [line for line in lines if f'INSERT INTO "{but}"' not in line]


def version_of(path: Path) -> int:
    return check(path, encode.legible, in_use=False).version


async def upgrade_and_talk(path: Path) -> None:
    """A newer server: two more messages in the lobby, and a room with one."""
    journal = SQLiteJournal(path, legible=encode.legible)
    rooms = await journal.open()
    lobby = next(room for room in rooms if room.facts.key == LOBBY)
    said = [Entry(lobby.newest + n, NOW, Kind.SAID, 1, f"later {n}".encode()) for n in (1, 2)]
    await journal.append([Append(LOBBY, said, [], [])])
    made = await journal.create_room(
        NewRoom(room_id="since", epoch="e" * 16, created=NOW, title="", private=False, capacity=0,
                history=0)
    )  # fmt: skip
    first = Entry(1, NOW, Kind.SAID, 1, b"hello")
    await journal.append([Append(made.facts.key, [first], [], [])])
    await journal.close()


def test_what_every_version_left_is_put_back(old: Path) -> None:
    """With what was stored since told, and kept aside."""
    version, before = version_of(old), contents(old)
    asyncio.run(upgrade_and_talk(old))
    assert SCHEMA_VERSION == version_of(old)
    later = contents(old)
    found = plan(old, encode.legible)
    assert {"lobby": 2, "since": 1} == found.lost
    assert (["since"], []) == (found.gone, found.back)
    aside = roll_back(found)
    assert version == version_of(old)
    assert before == contents(old)
    assert later == contents(aside / old.name)
    assert not found.kept.exists()
    if version > 1:
        with closing(sqlite3.connect(old)) as connection:
            assert [("copied",)] == connection.execute("SELECT state FROM run").fetchall()
    with pytest.raises(RollbackFailed, match="use a backup"):
        plan(old, encode.legible)


def test_rooms_get_new_epochs_when_they_are_used_again(old: Path) -> None:
    """What clients know of sequences from after the upgrade must not count."""

    async def epochs() -> dict[str, str]:
        journal = SQLiteJournal(old, legible=encode.legible)
        found = {room.facts.room_id: room.facts.epoch for room in await journal.open()}
        await journal.close()
        return found

    upgraded = asyncio.run(epochs())
    roll_back(plan(old, encode.legible))
    again = asyncio.run(epochs())
    assert upgraded.keys() == again.keys()
    if "run" in "".join(contents(old, but="")):
        assert not set(upgraded.values()) & set(again.values())


@pytest.mark.parametrize("of", [4, 5, 6])
def test_what_is_in_the_redo_log_alone_is_put_back_and_is_not_lost(tmp_path: Path, of: int) -> None:
    """A file that was left in a hurry: the earlier server finds its log as it was."""
    path = tmp_path / "chatroom.db"
    path.write_bytes(gzip.decompress(OLD[of - 1].read_bytes()))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE run SET state = 'normal', redo = 5, redone = 1")
    last = make.entry(len(make.TALK) + 1, Kind.SAID, make.ADA, "Ada", "Bye.", "")
    log = path.with_name(path.name + redo.SUFFIXES[0])
    log.write_bytes(encode_record(5, 2, [Append(LOBBY, [last])]))
    before = log.read_bytes()
    asyncio.run(upgrade_and_talk(path))
    found = plan(path, encode.legible)
    assert {"lobby": 2, "since": 1} == found.lost
    roll_back(found)
    assert before == log.read_bytes()


def test_a_file_of_our_version_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "chatroom.db"
    for _ in range(2):
        journal = SQLiteJournal(path)
        asyncio.run(open_and_close(journal))
    assert [] == [each for each in tmp_path.iterdir() if each.is_dir()]


async def open_and_close(journal: SQLiteJournal) -> None:
    await journal.open()
    await journal.close()


def test_an_operator_is_told_where_it_is(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    asyncio.run(upgrade_and_talk(old))
    kept = plan(old, encode.legible).kept
    assert 0o700 == kept.stat().st_mode & 0o777
    assert {0o600} == {each.stat().st_mode & 0o777 for each in kept.iterdir()}
    assert f"as it was it is in {kept}: chatserver rollback puts it back" in caplog.text


def test_without_room_for_a_copy_nothing_is_upgraded(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody says that there is one elsewhere."""
    before = contents(old)
    full = SimpleNamespace(total=10, used=5, free=5)
    monkeypatch.setattr(rollback.shutil, "disk_usage", lambda _: full)
    journal = SQLiteJournal(old, legible=encode.legible)
    with pytest.raises(JournalUnusable, match="Free some space, or make an empty directory") as why:
        asyncio.run(journal.open())
    asyncio.run(journal.close())
    assert before == contents(old)
    Path(str(why.value).partition("an empty directory ")[2].partition(" ")[0]).mkdir()
    asyncio.run(upgrade_and_talk(old))
    with pytest.raises(RollbackFailed, match="put the backup in place"):
        plan(old, encode.legible)


def test_what_an_upgrade_left_that_did_not_come_to_its_end_is_made_anew(old: Path) -> None:
    version = version_of(old)
    stale = old.with_name(f"{old.name}.schema-{version}")
    stale.mkdir()
    (stale / old.name).write_bytes(b"of another day")
    before = contents(old)
    asyncio.run(upgrade_and_talk(old))
    assert before == contents(stale / old.name)


def test_a_server_that_runs_is_left_alone(old: Path) -> None:
    asyncio.run(upgrade_and_talk(old))
    found = plan(old, encode.legible)
    later = contents(old)
    lock = locked(old.with_name(old.name + ".lock"))
    assert lock is not None
    with os.fdopen(lock), pytest.raises(RollbackFailed, match="stop the server first"):
        roll_back(found)
    assert later == contents(old)


def test_what_was_kept_and_is_damaged_is_not_put_back(old: Path) -> None:
    asyncio.run(upgrade_and_talk(old))
    kept = plan(old, encode.legible).kept / old.name
    kept.write_bytes(kept.read_bytes()[:5000] + bytes(3000))
    with pytest.raises((RollbackFailed, JournalUnusable), match=r"damaged|not a database"):
        plan(old, encode.legible)


def test_several_upgrades_are_gone_back_one_by_one(tmp_path: Path) -> None:
    """The latest first."""
    path = tmp_path / "chatroom.db"
    path.write_bytes(gzip.decompress(OLD[-1].read_bytes()))
    earlier = tmp_path / "chatroom.db.schema-2"
    earlier.mkdir()
    (earlier / path.name).write_bytes(gzip.decompress(OLD[1].read_bytes()))
    asyncio.run(upgrade_and_talk(path))
    versions = []
    for _ in range(2):
        roll_back(plan(path, encode.legible))
        versions.append(version_of(path))
    assert [SCHEMA_VERSION - 1, 2] == versions
    assert ["chatroom.db.rolled-back", "chatroom.db.rolled-back-2"] == sorted(
        each.name for each in tmp_path.iterdir() if each.is_dir()
    )
    shutil.rmtree(tmp_path / "chatroom.db.rolled-back")
