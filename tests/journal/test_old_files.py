"""A file of every schema version is opened, read, upgraded, checked and repaired."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, JournalUnusable, NonceUsed
from chatroom.journal.sqlite import (
    SCHEMA_VERSION,
    RepairFailed,
    SQLiteJournal,
    backup,
    check,
    redo,
    repair,
)
from chatroom.journal.sqlite.counting import MOST_FINDINGS
from chatroom.journal.sqlite.records import encode as encode_record
from chatroom.journal.sqlite.rows_of_before import CHECKSUMS_SINCE
from chatroom.journal.sqlite.schema import (
    IDENTITIES_SINCE,
    MODERATION_SINCE,
    REDO_LOG_SINCE,
)
from chatroom.server.calls import encode
from tests.faults.scale import scaled
from tests.journal.damaged_blocks import change, change_loosely, damage_entry
from tests.journal.damaging import PAGE
from tests.journal.databases import make
from tests.journal.journals import BIG, entries, everything
from tests.journal.sqlite_files import enveloped, opened, write_version_1

FILES = sorted(Path(make.__file__).parent.glob("version-*.db.gz"))
LOBBY = 1
MEMBERS_SINCE = 2


def unpacked(file: Path, directory: Path) -> Path:
    path = directory / "chatroom.db"
    path.write_bytes(gzip.decompress(file.read_bytes()))
    return path


def version(file: Path) -> int:
    return int(file.name.split("-")[1].split(".")[0])


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def told(first: int) -> list[tuple[Kind, int, int]]:
    return [
        (kind, sequence, author)
        for sequence, (kind, author, *_) in enumerate(make.TALK, 1)
        if sequence >= first
    ]


def test_there_is_a_file_of_every_version() -> None:
    """Also of ours."""
    assert list(range(1, SCHEMA_VERSION + 1)) == [version(file) for file in FILES]


def test_it_is_read_as_it_was_written(file: Path, tmp_path: Path) -> None:
    """Rooms, entries and members; its second start is one of our version."""
    path = unpacked(file, tmp_path)
    first = 3 if version(file) >= MEMBERS_SINCE else 1

    async def scene() -> None:
        for _ in range(2):
            journal = SQLiteJournal(path, legible=encode.legible)
            rooms = await journal.open()
            assert ["lobby", 32 * "0"] == [
                rooms[0].facts.room_id, "0" * len(rooms[1].facts.room_id),
            ]  # fmt: skip
            inside = [record.name for record in rooms[0].inside]
            assert (["Ada"] if version(file) >= MEMBERS_SINCE else []) == inside
            assert (first, len(make.TALK)) == (rooms[0].oldest, rooms[0].newest)
            read = await everything(journal, LOBBY)
            assert told(first) == [(each.kind, each.sequence, each.author) for each in read]
            assert all(encode.legible(entry) for entry in read)
            await journal.close()

    asyncio.run(scene())
    assert [] == check(path, encode.legible).wrong


def test_it_is_checked_and_found_sound(file: Path, tmp_path: Path) -> None:
    """As it is, without an upgrade; so a repair changes nothing."""
    path = unpacked(file, tmp_path)
    before = path.read_bytes()
    assert (version(file), []) == (
        (found := check(path, encode.legible)).version, found.wrong,
    )  # fmt: skip
    assert repair(path, encode.legible).kept is None
    assert before == path.read_bytes()


def test_it_knows_who_was_inside_and_who_made_its_rooms(file: Path, tmp_path: Path) -> None:
    """By their tokens, since those are kept; before, nobody in particular."""
    path = unpacked(file, tmp_path)
    known = "ada@example.org" if version(file) >= IDENTITIES_SINCE else ""

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        rooms = await journal.open()
        await journal.close()
        assert {known} == {room.facts.creator for room in rooms}
        inside = [record.subject for room in rooms for record in room.inside]
        assert ([known] if version(file) >= MEMBERS_SINCE else []) == inside

    asyncio.run(scene())


def test_it_has_its_bans_and_what_was_done(file: Path, tmp_path: Path) -> None:
    """Also when it was repaired: with a message that is damaged."""
    path = unpacked(file, tmp_path)
    noted = version(file) >= MODERATION_SINCE

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        rooms = await journal.open()
        assert [make.BAN] * noted == [note.value for note in rooms[0].notes]
        assert [make.BAN] * noted == [note.value for note in await journal.server_notes()]
        records = await journal.records(after=0, count=10)
        assert [(1, "ada@example.org")] * noted == [(each.number, each.actor) for each in records]
        await journal.close()

    asyncio.run(scene())
    damage_entry(path, 5)
    assert repair(path, encode.legible).kept is not None
    asyncio.run(scene())


def test_its_nonces_still_count(file: Path, tmp_path: Path) -> None:
    """Those of entries and those of copies, with a checksum as without."""
    if version(file) < MEMBERS_SINCE:
        pytest.skip("version 1 has no nonces")
    path = unpacked(file, tmp_path)

    async def retry(journal: SQLiteJournal) -> list[int]:
        again = [
            Entry(len(make.TALK) + 1 + n, make.NOW + make.SECOND, Kind.SAID, author, b"", nonce)
            for n, (author, nonce) in enumerate([(make.ADA, "ada-1"), (make.BOB, "bob-1")])
        ]
        with pytest.raises(NonceUsed) as used:
            await journal.append([Append(LOBBY, again)])
        assert Kind.DAMAGED not in [entry.kind for entry in used.value.used.values()]
        return sorted(entry.sequence for entry in used.value.used.values())

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        await journal.open()
        assert [2, 5] == await retry(journal)
        await journal.close()

    asyncio.run(scene())


@pytest.mark.parametrize("how", ["a start", "a backup"])
def test_what_its_redo_log_alone_has_is_kept(file: Path, tmp_path: Path, how: str) -> None:
    """A killed server has left it; a newer one starts on it, or a newer program copies it."""
    if version(file) < REDO_LOG_SINCE:
        pytest.skip("it has no redo log")
    path = unpacked(file, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run SET state = 'full', redo = 5, redone = 1")
        connection.commit()
    last = make.entry(len(make.TALK) + 1, Kind.SAID, make.ADA, "Ada", "Bye.", "")
    log = encode_record(5, 2, [Append(LOBBY, [last])])
    path.with_name(path.name + redo.SUFFIXES[0]).write_bytes(log)
    if how == "a backup":
        before = path.read_bytes()
        assert 6 == backup(path, tmp_path / "copy.db").entries
        assert before == path.read_bytes()
        path = tmp_path / "copy.db"

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        await journal.open()
        assert last == (await everything(journal, LOBBY))[-1]
        await journal.close()

    asyncio.run(scene())
    assert [] == check(path, encode.legible).wrong


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            "envelope = CAST(substr(envelope, 1, 14) || x'ff' || substr(envelope, 16) AS BLOB)",
            "text that is no UTF-8",
        ),
        ("envelope = substr(envelope, 1, 9)", "an envelope that is too short"),
        ("kind = 99", "a kind that there is not"),
        ("sent = sent + 1", "another time than its message has"),
    ],
)
def test_what_was_damaged_before_gets_no_checksum_that_hides_it(
    file: Path, tmp_path: Path, change: str, what: str
) -> None:
    """It is damaged before the upgrade, after it, and in the eyes of a check."""
    if version(file) >= CHECKSUMS_SINCE:
        pytest.skip("it has checksums")
    path = unpacked(file, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE entry SET {change} WHERE sequence = 6 AND room = {LOBBY}")
        connection.commit()
    assert ["room lobby: message 6 is damaged"] == check(path, encode.legible).wrong, what

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        await journal.open()
        await check_sixth(journal)
        await journal.close()

    async def check_sixth(journal: SQLiteJournal) -> None:
        kinds = {entry.sequence: entry.kind for entry in await everything(journal, LOBBY)}
        assert {6} == {sequence for sequence, kind in kinds.items() if kind is Kind.DAMAGED}

    asyncio.run(scene())
    assert "room lobby: message 6 is damaged" in check(path, encode.legible).wrong


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        ("sent = 'noon'", False),
        ("author = x'00'", False),
        ("envelope = 'text'", False),
        ("sequence = -6", False),
        ("nonce = 7", True),
        ("kind = 99", True),
    ],
)
def test_a_row_that_can_be_no_entry_is_read_as_damaged(
    tmp_path: Path, damage: str, kept: bool
) -> None:
    """A start converts all others. Where it can, a damaged one keeps its bytes and its nonce."""
    path = unpacked(FILES[MODERATION_SINCE - 1], tmp_path)
    change_loosely(path, "entry", f"UPDATE entry SET {damage} WHERE sequence = 6")
    assert [] != check(path, encode.legible).wrong
    (sixth,) = (told for told in make.TALK if told[3] == "two\nlines")

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        (room, _) = await journal.open()
        assert (3, 7) == (room.oldest, room.newest)
        read = await everything(journal, LOBBY)
        assert [6] == [entry.sequence for entry in read if entry.kind is Kind.DAMAGED]
        await journal.close()

    asyncio.run(scene())
    assert kept == (sixth[3].encode() in path.read_bytes())


def test_a_damaged_row_keeps_its_nonce(tmp_path: Path) -> None:
    """Whoever retries what is damaged says it no second time."""
    path = unpacked(FILES[MODERATION_SINCE - 1], tmp_path)
    damage_entry(path, 5)

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        await journal.open()
        again = Entry(len(make.TALK) + 1, make.NOW, Kind.SAID, make.BOB, b"", "bob-1")
        with pytest.raises(NonceUsed) as used:
            await journal.append([Append(LOBBY, [again])])
        (first,) = used.value.used.values()
        assert (5, Kind.DAMAGED) == (first.sequence, first.kind)
        await journal.close()

    asyncio.run(scene())


def test_many_damaged_rows_are_counted(tmp_path: Path) -> None:
    """A check names the first of them."""
    path = tmp_path / "j.db"
    write_version_1(path, {"one": entries(1, 3 * MOST_FINDINGS)})
    wrong = check(path, encode.legible).wrong
    assert "room one: message 1 is damaged" == wrong[0]
    assert f"{2 * MOST_FINDINGS} messages more are damaged" == wrong[-1]
    assert MOST_FINDINGS + 1 == len(wrong)


def test_rows_of_which_a_page_is_lost_are_kept_but_for_those(tmp_path: Path) -> None:
    """By a repair: from both ends of the table, and whatever else is in its pages."""
    path = tmp_path / "j.db"
    told = enveloped(entries(1, 2_500, size=60))
    write_version_1(path, {"one": told[:100], "two": told})
    octets = bytearray(path.read_bytes())
    leaves = [
        at
        for at in range(PAGE, len(octets), PAGE)
        if octets[at] == 10 and b"  1500" in octets[at : at + PAGE]
    ]
    (at,) = leaves
    octets[at : at + PAGE] = bytes(PAGE)
    path.write_bytes(octets)
    done = repair(path)
    assert done.salvaged is not None
    assert {"two"} == set(done.salvaged.lost)
    lost = done.salvaged.lost["two"]
    assert list(range(lost[0], lost[-1] + 1)) == lost
    assert 1_500 in lost
    assert len(lost) < PAGE // 60
    assert [] == check(path).wrong

    async def scene() -> None:
        journal, (one, two) = await opened(path)
        assert told[:100] == await everything(journal, one.facts.key)
        assert [entry for entry in told if entry.sequence not in lost] == [
            entry
            for entry in await journal.read(two.facts.key, after=0, entries=BIG, size=BIG)
            if entry.kind is not Kind.DAMAGED
        ]
        await journal.close()

    asyncio.run(scene())


def test_copies_of_rooms_that_are_gone_are_left_out_by_a_repair(tmp_path: Path) -> None:
    """Of the copies for nonces those count whose room is there, and which were trimmed."""
    path = unpacked(FILES[MODERATION_SINCE - 1], tmp_path)
    change(
        path,
        "INSERT INTO trimmed SELECT 99, sequence, sent, kind, author, envelope, 'x', checksum "
        "FROM trimmed",
    )
    damage_entry(path, 5)
    done = repair(path, encode.legible)
    assert done.salvaged is not None
    assert ({"lobby": [5]}, 5 - 1) == (done.salvaged.lost, done.salvaged.entries)
    with closing(sqlite3.connect(path)) as connection:
        assert [(LOBBY,)] == connection.execute("SELECT DISTINCT room FROM nonce").fetchall()


@pytest.mark.parametrize("made", FILES, ids=lambda file: file.name)
def test_any_byte_of_it(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Damaged before the upgrade: what is read then, and after a repair, was stored, or damaged."""
    directory = tmp_path_factory.mktemp("old")
    octets = gzip.decompress(made.read_bytes())
    stored = [make.entry(sequence, *told) for sequence, told in enumerate(make.TALK, 1)]

    async def read(path: Path) -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        try:
            for room in await journal.open():
                for entry in await everything(journal, room.facts.key):
                    if entry.kind is not Kind.DAMAGED and version(made) >= CHECKSUMS_SINCE:
                        assert replace(stored[entry.sequence - 1], nonce="") == entry
        except JournalUnusable as refused:
            assert path.name in str(refused)
        finally:
            await journal.close()

    @settings(max_examples=scaled(8, 300, brief=2), deadline=None)
    @given(st.integers(100, len(octets) - 1), st.integers(1, 255))
    def damaged(at: int, mask: int) -> None:
        changed = octets[:at] + bytes([octets[at] ^ mask]) + octets[at + 1 :]
        for mended in (False, True):
            shutil.rmtree(directory)
            directory.mkdir()
            path = directory / "chatroom.db"
            path.write_bytes(changed)
            if mended:
                try:
                    repair(path, encode.legible)
                except (JournalUnusable, RepairFailed) as refused:
                    assert "put a backup in its place" in str(refused)
                    return
                assert [] == check(path, encode.legible).wrong
            asyncio.run(read(path))

    damaged()


def test_a_file_of_every_version_is_repaired(file: Path, tmp_path: Path) -> None:
    """What it becomes is of our version, whatever it was."""
    path = unpacked(file, tmp_path)
    damage_entry(path, 6)
    repaired = repair(path, encode.legible)
    assert repaired.salvaged is not None
    assert {"lobby": [6]} == repaired.salvaged.lost
    checked = check(path, encode.legible)
    assert (SCHEMA_VERSION, []) == (checked.version, checked.wrong)

    async def scene() -> None:
        journal = SQLiteJournal(path, legible=encode.legible)
        await journal.open()
        first = 3 if version(file) >= MEMBERS_SINCE else 1
        kinds = [entry.kind for entry in await everything(journal, LOBBY)]
        expected = [kind for kind, *_ in told(first)]
        expected[6 - first] = Kind.DAMAGED
        assert expected == kinds
        await journal.close()

    asyncio.run(scene())
