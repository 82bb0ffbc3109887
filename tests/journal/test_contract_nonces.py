"""What every journal promises of nonces, over every journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chatroom.journal import NONCE_SECONDS, Append, Journal, NonceUsed
from tests.journal.journals import (
    NOW,
    SECOND,
    Scene,
    Shelf,
    ShelfScene,
    entries,
    everything,
    new_room,
    nonced,
    record,
    without_nonces,
)

AFTER = NOW + NONCE_SECONDS * SECOND
"""When a nonce of `NOW` counts no more."""


async def used(journal: Journal, *appends: Append) -> dict[tuple[int, str], object]:
    """What the refusal of an append says has been used."""
    with pytest.raises(NonceUsed) as refusal:
        await journal.append(appends)
    return dict(refusal.value.used)


def test_a_nonce_is_used_once(play: Callable[[Scene], None]) -> None:
    """Whoever retries is told what was stored first, whatever it says now."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        first = nonced(1, "ü")
        await journal.append([Append(key, [first])])
        again = replace(nonced(2, "ü", sent=NOW + 5), envelope=b"other")
        assert {(first.author, "ü"): first} == await used(journal, Append(key, [again]))
        assert without_nonces([first]) == await everything(journal, key)

    play(scene)


def test_a_used_nonce_stores_nothing_of_the_whole_append(play: Callable[[Scene], None]) -> None:
    """No entry, no member, no room closed; without it the same append is stored."""

    async def scene(journal: Journal) -> None:
        key, other = await new_room(journal, "a"), await new_room(journal, "b")
        await journal.append([Append(key, [nonced(1, "n")])])
        fine = Append(other, entries(1, 2), members=[record(1, session=b"1")], closes=True)
        await used(journal, fine, Append(key, [nonced(2, "new"), nonced(3, "n")]))
        assert [] == await everything(journal, other)
        assert await journal.session(b"1") is None
        await journal.append([fine, Append(key, [nonced(2, "new")])])
        assert 2 == len(await everything(journal, other))

    play(scene)


def test_all_used_nonces_are_told_at_once(play: Callable[[Scene], None]) -> None:
    """Of all rooms, so that one more try without them is enough."""

    async def scene(journal: Journal) -> None:
        one, two = await new_room(journal, "a"), await new_room(journal, "b")
        first = [nonced(n, f"n{n}", author=n) for n in range(1, 301)]
        second = [nonced(1, "n1", author=1_000)]
        await journal.append([Append(one, first), Append(two, second)])
        retried = [
            nonced(301, "fresh"),
            *(nonced(301 + n, f"n{n}", author=n) for n in range(1, 301)),
        ]
        told = await used(
            journal, Append(one, retried), Append(two, [nonced(2, "n1", author=1_000)])
        )
        assert {(entry.author, entry.nonce): entry for entry in [*first, *second]} == told

    play(scene)


def test_a_nonce_is_the_authors_own(play: Callable[[Scene], None]) -> None:
    """Two members may choose the same one; who chooses none may say anything twice."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        stored = [
            nonced(1, "n", author=1), nonced(2, "n", author=2), nonced(3, "", author=1),
            nonced(4, "", author=1), nonced(5, "N", author=1), nonced(6, "n ", author=1),
        ]  # fmt: skip
        await journal.append([Append(key, stored)])
        assert without_nonces(stored) == await everything(journal, key)

    play(scene)


def test_after_its_time_a_nonce_may_be_used_again(play: Callable[[Scene], None]) -> None:
    """The time between the two entries counts; from then on the later one is the first."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        first = nonced(1, "n")
        await journal.append([Append(key, [first])])
        late = Append(key, [nonced(2, "n", sent=AFTER - 1)])
        assert {(first.author, "n"): first} == await used(journal, late)
        second = nonced(2, "n", sent=AFTER)
        await journal.append([Append(key, [second])])
        third = Append(key, [nonced(3, "n", sent=AFTER + 1)])
        assert {(first.author, "n"): second} == await used(journal, third)
        assert without_nonces([first, second]) == await everything(journal, key)

    play(scene)


def test_old_and_used_nonces_may_come_together(play: Callable[[Scene], None]) -> None:
    """Only those that still count are told."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        stored = [nonced(1, "old"), nonced(2, "young", sent=NOW + SECOND)]
        await journal.append([Append(key, stored)])
        both = [nonced(3, "old", sent=AFTER), nonced(4, "young", sent=AFTER)]
        told = await used(journal, Append(key, both))
        assert {(stored[1].author, "young"): stored[1]} == told
        await journal.append([Append(key, both[:1])])
        assert 3 == len(await everything(journal, key))

    play(scene)


def test_a_nonce_is_known_after_its_entry_was_trimmed(shelve: Callable[[ShelfScene], None]) -> None:
    """How long a nonce counts has nothing to do with how much a room keeps."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        stored = [nonced(n, f"n{n}", author=n) for n in range(1, 11)]
        await shelf.journal.append([Append(key, stored)])
        await shelf.journal.trim(key, entries=5, size=1 << 30)
        again = Append(key, [nonced(11, "n1", author=1), nonced(12, "n10", author=10)])
        both = {(1, "n1"): stored[0], (10, "n10"): stored[9]}
        assert both == await used(shelf.journal, again)
        await shelf.reopen()
        assert both == await used(shelf.journal, again)
        await shelf.journal.append([Append(key, [nonced(11, "n1", author=1, sent=AFTER)])])
        told = await used(shelf.journal, Append(key, [nonced(12, "n1", author=1, sent=AFTER)]))
        assert {(1, "n1"): nonced(11, "n1", author=1, sent=AFTER)} == told

    shelve(scene)


def test_a_nonce_is_known_after_a_restart(shelve: Callable[[ShelfScene], None]) -> None:
    """A client that retries because the server went away is whom nonces are for."""

    async def scene(shelf: Shelf) -> None:
        key = await new_room(shelf.journal)
        await shelf.journal.append([Append(key, [nonced(1, "n")])])
        await shelf.reopen()
        assert [nonced(1, "n")] == list(
            (await used(shelf.journal, Append(key, [nonced(2, "n")]))).values()
        )

    shelve(scene)


def test_a_nonce_of_a_closed_room_is_forgotten_with_it(play: Callable[[Scene], None]) -> None:
    """Also when its entry had been trimmed before."""

    async def scene(journal: Journal) -> None:
        key, other = await new_room(journal, "a"), await new_room(journal, "b")
        await journal.append([Append(key, [nonced(1, "n"), nonced(2, "m")])])
        await journal.trim(key, entries=1, size=1 << 30)
        await journal.append([Append(key, closes=True)])
        await journal.purge(key)
        await journal.append([Append(other, [nonced(1, "n"), nonced(2, "m")])])

    play(scene)


def test_a_sweep_forgets_old_nonces(play: Callable[[Scene], None]) -> None:
    """Kept or trimmed: after their time and not before; the entries stay."""

    async def scene(journal: Journal) -> None:
        key = await new_room(journal)
        stored = [nonced(n, f"n{n}", sent=NOW + n - 1) for n in range(1, 2_001)]
        await journal.append([Append(key, stored)])
        await journal.trim(key, entries=1_000, size=1 << 30)
        again = [nonced(2_000 + n, f"n{n}", sent=NOW + 3_000) for n in range(1, 2_001)]
        await journal.sweep(AFTER - 1)
        assert 2_000 == len(await used(journal, Append(key, again)))
        await journal.sweep(AFTER + 1_989)
        told = await used(journal, Append(key, again))
        assert {(entry.author, entry.nonce): entry for entry in stored[1_990:]} == told
        assert without_nonces(stored[1_000:]) == await everything(journal, key)
        await journal.sweep(AFTER + 2_000)
        await journal.append([Append(key, again)])
        await journal.sweep(AFTER + 2_000)
        assert 2_000 == len(
            await used(
                journal,
                Append(
                    key, [nonced(4_000 + n, f"n{n}", sent=NOW + 3_000) for n in range(1, 2_001)]
                ),
            )
        )

    play(scene)
