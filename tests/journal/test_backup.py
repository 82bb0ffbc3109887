"""A backup is the journal of one moment, in one file, made while the server writes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from chatroom.journal import Append, JournalUnusable
from chatroom.journal.sqlite import BackupFailed, Copied, SQLiteJournal, backup, check
from tests.journal.journals import entries, everything, new_room, nonced
from tests.journal.sqlite_files import enveloped, fill, opened, rooms_of, write_version_1


def test_a_backup_holds_what_the_open_journal_holds(tmp_path: Path) -> None:
    """Rooms, entries, members, nonces; its epochs are new as often as it is restored."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db", "full")
        await fill(journal)
        copied = backup(tmp_path / "j.db", tmp_path / "copy.db")
        assert Copied(2, 4, (tmp_path / "copy.db").stat().st_size) == copied
        original = await everything(journal, 1)
        await journal.close()
        copy, (one, two) = await opened(tmp_path / "copy.db")
        assert original == await everything(copy, 1)
        assert "e1" not in {one.facts.epoch, two.facts.epoch}
        assert (310, 307, ["Alice"]) == (
            one.newest, one.oldest, [member.name for member in one.inside],
        )  # fmt: skip
        assert await copy.session(b"1") is not None
        await copy.close()

    asyncio.run(scene())
    backup(tmp_path / "j.db", tmp_path / "again.db")
    assert "e1" not in {room.facts.epoch for room in rooms_of(tmp_path / "again.db")}
    assert {"e1"} == {room.facts.epoch for room in rooms_of(tmp_path / "j.db")}


def test_a_backup_is_one_file_of_its_owner(tmp_path: Path) -> None:
    """With no log beside it, whatever the umask; nothing else is left in the directory."""

    async def scene() -> None:
        (tmp_path / "to").mkdir()
        journal, _ = await opened(tmp_path / "j.db")
        await fill(journal)
        mask = os.umask(0)
        try:
            backup(tmp_path / "j.db", tmp_path / "to" / "copy.db")
        finally:
            os.umask(mask)
        await journal.close()

    asyncio.run(scene())
    assert ["copy.db"] == [path.name for path in (tmp_path / "to").iterdir()]
    assert 0o600 == stat.S_IMODE((tmp_path / "to" / "copy.db").stat().st_mode)
    with closing(sqlite3.connect(tmp_path / "to" / "copy.db")) as connection:
        assert ("delete",) == connection.execute("PRAGMA journal_mode").fetchone()


def test_a_backup_during_appends_is_one_moment(tmp_path: Path) -> None:
    """Both rooms grow in each append together; in the copy they are equally long."""

    async def scene() -> tuple[int, int]:
        journal, _ = await opened(tmp_path / "j.db")
        keys = [await new_room(journal, room_id) for room_id in ("one", "two")]
        for start in range(1, 5_001, 500):
            await journal.append(
                [Append(key, enveloped(entries(start, 500, size=900))) for key in keys]
            )
        copying = asyncio.create_task(
            asyncio.to_thread(backup, tmp_path / "j.db", tmp_path / "copy.db")
        )
        appended = 5_000
        while not copying.done():
            await journal.append(
                [Append(key, enveloped(entries(appended + 1, 10))) for key in keys]
            )
            appended += 10
        await copying
        await journal.close()
        return appended, len(keys)

    appended, _ = asyncio.run(scene())
    one, two = rooms_of(tmp_path / "copy.db")
    assert one.newest == two.newest
    assert 5_000 <= one.newest <= appended
    assert [] == check(tmp_path / "copy.db").wrong


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    """Nor where a link leads to nothing."""
    rooms_of(tmp_path / "j.db")
    (tmp_path / "copy.db").write_text("precious")
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere")
    for name in ("copy.db", "link.db"):
        with pytest.raises(BackupFailed, match="exists; choose another name"):
            backup(tmp_path / "j.db", tmp_path / name)
    assert "precious" == (tmp_path / "copy.db").read_text()
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_copied_leaves_nothing(tmp_path: Path) -> None:
    """No journal there, another program's database, no database, no such directory."""
    with pytest.raises(JournalUnusable, match="there is no"):
        backup(tmp_path / "j.db", tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalUnusable, match="something else"):
        backup(tmp_path / "theirs.db", tmp_path / "copy.db")
    (tmp_path / "text.db").write_text("not a database" * 100)
    with pytest.raises(JournalUnusable, match="is not a database"):
        backup(tmp_path / "text.db", tmp_path / "copy.db")
    rooms_of(tmp_path / "j.db")
    with pytest.raises(BackupFailed, match="cannot write"):
        backup(tmp_path / "j.db", tmp_path / "no" / "copy.db")
    assert ["j.db", "j.db.lock", "text.db", "theirs.db"] == sorted(
        path.name for path in tmp_path.iterdir() if not path.name.endswith(("-wal", "-shm"))
    )


def test_a_file_of_version_1_can_be_backed_up(tmp_path: Path) -> None:
    """Before the upgrade, say; the copy is upgraded when it is used."""
    write_version_1(tmp_path / "j.db", {"one": entries(1, 3)})
    assert 3 == backup(tmp_path / "j.db", tmp_path / "copy.db").entries
    (room,) = rooms_of(tmp_path / "copy.db")
    assert (3, True) == (room.newest, room.facts.epoch != "e1")


def test_a_restored_backup_goes_on(tmp_path: Path) -> None:
    """It is a journal like any other: what is appended is there after the next start."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        key = await new_room(journal)
        await journal.append([Append(key, [nonced(1, "n")])])
        backup(tmp_path / "j.db", tmp_path / "copy.db")
        await journal.close()
        copy, (room,) = await opened(tmp_path / "copy.db", "full")
        await copy.append([Append(key, [nonced(2, "m")])])
        await copy.close()
        copy = SQLiteJournal(tmp_path / "copy.db")
        (again,) = await copy.open()
        assert (2, room.facts.epoch) == (again.newest, again.facts.epoch)
        await copy.close()

    asyncio.run(scene())
