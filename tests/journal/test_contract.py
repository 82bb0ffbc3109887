"""What every journal promises of rooms and logs, over every journal: see `port`.

Members are in test_contract_members.py, nonces in test_contract_nonces.py, trimming in
test_contract_trim.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, Journal, JournalConflict
from tests.faults.scale import scaled
from tests.journal.journals import (
    BIG,
    NOW,
    Scene,
    Shelf,
    ShelfScene,
    a_room,
    entries,
    everything,
    new_room,
    record,
)


def test_a_room_is_stored_with_all_its_facts(play: Callable[[Scene], None]) -> None:
    """What a room was created with comes back, and each room has a key of its own."""

    async def scene(journal: Journal) -> None:
        first = await journal.create_room(a_room("one"))
        second = await journal.create_room(a_room("two"))
        assert first.facts.key != second.facts.key
        assert (0, 0, 1, 0, []) == (
            first.newest, first.last_sent, first.oldest, first.size, list(first.inside),
        )  # fmt: skip
        facts = first.facts
        assert ("one", "e1", NOW, "Über uns", True, 7, 99) == (
            facts.room_id, facts.epoch, facts.created, facts.title, facts.private,
            facts.capacity, facts.history,
        )  # fmt: skip

    play(scene)


def test_entries_come_back_as_they_were(play: Callable[[Scene], None]) -> None:
    """Every field, and the envelope byte for byte."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        stored = [
            Entry(number, 5, kind, number, bytes(range(256))) for number, kind in enumerate(Kind, 1)
        ]
        await journal.append([Append(key, stored)])
        assert stored == await journal.read(key, after=0, entries=10, size=BIG)

    play(scene)


def test_one_append_may_be_for_many_rooms(play: Callable[[Scene], None]) -> None:
    """A turn of the commit loop is one call, whatever the number of rooms and entries."""

    async def scene(journal: Journal) -> None:
        keys = [(await journal.create_room(a_room(f"r{n}"))).facts.key for n in range(5)]
        counts = {key: 283 + 10 * number for number, key in enumerate(keys)}
        await journal.append([Append(key, entries(1, counts[key])) for key in keys])
        await journal.append([Append(key, entries(counts[key] + 1, 1)) for key in keys])
        for key in keys:
            assert entries(1, counts[key] + 1) == await journal.read(
                key, after=0, entries=1000, size=BIG
            )

    play(scene)


def test_a_conflict_stores_nothing(play: Callable[[Scene], None]) -> None:
    """Too early, too late, or a room that is not there: the whole append is refused."""

    async def scene(journal: Journal) -> None:
        good = (await journal.create_room(a_room("good"))).facts.key
        bad = (await journal.create_room(a_room("bad"))).facts.key
        await journal.append([Append(bad, entries(1, 2))])
        for append in (
            Append(bad, entries(2, 1)),
            Append(bad, entries(4, 1)),
            Append(bad + 1000, entries(1, 1)),
            Append(bad + 1000, members=[record(1)]),
        ):
            with pytest.raises(JournalConflict):
                await journal.append(
                    [Append(good, entries(1, 1), members=[record(5, session=b"5")]), append]
                )
        assert await journal.session(b"5") is None
        assert [] == await journal.read(good, after=0, entries=10, size=BIG)
        await journal.append([Append(good, entries(1, 1)), Append(bad, entries(3, 1))])

    play(scene)


def test_open_lists_rooms_as_they_are(shelve: Callable[[ShelfScene], None]) -> None:
    """With their newest and oldest entry, and the bytes that are kept."""

    async def scene(shelf: Shelf) -> None:
        one = await shelf.journal.create_room(a_room("one"))
        two = await shelf.journal.create_room(a_room("two"))
        await shelf.journal.append([Append(one.facts.key, entries(1, 300))])
        await shelf.journal.trim(one.facts.key, entries=299, size=BIG)
        first, second = await shelf.reopen()
        assert (one.facts, 300, NOW + 300, 2, 299 * (20 + 32)) == (
            first.facts, first.newest, first.last_sent, first.oldest, first.size,
        )  # fmt: skip
        assert two == second
        assert entries(2, 299) == await everything(shelf.journal, one.facts.key)
        await shelf.journal.append([Append(one.facts.key, entries(301, 1))])

    shelve(scene)


def test_open_tells_when_something_was_last_said(shelve: Callable[[ShelfScene], None]) -> None:
    """Arrivals and departures do not count, nor does what is not kept any more."""

    async def scene(shelf: Shelf) -> None:
        rooms = [await shelf.journal.create_room(a_room(name)) for name in ("silent", "talk")]
        silent, talk = (room.facts.key for room in rooms)
        kinds = [Kind.ENTERED, Kind.SAID, Kind.SAID, Kind.LEFT, Kind.ENTERED]
        stored = [Entry(n, NOW + n, kind, 7, b"envelope") for n, kind in enumerate(kinds, 1)]
        await shelf.journal.append([Append(talk, stored), Append(silent, stored[:1])])
        assert [0, 0] == [room.active for room in rooms]
        assert [0, NOW + 3] == [room.active for room in await shelf.reopen()]
        await shelf.journal.trim(talk, entries=2, size=BIG)
        assert [0, 0] == [room.active for room in await shelf.reopen()]

    shelve(scene)


def test_closed_rooms_are_gone_after_the_next_open(shelve: Callable[[ShelfScene], None]) -> None:
    """A purge that did not come to its end is finished then."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, entries(1, 3), closes=True)])
        assert [] == await shelf.reopen()
        assert [] == await everything(shelf.journal, key)
        assert key != await new_room(shelf.journal)

    shelve(scene)


def test_a_closed_room_is_readable_until_it_is_purged(play: Callable[[Scene], None]) -> None:
    """Its last readers can finish; its id is free at once; nothing more is added."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 3), closes=True)])
        assert 3 == len(await journal.read(key, after=0, entries=10, size=BIG))
        with pytest.raises(JournalConflict):
            await journal.append([Append(key, entries(4, 1))])
        with pytest.raises(JournalConflict):
            await journal.append([Append(key, members=[record(1)])])
        anew = await new_room(journal)
        assert key != anew
        await journal.append([Append(anew, entries(1, 1))])
        await journal.purge(key)
        assert [] == await journal.read(key, after=0, entries=10, size=BIG)
        assert 1 == len(await journal.read(anew, after=0, entries=10, size=BIG))

    play(scene)


def test_of_a_room_that_there_is_not_there_is_nothing(play: Callable[[Scene], None]) -> None:
    """Whoever still has its key may ask, after it was purged."""

    async def scene(journal: Journal) -> None:
        key = 1 + await new_room(journal)
        assert [] == await journal.read(key, after=0, entries=9, size=BIG)
        assert [] == await journal.read_before(key, before=9, entries=9, size=BIG)
        assert 9 == await journal.said_before(key, before=9, count=3)
        assert 0 == (await journal.trim(key, entries=1, size=1)).freed
        await journal.purge(key)

    play(scene)


def test_an_open_room_is_not_purged(play: Callable[[Scene], None]) -> None:
    """Only its closing entry ends a room."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 3))])
        await journal.purge(key)
        assert entries(1, 3) == await journal.read(key, after=0, entries=9, size=BIG)
        await journal.append([Append(key, entries(4, 1))])

    play(scene)


def test_purging_a_long_room_leaves_nothing(play: Callable[[Scene], None]) -> None:
    """However many pieces it takes."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, entries(1, 4_500), closes=True)])
        await journal.purge(key)
        assert [] == await journal.read(key, after=0, entries=10, size=BIG)

    play(scene)


def test_calls_may_overlap(play: Callable[[Scene], None]) -> None:
    """Appends in flight together are stored in the order in which they were called."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await asyncio.gather(
            *(journal.append([Append(key, entries(1 + 5 * turn, 5))]) for turn in range(40)),
            *(journal.read(key, after=0, entries=10, size=BIG) for _ in range(20)),
        )
        assert entries(1, 200) == await journal.read(key, after=0, entries=1000, size=BIG)

    play(scene)


@settings(
    max_examples=scaled(40, 40, brief=10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    told=st.lists(st.tuples(st.sampled_from(Kind), st.integers(1, 300)), max_size=30),
    position=st.integers(0, 40),
    count=st.integers(0, 12),
    size=st.integers(1, 1_000),
)
def test_reading_is_what_a_list_gives(
    play: Callable[[Scene], None],
    told: list[tuple[Kind, int]],
    position: int,
    count: int,
    size: int,
) -> None:
    """Forwards, backwards and by what was said, from any position, within any bound."""
    log = [
        Entry(number, number, kind, number, b"x" * length)
        for number, (kind, length) in enumerate(told, 1)
    ]

    def bounded(found: list[Entry]) -> list[Entry]:
        total, taken = 0, []
        for entry in found[:count]:
            taken.append(entry)
            total += len(entry.envelope)
            if total >= size:
                break
        return taken

    async def scene(journal: Journal) -> None:
        key = (await journal.create_room(a_room(f"r{id(told)}"))).facts.key
        if log:
            await journal.append([Append(key, log)])
        after = [entry for entry in log if entry.sequence > position]
        assert bounded(after) == await journal.read(key, after=position, entries=count, size=size)
        below = [entry for entry in log if entry.sequence < position]
        assert bounded(below[::-1])[::-1] == await journal.read_before(
            key, before=position, entries=count, size=size
        )
        said = [entry.sequence for entry in below if entry.kind is Kind.SAID][-count:]
        expected = said[0] if said and count else position
        assert expected == await journal.said_before(key, before=position, count=count)
        await journal.append([Append(key, entries(len(log) + 1, 1), closes=True)])
        await journal.purge(key)

    play(scene)


def test_closing_twice_does_nothing(play: Callable[[Scene], None]) -> None:
    """An orderly end may be asked for more than once."""

    async def scene(journal: Journal) -> None:
        await journal.close()

    play(scene)
