"""What every journal promises of searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.core.query import Query, parsed
from chatroom.journal import Append, Journal
from tests.journal.journals import BIG, Scene, Shelf, ShelfScene, new_room, says

SIZE = 1_000
"""Bytes of a message: 512 fill a segment of SQLite's."""


def query(raw: str) -> Query:
    return parsed(raw, characters=256, most=32)


async def found(
    journal: Journal, key: int, raw: str, *, before: int = BIG, count: int = 1_000
) -> list[int]:
    """The sequences that a search finds, in its order."""
    page = await journal.search(key, query(raw), before=before, count=count)
    return [entry.sequence for entry in page.entries]


def log(count: int) -> list[Entry]:
    """Every one, every third, and one in a hundred are found by a word."""
    return [
        says(
            number,
            f"Message n{number}" + " third" * (number % 3 == 0) + " rare" * (number % 100 == 7),
            name="Ann" if number % 2 else "Bob",
            size=SIZE,
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("settled", ["", "settle", "index"])
def test_the_newest_first(shelve: Callable[[ShelfScene], None], settled: str) -> None:
    """All words must be there; a page says whether there are more, and the next goes on below."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, log(900))])
        if settled:
            await getattr(shelf, settled)()
        await shelf.journal.append([Append(key, [says(901, "message n901"), says(902, "x")])])
        page = await shelf.journal.search(key, query("MESSAGE"), before=BIG, count=3)
        assert ([901, 900, 899], True) == ([e.sequence for e in page.entries], page.more)
        assert [says(901, "message n901"), *log(900)[898:][::-1]] == list(page.entries)
        page = await shelf.journal.search(key, query("message third"), before=7, count=2)
        assert ([6, 3], False) == ([e.sequence for e in page.entries], page.more)
        assert [*range(807, 0, -100)] == await found(shelf.journal, key, "rare")
        assert [807, 507, 207] == await found(shelf.journal, key, "rare third")
        assert [450] == await found(shelf.journal, key, '"message n450" from:bob')
        assert [] == await found(shelf.journal, key, "n450 from:ann")
        assert [] == await found(shelf.journal, key, '"third message"')
        assert [] == await found(shelf.journal, key, "message", before=1)
        assert [] == await found(shelf.journal, key, "message", count=0)
        assert [] == await found(shelf.journal, key + 1, "message")

    shelve(scene)


def test_what_was_said_alone(play: Callable[[Scene], None]) -> None:
    """Arrivals and what the server tells are not found, nor nonces told."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        kinds = [kind for kind in Kind if kind is not Kind.DAMAGED]
        entries = [says(n, "a word", kind=kind) for n, kind in enumerate(kinds, 1)]
        entries[0].nonce = "nonce"
        await journal.append([Append(key, entries)])
        page = await journal.search(key, query("word"), before=BIG, count=9)
        assert [replace(entries[0], nonce="")] == list(page.entries)

    play(scene)


@pytest.mark.parametrize("settled", ["settle", "index"])
def test_what_was_withdrawn_is_not_found(
    shelve: Callable[[ShelfScene], None], settled: str
) -> None:
    """Neither by what it said, nor by what it has become; what stood beside it is."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, log(600))])
        await getattr(shelf, settled)()
        gone = says(107, "(withdrawn)", kind=Kind.WITHDRAWN)
        await shelf.journal.append([Append(key, [says(601, "x")], replaced=[gone])])
        for _ in range(2):
            assert [507, 407, 307, 207, 7] == await found(shelf.journal, key, "rare")
            assert [] == await found(shelf.journal, key, "n107")
            assert [] == await found(shelf.journal, key, "withdrawn")
            assert [106] == await found(shelf.journal, key, "n106")
            await getattr(shelf, settled)()

    shelve(scene)


@pytest.mark.parametrize("settled", ["settle", "index"])
def test_what_was_trimmed_is_not_found(shelve: Callable[[ShelfScene], None], settled: str) -> None:
    """Only what is kept is, from the oldest one on."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, log(900))])
        await getattr(shelf, settled)()
        await shelf.journal.trim(key, entries=500, size=BIG)
        for _ in range(2):
            assert [807, 707, 607, 507, 407] == await found(shelf.journal, key, "rare")
            assert [*range(900, 400, -1)] == await found(shelf.journal, key, "message")
            await shelf.reopen()

    shelve(scene)


def test_a_closed_room_is_searched_until_it_is_purged(play: Callable[[Scene], None]) -> None:
    """As it is read until then."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, log(600))])
        await journal.append([Append(key, [says(601, "end", kind=Kind.CLOSED)], closes=True)])
        assert [507] == await found(journal, key, "rare", count=1)
        await journal.purge(key)
        assert [] == await found(journal, key, "rare")
        assert 0 == journal.index_bytes

    play(scene)
