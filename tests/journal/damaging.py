"""A journal's file with everything in it, damaged in every way, and what must hold then."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Draft, Entry, Kind, Passage
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.journal import Append, JournalError, JournalUnusable
from chatroom.journal.sqlite import RepairFailed, SQLiteJournal, check, repair
from chatroom.server.calls import encode
from tests.journal.journals import BIG, NOW, SECOND, new_room, record

PAGE = 4096
ROOMS = ("one", "two")
ENDS = (0, 60, 61, 75, 130, 200)
"""Entries that are stored at once, up to each: of the first ones 50 are trimmed later."""
MOST = 70
"""Entries of a block: what a byte can cost, or a page."""
Logs = dict[int, dict[int, Entry]]
"""By a room's key, entries by their sequence."""


NOTES = [
    Note(kind, f"{kind.name} {number}", f'{{"number": {number}}}')
    for kind in NoteKind
    for number in range(5)
]


def a_record(number: int, *, at: int = NOW, room_id: str = "lobby") -> AuditRecord:
    """A record of the audit log."""
    return AuditRecord(
        number=number, at=at, actor="ann@example.org", key_id="home", token_id="t1",
        address="192.0.2.1", method="CreateBan", room_id=room_id, target="name=Ève", outcome="OK",
    )  # fmt: skip


def real_entry(key: int, sequence: int) -> Entry:
    """An entry as the server makes them: things said (the longest has pages of its own), and
    somebody who comes and goes."""
    kind = {7: Kind.ENTERED, 8: Kind.LEFT}.get(sequence % 40, Kind.SAID)
    text = f"said {sequence} in {key} " + "x" * (5_000 if sequence == 120 else sequence % 50)
    nonce = f"n{sequence}" if kind is Kind.SAID and sequence % 3 == 0 else ""
    passage = None
    if kind is not Kind.SAID:
        passage = Passage(NOW, LeaveReason.QUIT if kind is Kind.LEFT else None)
    draft = Draft(kind, 10 * key + sequence % 3, "Bob", text, nonce, event=passage)
    sent = NOW + sequence * SECOND
    (envelope,) = encode.entries([draft], sequence, sent)
    return Entry(sequence, sent, kind, draft.author, envelope, nonce)


def write_file(path: Path) -> Logs:
    """Two rooms; of one the oldest entries were trimmed, and their nonces count."""

    async def scene() -> Logs:
        journal = SQLiteJournal(path, sync="off")
        await journal.open()
        logs: Logs = {}
        for room_id, count in zip(ROOMS, (200, 12), strict=True):
            key = await new_room(journal, room_id)
            told = [real_entry(key, sequence) for sequence in range(1, count + 1)]
            members = [record(1, name="Bob", session=bytes(32)), record(2, ended=NOW)]
            await journal.append([Append(key, members=members if key == 1 else ())])
            for begin, end in pairwise(ENDS):
                await journal.append([Append(key, told[begin:end])])
                await journal.settle()  # then they are in blocks of their own
            await journal.append([Append(key, notes=NOTES), Append(SERVER, notes=NOTES[:2])])
            logs[key] = {entry.sequence: replace(entry, nonce="") for entry in told}
        await journal.record([a_record(0), a_record(0)])
        await journal.trim(1, entries=150, size=BIG)
        for sequence in range(1, 51):
            del logs[1][sequence]
        await journal.close()
        return logs

    return asyncio.run(scene())


def check_what_a_server_finds(path: Path, logs: Logs) -> int | None:
    """Start a journal on a file that may be damaged, read it, and store something.

    What it reads is what was stored, or damaged, in unbroken order. Returns how many
    entries are damaged; None: it does not start, and says what to do.
    """

    async def scene() -> int | None:
        journal = SQLiteJournal(path, sync="off", legible=encode.legible)
        try:
            rooms = await journal.open()
        except JournalUnusable as error:
            assert str(path.name) in str(error)
            assert any(what in str(error) for what in ("backup", "newer chatserver")), error
            await journal.close()
            return None
        damaged = 0
        assert set(await journal.server_notes()) <= set(NOTES)
        for room in rooms:
            key = room.facts.key
            assert set(room.notes) <= set(NOTES)
            for _ in range(2):  # what was read changes nothing
                damaged += check_pages(logs, key, await pages(journal, key, room.newest))
            newest = real_entry(key, room.newest + 1)
            try:
                await journal.append([Append(key, [newest])])
            except JournalError:  # then nobody is shown it
                continue
            if key in logs and room.newest >= max(logs[key]):
                (read,) = await journal.read(key, after=room.newest, entries=9, size=BIG)
                assert replace(newest, nonce="") == read
        await journal.close()
        return damaged // 2

    return asyncio.run(scene())


async def pages(journal: SQLiteJournal, key: int, newest: int) -> list[list[Entry]]:
    """A room's log read in several ways."""
    forwards: list[Entry] = []
    after = 0
    while page := await journal.read(key, after=after, entries=30, size=BIG):
        assert after < page[-1].sequence
        after = page[-1].sequence
        forwards += page
    backwards: list[Entry] = []
    before = newest + 1
    while page := await journal.read_before(key, before=before, entries=30, size=BIG):
        assert before > page[0].sequence
        before = page[0].sequence
        backwards = page + backwards
    first = await journal.said_before(key, before=newest + 1, count=10)
    assert first <= newest + 1
    return [forwards, backwards]


def check_pages(logs: Logs, key: int, read: list[list[Entry]]) -> int:
    """Each entry as it was stored, or damaged, without holes. How many are damaged."""
    forwards, backwards = read
    sequences = [entry.sequence for entry in forwards]
    assert [entry.sequence for entry in backwards] == sequences
    if forwards:
        assert list(range(sequences[0], sequences[-1] + 1)) == sequences
    for entry in forwards + backwards:
        if entry.kind is Kind.DAMAGED:
            assert b"" == entry.envelope
        elif entry.sequence in logs.get(key, {}):
            assert logs[key][entry.sequence] == entry
        else:  # trimmed, of a room whose own row is damaged
            assert replace(real_entry(key, entry.sequence), nonce="") == entry
    return sum(entry.kind is Kind.DAMAGED for entry in forwards)


def check_repair(path: Path, logs: Logs, *, found_damaged: bool) -> int | None:
    """Repair the file: then nothing is wrong, and what it has is what was stored.

    Returns how many entries it has kept; None: nothing can be read.
    """
    if found_damaged:
        assert damage_is_told(path)
    try:
        repaired = repair(path, encode.legible)
    except (JournalUnusable, RepairFailed) as error:
        assert "put a backup in its place" in str(error)
        return None
    if repaired.salvaged is None:
        assert not found_damaged
    assert [] == check(path, encode.legible).wrong

    async def scene() -> int:
        kept = 0
        journal = SQLiteJournal(path, sync="off", legible=encode.legible)
        for room in await journal.open():
            log = await journal.read(room.facts.key, after=0, entries=BIG, size=BIG)
            check_pages(logs, room.facts.key, [log, log])
            kept += sum(entry.kind is not Kind.DAMAGED for entry in log)
        await journal.close()
        return kept

    return asyncio.run(scene())


def damage_is_told(path: Path) -> bool:
    """Whether a check finds something."""
    try:
        return bool(check(path, encode.legible).wrong)
    except JournalUnusable:
        return True
