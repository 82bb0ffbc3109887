"""What every journal promises of the audit log: who did what, in order, never changed."""

from __future__ import annotations

from collections.abc import Callable

from chatroom.core.entry import Entry, Kind
from chatroom.journal import Append, Journal
from tests.journal.damaging import a_record
from tests.journal.journals import NOW, SECOND, Scene, Shelf, ShelfScene, new_room


def test_records_are_kept_in_order(shelve: Callable[[ShelfScene], None]) -> None:
    """Numbered from 1 on, every field as it was; a page of them, of a room, since a time."""

    async def scene(shelf: Shelf) -> None:
        journal = shelf.journal
        await journal.record([a_record(0), a_record(0, room_id="other")])
        await journal.record([a_record(0, at=NOW + SECOND)])
        await shelf.reopen()
        journal = shelf.journal
        kept = [a_record(1), a_record(2, room_id="other"), a_record(3, at=NOW + SECOND)]
        assert kept == await journal.records(after=0, count=10)
        assert kept[1:2] == await journal.records(after=1, count=1)
        assert [kept[0], kept[2]] == await journal.records(after=0, count=10, room_id="lobby")
        assert kept[2:] == await journal.records(after=0, count=10, since=NOW + 1)

    shelve(scene)


def test_old_records_are_forgotten(play: Callable[[Scene], None]) -> None:
    """In steps, and only those; numbers are never given again."""

    async def scene(journal: Journal) -> None:
        await journal.record([a_record(0) for _ in range(600)])
        await journal.record([a_record(0, at=NOW + SECOND)])
        await journal.forget_records(NOW + SECOND)
        assert [601] == [each.number for each in await journal.records(after=0, count=1000)]
        await journal.forget_records(NOW + 2 * SECOND)
        await journal.record([a_record(0, at=NOW + 3 * SECOND)])
        assert [602] == [each.number for each in await journal.records(after=0, count=1000)]

    play(scene)


def test_a_clock_that_goes_back_changes_no_number(play: Callable[[Scene], None]) -> None:
    """Records stay in the order of their numbers; times alone say which are old."""

    async def scene(journal: Journal) -> None:
        for at in (NOW + 2, NOW, NOW + 3, NOW + 1):
            await journal.record([a_record(0, at=at)])

        async def numbers(since: int) -> list[int]:
            return [each.number for each in await journal.records(after=0, count=9, since=since)]

        assert [1, 3] == await numbers(NOW + 2)
        await journal.forget_records(NOW + 2)
        assert [1, 3] == await numbers(0)

    play(scene)


def test_a_page_of_records_goes_on_where_the_last_one_ended(
    play: Callable[[Scene], None],
) -> None:
    """Of one room as of all; behind the newest there is nothing."""

    async def scene(journal: Journal) -> None:
        rooms = [f"room {number % 3}" for number in range(20)]
        await journal.record([a_record(0, room_id=room_id) for room_id in rooms])
        expected = [number for number, room_id in enumerate(rooms, 1) if room_id == "room 1"]
        after = 0
        found: list[int] = []
        while page := await journal.records(after=after, count=3, room_id="room 1"):
            assert len(page) <= 3
            found += [each.number for each in page]
            after = found[-1]
        assert expected == found
        assert [] == await journal.records(after=20, count=3)
        assert [] == await journal.records(after=0, count=3, room_id="another room")

    play(scene)


def test_records_outlive_the_room_that_they_are_about(
    shelve: Callable[[ShelfScene], None],
) -> None:
    """Who ended it is asked when it is gone."""

    async def scene(shelf: Shelf) -> None:
        journal = shelf.journal
        key = await new_room(journal, "lobby")
        await journal.record([a_record(0)])
        end = Entry(1, NOW, Kind.CLOSED, 0, b"closed")
        await journal.append([Append(key, [end], closes=True)])
        await journal.purge(key)
        await shelf.reopen()
        assert [a_record(1)] == await shelf.journal.records(after=0, count=9, room_id="lobby")

    shelve(scene)
