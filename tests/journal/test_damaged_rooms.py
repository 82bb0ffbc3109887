"""Rows of rooms and members that cannot be as they were stored; logs of which nothing is sound."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, JournalUnusable
from chatroom.journal.sqlite import SQLiteJournal, check, repair
from chatroom.journal.sqlite.blocks import damaged
from chatroom.journal.sqlite.counting import MOST_FINDINGS
from chatroom.server.calls import encode
from tests.journal.damaged_blocks import blocks_of, change_loosely, damage_entry, damage_head
from tests.journal.damaging import NOTES, a_record, write_file
from tests.journal.journals import entries, everything, new_room
from tests.journal.sqlite_files import enveloped, fill, opened, rooms_of

NO_UTF_8 = "CAST(x'c328' AS TEXT)"


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Rooms `one` and `two`; Alice is inside room one, and may come back to it."""

    async def scene() -> None:
        journal, _ = await opened(tmp_path / "j.db")
        await fill(journal)
        await journal.close()

    asyncio.run(scene())
    return tmp_path / "j.db"


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()


def refusal(path: Path) -> str:
    """Why a server does not start with the file."""

    async def scene() -> str:
        journal = SQLiteJournal(path, legible=encode.legible)
        with pytest.raises(JournalUnusable) as refused:
            await journal.open()
        await journal.close()
        return str(refused.value)

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("changed", "what", "told"),
    [
        ("room_id = 'No Id'", "the id of a room", "the id of a room is damaged"),
        (f"room_id = {NO_UTF_8}", "the id of a room", "the id of a room is damaged"),
        ("epoch = 'é'", "the epoch of room one", ""),
        (f"epoch = {NO_UTF_8}", "the epoch of room one", ""),
        ("title = char(7)", "the title of room one", "room one: its title is damaged"),
        (f"title = {NO_UTF_8}", "the title of room one", "room one: its title is damaged"),
        ("capacity = -1", "a number of room one", ""),
    ],
)
def test_a_room_that_cannot_be_as_it_was_stored(
    filled: Path, changed: str, what: str, told: str
) -> None:
    """A start refuses it and says what to do, a check finds it, a repair keeps the messages."""
    change(filled, f"UPDATE room SET {changed} WHERE room_id = 'one'")
    assert f"is damaged ({what}); run `chatserver repair`" in refusal(filled)
    assert [f"{what} is damaged"] == check(filled).wrong
    done = repair(filled)
    assert done.salvaged is not None
    assert [told] * bool(told) == [line.split(":")[0] if "id of" in line else line
                                   for line in done.salvaged.changed]  # fmt: skip
    assert (2, 4) == (done.salvaged.rooms, done.salvaged.entries)
    assert [] == check(filled).wrong
    one, two = rooms_of(filled)
    assert (310, "two") == (one.newest, two.facts.room_id)
    if "id of" in what:  # nobody can guess the new one
        assert one.facts.private
        assert 32 == len(one.facts.room_id)
        assert one.facts.room_id in done.salvaged.changed[0]
    else:
        assert "one" == one.facts.room_id
    assert one.facts.epoch.isascii()
    assert one.facts.title in ("", "Über uns")
    assert one.facts.capacity in (0, 7)


def test_who_created_a_room_is_not_believed_where_it_is_damaged(filled: Path) -> None:
    """Then only admins and moderators are left; a start does not fail for it."""
    change(filled, f"UPDATE room SET creator = {NO_UTF_8} WHERE room_id = 'one'")
    assert ["", "ann@example.org"] == [room.facts.creator for room in rooms_of(filled)]
    change(filled, "UPDATE room SET size = 1 WHERE room_id = 'one'")
    done = repair(filled)
    assert done.salvaged is not None
    assert ["room one: who created it is damaged"] == done.salvaged.changed
    assert ["", "ann@example.org"] == [room.facts.creator for room in rooms_of(filled)]


@pytest.mark.parametrize("column", ["name", "subject", "invitation", "former"])
def test_a_member_that_is_damaged_joins_anew(filled: Path, column: str) -> None:
    """Nobody is let in as somebody else, and a repair of the file leaves the record out."""
    change(filled, f"UPDATE member SET {column} = {NO_UTF_8}")

    async def session() -> object:
        journal, (one, _) = await opened(filled)
        found = await journal.session(b"1")
        await journal.close()
        return one.inside, found

    assert ((), None) == asyncio.run(session())
    change(filled, "UPDATE room SET capacity = -1 WHERE room_id = 'one'")
    done = repair(filled)
    assert done.salvaged is not None
    assert ["2 members are lost: they join anew"] == done.salvaged.changed
    assert ((), None) == asyncio.run(session())


@pytest.mark.parametrize("table", ["member", "nonce"])
def test_what_belongs_to_no_room_is_left_out_by_a_repair(filled: Path, table: str) -> None:
    """Members and nonces; the messages are kept."""
    change(filled, f"UPDATE {table} SET room = 99")
    assert [] != check(filled).wrong
    done = repair(filled)
    assert done.salvaged is not None
    assert (4, []) == (done.salvaged.entries, done.salvaged.changed)
    assert [] == check(filled).wrong
    assert ["Alice"] * (table != "member") == [member.name for member in rooms_of(filled)[0].inside]


def test_messages_of_a_room_that_is_lost_are_kept(tmp_path: Path) -> None:
    """Those that are sound, in a room that nobody can guess."""
    path = tmp_path / "j.db"
    write_file(path)
    path.write_bytes(path.read_bytes().replace(b"said 1 in 2 ", b"sold 1 in 2 "))
    change(path, "DELETE FROM room WHERE room_id = 'two'")
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    (told,) = done.salvaged.changed
    one, found = rooms_of(path)
    assert (
        f"a room (key 2) is lost: its messages are in the private room {found.facts.room_id}"
        == told
    )
    assert ("one", 12, 2) == (one.facts.room_id, found.newest, found.oldest)


def test_damaged_messages_of_no_room_make_none(tmp_path: Path) -> None:
    """A number that is damaged itself would be taken for one."""
    path = tmp_path / "j.db"
    write_file(path)
    path.write_bytes(path.read_bytes().replace(b" in 2 ", b" in 3 "))
    change(path, "DELETE FROM room WHERE room_id = 'two'")
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert [] == done.salvaged.changed
    assert ["one"] == [room.facts.room_id for room in rooms_of(path)]


@pytest.mark.parametrize("heads", [False, True])
def test_a_log_of_which_nothing_is_sound_ends_where_it_ended(tmp_path: Path, heads: bool) -> None:
    """Its sequences follow each other from the oldest on: so none of them is given again."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    for sequence in range(1, 13):
        damage_entry(path, sequence, room=2)
    if heads:
        damage_head(path, 1, room=2)
    sent = 0 if heads else logs[2][12].sent

    async def scene() -> list[tuple[int, Kind]]:
        journal, (one, two) = await opened(path)
        assert (200, logs[1][200].sent) == (one.newest, one.last_sent)
        assert (12, sent, sent) == (two.newest, two.last_sent, two.active)
        found = [(entry.sequence, entry.kind) for entry in await everything(journal, 2)]
        await journal.close()
        return found

    assert [(sequence, Kind.DAMAGED) for sequence in range(1, 13)] == asyncio.run(scene())


def test_logs_of_which_nothing_is_sound_are_marked_by_a_repair(tmp_path: Path) -> None:
    """What is said of them is bounded; clients learn in each place that something was there."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    for room in (1, 2):
        for block in blocks_of(path, room):
            damage_head(path, block.first, room=room)
    assert "messages of room one end" in refusal(path)
    wrong = check(path, encode.legible).wrong
    damaged = [line for line in wrong if "is damaged" in line]
    assert MOST_FINDINGS == len(damaged)
    (more,) = [line for line in wrong if "messages more are damaged" in line]
    assert sum(map(len, logs.values())) - MOST_FINDINGS == int(more.split()[0])
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert {"one": list(logs[1]), "two": list(logs[2])} == done.salvaged.lost
    assert [] == check(path, encode.legible).wrong
    assert [200, 12] == [room.newest for room in rooms_of(path)]


@pytest.mark.parametrize("oldest", [1, 40, 60, 199, 5_000, 1 << 40])
def test_what_was_trimmed_stays_it_whatever_its_room_says(tmp_path: Path, oldest: int) -> None:
    """It may be in a block still. But the room has counted the bytes of what is kept."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    change(path, f"UPDATE room SET oldest = {oldest} WHERE room_id = 'one'")
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert (sum(map(len, logs.values())), {}) == (done.salvaged.entries, done.salvaged.lost)
    assert [(51, 200), (1, 12)] == [(room.oldest, room.newest) for room in rooms_of(path)]


def test_a_ban_that_is_damaged_does_not_count_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log at a start, by a check with its place, and by a repair: somebody must look."""
    path = tmp_path / "j.db"
    write_file(path)
    change(path, "UPDATE note SET value = '{}' WHERE kind = 0 AND key = 'BAN 0'")
    wrong = [
        f"{where}: a ban, mute, invitation or reserved name (BAN 0) is damaged"
        for where in ("the server", "room one", "room two")
    ]
    assert wrong == check(path, encode.legible).wrong
    sound = [note for note in NOTES if note.key != "BAN 0"]

    async def kept() -> None:
        journal, rooms = await opened(path)
        assert [set(sound)] * 2 == [set(room.notes) for room in rooms]
        assert {NOTES[1]} == set(await journal.server_notes())
        await journal.close()

    asyncio.run(kept())
    told = [each for each in caplog.messages if "a note is damaged on disk" in each]
    assert 3 == len(told)
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert ["bans, mutes, invitations or reserved names may be lost: look at them"] == (
        done.salvaged.changed
    )
    assert [] == check(path, encode.legible).wrong
    asyncio.run(kept())


@pytest.mark.parametrize(
    ("table", "where", "told"),
    [
        ("audit", "number = 1", "a record of the audit log is lost"),
        ("member", "author = 2", "1 members are lost: they join anew"),
    ],
)
def test_a_row_of_other_types_is_left_out_by_a_repair(
    tmp_path: Path, table: str, where: str, told: str
) -> None:
    """And told; the others are kept, and so are all messages."""
    path = tmp_path / "j.db"
    logs = write_file(path)
    column = {"audit": "at", "member": "ended"}[table]
    change_loosely(path, table, f"UPDATE {table} SET {column} = x'00' WHERE {where}")
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert [told] == done.salvaged.changed
    assert sum(map(len, logs.values())) == done.salvaged.entries
    records = [a_record(1), a_record(2)]

    async def scene() -> None:
        journal, (one, _) = await opened(path)
        assert ["Bob"] == [member.name for member in one.inside]
        found = await journal.records(after=0, count=9)
        assert (records[1:] if table == "audit" else records) == found
        await journal.close()

    asyncio.run(scene())


def test_a_block_of_other_types_is_damaged_and_no_other(tmp_path: Path) -> None:
    """Wherever it says it is; its entries get marks where others tell of their places."""
    path = tmp_path / "j.db"
    write_file(path)
    *_, lost, _ = blocks_of(path, 1)
    change_loosely(
        path, "block", "UPDATE block SET room = 'one' WHERE room = 1 AND first = ?", lost.first
    )
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert {"one": list(range(lost.first, lost.end))} == done.salvaged.lost
    assert [] == check(path, encode.legible).wrong
    assert [200, 12] == [room.newest for room in rooms_of(path)]


def test_a_room_that_has_ended_stays_it(tmp_path: Path) -> None:
    """A repair brings back nothing of what a killed server has left of it."""
    path = tmp_path / "j.db"
    write_file(path)
    change(path, "UPDATE room SET closed = 1 WHERE room_id = 'two'")
    damage_entry(path, 100)
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert (1, {"one": [100]}) == (done.salvaged.rooms, done.salvaged.lost)
    assert ["one"] == [room.facts.room_id for room in rooms_of(path)]


def test_a_long_log_is_kept_whole(tmp_path: Path) -> None:
    """However many entries a repair writes, and whatever is missing between them."""
    path = tmp_path / "j.db"
    count = 3_500

    async def scene() -> None:
        journal, _ = await opened(path)
        await journal.append([Append(await new_room(journal), enveloped(entries(1, count)))])
        await journal.close()

    asyncio.run(scene())
    for sequence in (1_700, count):
        damage_entry(path, sequence)
    done = repair(path)
    assert done.salvaged is not None
    assert {"126859": [1_700, count]} == done.salvaged.lost

    async def kept() -> list[Entry]:
        journal, _ = await opened(path)
        found = await everything(journal, 1)
        await journal.close()
        return found

    expected = enveloped(entries(1, count))
    expected[1_699] = damaged(1_700)
    expected[-1] = damaged(count)
    assert expected == asyncio.run(kept())
