"""A room, without an event loop."""

from __future__ import annotations

import pytest

from chatroom.core.entry import Entry, Kind
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.limits import Limits
from chatroom.core.refusals import (
    JournalUnavailable,
    NameTaken,
    NonceInvalid,
    Refusal,
    Removed,
    RoomClosed,
    RoomFull,
    RoomNotFound,
    SessionUnknown,
    TextTooLong,
)
from tests.core.rooms import admit, commit, fail, join, new_room, read


def test_an_entry_is_seen_only_once_it_is_published() -> None:
    """Durable before visible: a draft changes nothing that a reader sees."""
    room = new_room()
    alice, bob = join(room, "Alice"), join(room, "Bob")
    room.post(alice, "hello", "")
    assert b"" == read(room, bob)
    commit(room)
    assert b"[3 Alice: hello]" == read(room, bob)


def test_own_messages_come_back_only_to_those_who_asked_for_echoes() -> None:
    """Without an echo what a member said is left out, and nothing else is."""
    room = new_room()
    alice, bob = join(room, "Alice"), join(room, "Bob", echo=True)
    read(room, alice)
    room.post(alice, "one", "")
    room.post(bob, "two", "")
    commit(room)
    assert b"[4 Bob: two]" == read(room, alice)
    assert b"[3 Alice: one][4 Bob: two]" == read(room, bob)


def test_readers_at_one_cursor_are_handed_the_same_object() -> None:
    """Joined once, shared: not equal bytes but the same bytes."""
    room = new_room()
    alice = join(room, "Alice")
    readers = [join(room, f"reader {number}") for number in range(3)]
    for reader in readers:
        reader.cursor = room.newest
    room.post(alice, "hello", "")
    commit(room)
    chunks = {id(room.tail.read(reader.cursor).data) for reader in readers}
    assert 1 == len(chunks)


def test_a_name_in_use_is_refused_with_one_that_is_free() -> None:
    """Uniqueness is RFC 8266's comparison; the refusal helps."""
    room = new_room()
    join(room, "Bob")
    with pytest.raises(NameTaken) as refusal:
        admit(room, "  bOB ")
    assert {"free": "bOB 2"} == refusal.value.metadata


def test_a_name_that_looks_like_one_in_use_is_refused() -> None:
    """A Cyrillic look-alike does not get past the roster."""
    room = new_room()
    join(room, "paypal")
    with pytest.raises(NameTaken):
        admit(room, "pаypal")  # the second letter is Cyrillic


def test_a_name_is_free_again_once_its_owner_departs() -> None:
    """The roster forgets every key of a name."""
    room = new_room()
    room.depart(join(room, "Alice"), LeaveReason.QUIT, now=1_000)
    assert "Alice" == admit(room, "Alice").name


def test_a_full_room_refuses_the_next() -> None:
    """Capacity counts who is in, not who was."""
    room = new_room(capacity=2)
    alice = join(room, "Alice")
    join(room, "Bob")
    with pytest.raises(RoomFull):
        admit(room, "Carol")
    room.depart(alice, LeaveReason.QUIT, now=1_000)
    assert "Carol" == admit(room, "Carol").name


def test_a_departure_is_logged_exactly_if_its_arrival_was() -> None:
    """In a big room neither is, and the newcomer's stream still has its place."""
    room = new_room(Limits(logged_arrivals=1))
    alice, bob = join(room, "Alice"), join(room, "Bob")
    assert (True, False) == (alice.logged, bob.logged)
    assert 1 == room.newest
    room.depart(bob, LeaveReason.QUIT, now=1_000)
    room.depart(alice, LeaveReason.LOST, now=1_000)
    assert [Kind.LEFT] == [entry.kind for entry in commit(room)]
    assert (1, 1) == (bob.final, alice.final)


def test_what_a_member_says_before_leaving_comes_before_the_departure() -> None:
    """A stream that ends with OK after `leave` has had everything up to it."""
    room = new_room()
    alice = join(room, "Alice", echo=True)
    room.post(alice, "bye", "")
    room.depart(alice, LeaveReason.QUIT, now=1_000)
    assert ["SAID", "LEFT"] == [entry.kind.name for entry in commit(room)]
    assert 2 == alice.final
    with pytest.raises(SessionUnknown):
        room.post(alice, "too late", "")


def test_a_removed_member_ends_with_the_reason() -> None:
    """The outcome is set at once, the last sequence with the commit."""
    room = new_room()
    alice = join(room, "Alice")
    room.depart(alice, LeaveReason.REMOVED, now=1_000, outcome=Removed("spam"))
    commit(room)
    assert "you were removed from the room: spam" == str(alice.outcome)
    assert 1 == alice.final


def test_departing_twice_is_departing_once() -> None:
    """A stream that ends after a removal logs no second departure."""
    room = new_room()
    alice = join(room, "Alice")
    assert room.depart(alice, LeaveReason.REMOVED, now=1_000)
    assert not room.depart(alice, LeaveReason.LOST, now=1_000)
    assert 1 == len(commit(room))


def test_closing_is_the_last_entry_whatever_else_happens() -> None:
    """Nobody posts, joins or is logged as gone after it."""
    room = new_room()
    alice, bob = join(room, "Alice"), join(room, "Bob")
    room.post(alice, "last words", "")
    room.close("cleaning", "777777")
    room.depart(bob, LeaveReason.LOST, now=1_000)
    with pytest.raises(RoomClosed):
        room.post(alice, "too late", "")
    with pytest.raises(RoomNotFound):
        admit(room, "Carol")
    with pytest.raises(RoomNotFound):
        room.close("again", "")
    assert ["SAID", "CLOSED"] == [entry.kind.name for entry in commit(room)]
    assert room.closed is not None
    assert {"successor": "777777"} == room.closed.metadata


def test_a_closing_that_cannot_be_stored_leaves_the_room_open() -> None:
    """The room goes on, and who departed meanwhile is logged after all."""
    room = new_room()
    alice, bob = join(room, "Alice"), join(room, "Bob")
    settled: list[Entry | Refusal] = []
    room.close("", "", settled.append)
    room.depart(bob, LeaveReason.LOST, now=1_000)
    refusal = fail(room)
    assert [refusal] == settled
    assert not room.closing
    room.post(alice, "still here", "")
    assert {"SAID", "LEFT"} == {entry.kind.name for entry in commit(room)}


def test_what_cannot_be_stored_is_told_to_its_sender_and_takes_no_sequence() -> None:
    """A failed turn leaves no hole, and nobody sees anything of it."""
    room = new_room()
    alice, bob = join(room, "Alice"), join(room, "Bob")
    settled: list[Entry | Refusal] = []
    room.post(alice, "lost", "", settled.append)
    refusal = fail(room)
    assert [refusal] == settled
    assert b"" == read(room, bob)
    room.post(alice, "kept", "")
    commit(room)
    assert b"[3 Alice: kept]" == read(room, bob)


def test_a_departure_waits_for_a_journal_that_works() -> None:
    """It is told once, in the next turn that succeeds."""
    room = new_room()
    alice = join(room, "Alice")
    room.depart(alice, LeaveReason.LOST, now=1_000)
    refusal = fail(room)
    assert (refusal, 1) == (alice.outcome, alice.final)
    assert ["LEFT"] == [entry.kind.name for entry in commit(room)]


def test_an_arrival_that_cannot_be_stored_takes_its_departure_along() -> None:
    """Who never was in the log does not leave it either."""
    room = new_room()
    alice = admit(room, "Alice")
    room.depart(alice, LeaveReason.LOST, now=1_000)
    fail(room)
    room.retract(alice)
    assert [] == commit(room)
    assert 0 == room.member_count


def test_an_arrival_that_fails_takes_a_departure_of_the_next_turn_along() -> None:
    """Who left while the arrival was being stored was never in the log either."""
    room = new_room()
    alice = admit(room, "Alice")
    drafts = room.take()
    room.depart(alice, LeaveReason.LOST, now=1_000)
    room.fail(drafts, JournalUnavailable("disk full"))
    assert not alice.logged
    assert [] == commit(room)


def test_time_within_a_room_never_goes_back() -> None:
    """A clock that is set back does not reorder a log."""
    room = new_room()
    alice = join(room, "Alice")
    commit(room, now=5_000)
    room.post(alice, "one", "")
    assert 5_000 == commit(room, now=5_000)[0].sent
    room.post(alice, "two", "")
    assert 5_000 == commit(room, now=3_000)[0].sent


def test_limits_of_text_and_nonce_hold_at_their_edge() -> None:
    """4,096 bytes pass, 4,097 do not; 64 bytes of nonce pass, 65 do not."""
    room = new_room()
    alice = join(room, "Alice")
    room.post(alice, "é" * 2048, "n" * 64)
    with pytest.raises(TextTooLong):
        room.post(alice, "é" * 2048 + "x", "")
    with pytest.raises(NonceInvalid):
        room.post(alice, "x", "é" * 32 + "n")
    assert 1 == len(commit(room))


def test_an_empty_room_keeps_no_tail() -> None:
    """What nobody reads costs no memory; the journal has it."""
    room = new_room()
    alice, bob = join(room, "Alice"), join(room, "Bob")
    room.post(alice, "hello", "")
    commit(room)
    room.detach(alice)
    assert 0 == room.tail.floor
    room.detach(bob)
    assert room.newest == room.tail.floor
