"""What every journal promises of notes, changed rooms and withdrawn entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.journal import Append, Journal, NonceUsed
from tests.journal.journals import (
    AUTHOR,
    NOW,
    SECOND,
    Scene,
    Shelf,
    ShelfScene,
    entries,
    everything,
    new_room,
    nonced,
    without_nonces,
)

BAN = Note(NoteKind.BAN, "b1", '{"name": "Ève 🎉"}')
MARK = Note(NoteKind.MARK, "name:bob", '{"muted": true}')
NAME = Note(NoteKind.NAME, "ann", '{"subject": "ann@example.org"}')


def withdrawn(entry: Entry, envelope: bytes = b"(withdrawn)") -> Entry:
    """What becomes of an entry."""
    return replace(entry, kind=Kind.WITHDRAWN, envelope=envelope)


def of_room(shelf: Shelf, key: int) -> list[Note]:
    """The notes of a room, as the latest open has listed them, in order."""
    [room] = [room for room in shelf.rooms if room.facts.key == key]
    return sorted(room.notes, key=lambda note: (note.kind, note.key))


@pytest.mark.parametrize("end", ["reopen", "kill"])
def test_notes_are_there_after_a_start(shelve: Callable[[ShelfScene], None], end: str) -> None:
    """Those of rooms with their room, those of the server apart; the latest of each counts."""

    async def scene(shelf: Shelf) -> None:
        other, key = await new_room(shelf.journal, "other"), await new_room(shelf.journal)
        await shelf.journal.append([Append(key, entries(1, 1), notes=[BAN, MARK])])
        await shelf.journal.append([Append(SERVER, notes=[NAME]), Append(other, notes=[MARK])])
        changed = replace(BAN, value='{"name": "Eve"}')
        await shelf.journal.append([Append(key, notes=[changed])])
        await getattr(shelf, end)()
        assert [changed, MARK] == of_room(shelf, key)
        assert [MARK] == of_room(shelf, other)
        assert [NAME] == list(await shelf.journal.server_notes())
        assert entries(1, 1) == await everything(shelf.journal, key)

    shelve(scene)


@pytest.mark.parametrize("end", ["reopen", "kill"])
def test_a_note_without_a_value_is_gone(shelve: Callable[[ShelfScene], None], end: str) -> None:
    """Whether it was stored long ago or just now; one that never was is no error."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, notes=[BAN])])
        await shelf.settle()
        await shelf.journal.append([Append(key, notes=[MARK])])
        gone = [replace(each, value="") for each in (BAN, MARK, NAME)]
        await shelf.journal.append([Append(key, notes=gone)])
        await getattr(shelf, end)()
        assert [] == of_room(shelf, key)

    shelve(scene)


def test_notes_end_with_their_room(shelve: Callable[[ShelfScene], None]) -> None:
    """Those of another room of the same id begin anew."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, notes=[BAN])])
        await shelf.journal.append([Append(key, entries(1, 1, kind=Kind.CLOSED), closes=True)])
        await shelf.journal.purge(key)
        again = await new_room(shelf.journal)
        await shelf.reopen()
        assert [] == of_room(shelf, again)

    shelve(scene)


@pytest.mark.parametrize("end", ["reopen", "kill"])
def test_a_room_is_as_it_was_changed(shelve: Callable[[ShelfScene], None], end: str) -> None:
    """Title, bounds and whether newcomers may come; nothing else of it can change."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.reopen()
        [before] = shelf.rooms
        facts = replace(
            before.facts, title="Ein anderer", capacity=3, history=50, closed_to_newcomers=True
        )
        await shelf.journal.append([Append(key, entries(1, 1), facts=facts)])
        await getattr(shelf, end)()
        [room] = shelf.rooms
        assert replace(facts, epoch=room.facts.epoch) == room.facts

    shelve(scene)


@pytest.mark.parametrize("end", ["reopen", "kill"])
@pytest.mark.parametrize("size", [20, 10_000])
def test_a_withdrawn_entry_is_another(
    shelve: Callable[[ShelfScene], None], end: str, size: int
) -> None:
    """In its place, with the same sequence, also where it is just stored; the size follows."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        told = entries(1, 9, size=size)
        await shelf.journal.append([Append(key, told[:8])])
        mark = withdrawn(told[4])
        await shelf.journal.append([Append(key, told[8:], replaced=[mark])])
        expected = [*told[:4], mark, *told[5:]]
        assert expected == await everything(shelf.journal, key)
        await getattr(shelf, end)()
        assert expected == await everything(shelf.journal, key)
        [room] = shelf.rooms
        assert sum(entry.stored_bytes for entry in expected) == room.size

    shelve(scene)


def test_a_retry_gets_the_mark(play: Callable[[Scene], None]) -> None:
    """A withdrawn message keeps its nonce: whoever retries it says nothing twice."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        said = nonced(1, "n1")
        await journal.append([Append(key, [said])])
        mark = withdrawn(said)
        await journal.append([Append(key, entries(2, 1), replaced=[mark])])
        assert [*without_nonces([mark]), *entries(2, 1)] == await everything(journal, key)
        with pytest.raises(NonceUsed) as refused:
            await journal.append([Append(key, [nonced(3, "n1", sent=NOW + SECOND)])])
        assert {(AUTHOR, "n1"): mark} == refused.value.used

    play(scene)


def test_so_does_the_retry_of_one_that_was_trimmed(play: Callable[[Scene], None]) -> None:
    """Its copy is replaced where it is kept for the nonce alone."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        said = nonced(1, "n1")
        await journal.append([Append(key, [said, *entries(2, 3)])])
        await journal.trim(key, entries=2, size=1 << 30)
        mark = withdrawn(said)
        await journal.append([Append(key, entries(5, 1), replaced=[mark])])
        assert entries(3, 3) == await everything(journal, key)
        with pytest.raises(NonceUsed) as refused:
            await journal.append([Append(key, [nonced(6, "n1", sent=NOW + SECOND)])])
        assert mark == refused.value.used[AUTHOR, "n1"]

    play(scene)


def test_what_is_not_kept_is_not_replaced(play: Callable[[Scene], None]) -> None:
    """Nothing comes into being by it."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 5))])
        await journal.trim(key, entries=2, size=1 << 30)
        gone = withdrawn(entries(1, 1)[0])
        await journal.append([Append(key, entries(6, 1), replaced=[gone])])
        assert entries(4, 3) == await everything(journal, key)

    play(scene)


@pytest.mark.parametrize("end", ["reopen", "kill"])
def test_what_is_scrubbed_waits_for_nothing(shelve: Callable[[ShelfScene], None], end: str) -> None:
    """Also when it was replaced in a run before; of other retries nothing changes."""

    async def scene(shelf: Shelf) -> None:
        journal = shelf.journal
        key = await new_room(journal)
        kept = nonced(2, "n2")
        await journal.append([Append(key, [nonced(1, "n1"), kept])])
        assert not await journal.withdrawn()
        mark = withdrawn(nonced(1, "n1"))
        await journal.append([Append(key, entries(3, 1), replaced=[mark])])
        await getattr(shelf, end)()
        journal = shelf.journal
        assert await journal.scrub()
        assert not await journal.withdrawn()
        again = [nonced(4, "n1", sent=NOW + SECOND), nonced(5, "n2", sent=NOW + SECOND)]
        with pytest.raises(NonceUsed) as refused:
            await journal.append([Append(key, again)])
        assert {(AUTHOR, "n1"): mark, (AUTHOR, "n2"): kept} == refused.value.used

    shelve(scene)
