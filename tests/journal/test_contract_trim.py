"""What every journal promises of trimming, over every journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chatroom.core.entry import STORED_OVERHEAD
from chatroom.journal import Append, Journal, Trimmed
from tests.journal.journals import (
    BIG,
    Scene,
    Shelf,
    ShelfScene,
    entries,
    everything,
    new_room,
)

ENTRY = 20 + STORED_OVERHEAD
"""Bytes that each entry of `entries` counts for."""


@pytest.mark.parametrize(
    ("most", "size", "oldest"),
    [
        (100, BIG, 1),
        (99, BIG, 2),
        (1, BIG, 100),
        (0, BIG, 100),
        (BIG, 100 * ENTRY, 1),
        (BIG, 100 * ENTRY - 1, 2),
        (BIG, 10 * ENTRY, 91),
        (BIG, 0, 100),
        (50, 40 * ENTRY, 61),
        (40, 50 * ENTRY, 61),
    ],
)
def test_the_oldest_go_until_both_bounds_hold(
    play: Callable[[Scene], None], most: int, size: int, oldest: int
) -> None:
    """No more than needed, and never the newest."""

    async def scene(journal: Journal) -> None:
        key, other = await new_room(journal, "a"), await new_room(journal, "b")
        await journal.append([Append(key, entries(1, 100)), Append(other, entries(1, 100))])
        trimmed = await journal.trim(key, entries=most, size=size)
        assert Trimmed(oldest, (oldest - 1) * ENTRY) == trimmed
        assert entries(oldest, 101 - oldest) == await everything(journal, key)
        assert entries(1, 100) == await everything(journal, other)
        assert Trimmed(oldest, 0) == await journal.trim(key, entries=most, size=size)

    play(scene)


def test_entries_of_any_size_are_counted_as_they_are(play: Callable[[Scene], None]) -> None:
    """One large entry may make many small ones go."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 10))])
        await journal.append([Append(key, entries(11, 1, size=5_000))])
        assert Trimmed(10, 9 * ENTRY) == await journal.trim(
            key, entries=BIG, size=5_000 + STORED_OVERHEAD + ENTRY
        )
        assert Trimmed(11, ENTRY) == await journal.trim(key, entries=BIG, size=5_000)

    play(scene)


def test_a_room_without_entries_is_as_it_was(play: Callable[[Scene], None]) -> None:
    """One that is not there as well."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        assert Trimmed(1, 0) == await journal.trim(key, entries=0, size=0)
        assert Trimmed(1, 0) == await journal.trim(key + 1_000, entries=0, size=0)

    play(scene)


def test_after_a_trim_the_log_goes_on_where_it_was(shelve: Callable[[ShelfScene], None]) -> None:
    """Sequences continue; reads from below the oldest begin with the oldest."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, entries(1, 100))])
        await shelf.journal.trim(key, entries=1, size=BIG)
        (room,) = await shelf.reopen()
        assert (100, 100, ENTRY) == (room.newest, room.oldest, room.size)
        journal = shelf.journal
        await journal.append([Append(key, entries(101, 20))])
        assert entries(100, 3) == await journal.read(key, after=3, entries=3, size=BIG)
        assert entries(110, 3) == await journal.read(key, after=109, entries=3, size=BIG)
        assert entries(100, 2) == await journal.read_before(key, before=102, entries=9, size=BIG)
        assert [] == await journal.read_before(key, before=100, entries=9, size=BIG)
        assert 100 == await journal.said_before(key, before=105, count=99)
        assert 104 == await journal.said_before(key, before=105, count=1)
        (room,) = await shelf.reopen()
        assert (120, 100, 21 * ENTRY) == (room.newest, room.oldest, room.size)

    shelve(scene)


def test_appends_do_not_wait_for_a_long_trim_and_are_not_trimmed_by_it(
    play: Callable[[Scene], None],
) -> None:
    """What came while it ran is there afterwards, beyond what the bound allows."""

    async def scene(journal: Journal) -> None:
        key, other = await new_room(journal, "a"), await new_room(journal, "b")
        for start in range(1, 20_001, 5_000):
            await journal.append([Append(key, entries(start, 5_000))])
        trimming = asyncio.create_task(journal.trim(key, entries=10, size=BIG))
        await asyncio.sleep(0)
        appended = 0
        while not trimming.done():
            await journal.append(
                [
                    Append(key, entries(20_001 + appended, 1)),
                    Append(other, entries(1 + appended, 1)),
                ]
            )
            appended += 1
        assert appended > 1 or journal.name.startswith("in memory")
        assert Trimmed(19_991, 19_990 * ENTRY) == await trimming
        assert entries(19_991, 10 + appended) == await everything(journal, key)

    play(scene)


def test_a_room_that_is_closed_and_purged_during_a_trim_is_gone(
    play: Callable[[Scene], None],
) -> None:
    """Neither leaves anything for the other to stumble over."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 5_000))])
        trimming = asyncio.create_task(journal.trim(key, entries=10, size=BIG))
        await journal.append([Append(key, entries(5_001, 1), closes=True)])
        await journal.purge(key)
        await trimming
        assert [] == await everything(journal, key)

    play(scene)
