"""What every journal promises of members and their sessions, over every journal."""

from __future__ import annotations

from collections.abc import Callable

from chatroom.journal import SESSION_SECONDS, Append, Journal
from tests.journal.journals import (
    NOW,
    SECOND,
    Scene,
    Shelf,
    ShelfScene,
    a_room,
    entries,
    everything,
    new_room,
    record,
)

DIGEST = bytes(range(32))


def test_a_session_is_found_with_its_member(play: Callable[[Scene], None]) -> None:
    """Every field as it was stored, and the room; another digest finds nothing."""

    async def scene(journal: Journal) -> None:
        await new_room(journal, "other")
        key = await new_room(journal)
        alice = record((1 << 62) - 1, name="Алиса", session=DIGEST, logged=False)
        bob = record(
            7,
            session=b"b" * 32,
            ended=NOW + 5,
            removed=True,
            invitation="i",
            former=("Rob", "Bóbby"),
        )
        await journal.append([Append(key, entries(1, 1), members=[alice, bob, record(8)])])
        assert (key, alice) == await journal.session(DIGEST)
        assert (key, bob) == await journal.session(b"b" * 32)
        assert await journal.session(b"c" * 32) is None

    play(scene)


def test_members_may_change_without_an_entry(play: Callable[[Scene], None]) -> None:
    """Somebody's stream has ended, and the log does not say so yet."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, members=[record(1, session=DIGEST)])])
        await journal.append([Append(key, entries(1, 1))])
        await journal.append([Append(key, members=[record(1, session=DIGEST, ended=NOW)])])
        assert (key, record(1, session=DIGEST, ended=NOW)) == await journal.session(DIGEST)
        assert entries(1, 1) == await everything(journal, key)

    play(scene)


def test_a_record_replaces_the_authors_earlier_one(play: Callable[[Scene], None]) -> None:
    """Also its session: the one before is unknown from then on."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, members=[record(1, session=b"old")])])
        await journal.append([Append(key, members=[record(1, name="Bob", session=b"new")])])
        assert await journal.session(b"old") is None
        assert (key, record(1, name="Bob", session=b"new")) == await journal.session(b"new")

    play(scene)


def test_of_who_is_gone_nothing_is_kept(shelve: Callable[[ShelfScene], None]) -> None:
    """Not even when the same turn brought them; others stay; unknown authors do no harm."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        others = [record(author, session=b"%d" % author) for author in range(10, 400)]
        await shelf.journal.append([Append(key, members=[record(1, session=b"1"), *others])])
        await shelf.journal.append(
            [Append(key, members=[record(2, session=b"2")], gone=[1, 2, 3, *range(20, 400)])]
        )
        for digest in (b"1", b"2", b"20", b"399"):
            assert await shelf.journal.session(digest) is None
        (room,) = await shelf.reopen()
        assert others[:10] == list(room.inside)

    shelve(scene)


def test_a_session_may_pass_to_another_author(play: Callable[[Scene], None]) -> None:
    """With the one who had it gone in the same turn; what is said of that one later is its own."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, members=[record(1, session=DIGEST)])])
        await journal.append([Append(key, members=[record(2, session=DIGEST)], gone=[1])])
        assert (key, record(2, session=DIGEST)) == await journal.session(DIGEST)
        await journal.append([Append(key, gone=[1])])
        assert (key, record(2, session=DIGEST)) == await journal.session(DIGEST)

    play(scene)


def test_open_lists_who_is_inside_in_order_of_arrival(
    shelve: Callable[[ShelfScene], None],
) -> None:
    """Who has left is not listed, but its session is still known."""

    async def scene(shelf: Shelf) -> None:
        one = await new_room(shelf.journal, "one")
        two = await new_room(shelf.journal, "two")
        late, early = record(1, since=NOW + 1), record(3, since=NOW, session=b"3")
        same = record(2, since=NOW)
        left = record(4, ended=NOW + 9, session=b"4")
        await shelf.journal.append(
            [Append(one, members=[late, early, left, same]), Append(two, members=[record(5)])]
        )
        first, second = await shelf.reopen()
        assert [same, early, late] == list(first.inside)
        assert [record(5)] == list(second.inside)
        assert (one, left) == await shelf.journal.session(b"4")

    shelve(scene)


def test_a_closed_rooms_sessions_are_gone(play: Callable[[Scene], None]) -> None:
    """With the closing append, its own members included; other rooms keep theirs."""

    async def scene(journal: Journal) -> None:
        key, other = await new_room(journal, "a"), await new_room(journal, "b")
        await journal.append([Append(key, members=[record(1, session=b"1")])])
        await journal.append(
            [
                Append(key, entries(1, 1), members=[record(2, session=b"2")], closes=True),
                Append(other, members=[record(3, session=b"3")]),
            ]
        )
        assert await journal.session(b"1") is None
        assert await journal.session(b"2") is None
        assert (other, record(3, session=b"3")) == await journal.session(b"3")

    play(scene)


def test_a_room_may_close_without_an_entry(shelve: Callable[[ShelfScene], None]) -> None:
    """Its id is free all the same."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, closes=True)])
        anew = await shelf.journal.create_room(a_room())
        assert [anew] == await shelf.reopen()

    shelve(scene)


def test_a_sweep_forgets_sessions_that_ended_long_ago(play: Callable[[Scene], None]) -> None:
    """SESSION_SECONDS after the last stream, not before; who is inside stays for ever."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        ended = record(1, session=b"1", ended=NOW)
        inside = record(2, session=b"2", since=NOW - 10**6 * SECOND)
        later = record(3, session=b"3", ended=NOW + 1)
        await journal.append([Append(key, members=[ended, inside, later])])
        await journal.sweep(NOW + SESSION_SECONDS * SECOND - 1)
        assert (key, ended) == await journal.session(b"1")
        await journal.sweep(NOW + SESSION_SECONDS * SECOND)
        assert await journal.session(b"1") is None
        assert (key, inside) == await journal.session(b"2")
        assert (key, later) == await journal.session(b"3")

    play(scene)


def test_a_sweep_forgets_however_many(play: Callable[[Scene], None]) -> None:
    """A server that a thousand people left at once is no exception."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        members = [record(n, session=b"%d" % n, ended=NOW) for n in range(1, 2_001)]
        await journal.append([Append(key, members=members)])
        await journal.sweep(NOW + SESSION_SECONDS * SECOND)
        found = [await journal.session(b"%d" % n) for n in range(1, 2_001)]
        assert [None] * 2_000 == found

    play(scene)
