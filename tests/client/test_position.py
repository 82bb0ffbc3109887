"""A cursor in a room's log: what is new, what is missing, where to resume."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatroom.client.messages import Joined, Message
from chatroom.client.position import Position


def joined(sequence: int) -> Joined:
    return Joined(
        session="s", epoch="e", sequence=sequence, recovery="", name="Bob", room=None,
        members=(), text_bytes=0,
    )  # fmt: skip


def entry(sequence: int, text: str = "") -> Message:
    return Message(
        name="Alice", text=text, sequence=sequence, sent=datetime(2026, 1, 1, tzinfo=UTC)
    )


def live_at(sequence: int) -> Position:
    position = Position()
    position.begin(joined(sequence), None)
    position.live(joined(sequence))
    return position


def test_history_may_have_holes() -> None:
    """Only what was said is replayed to a fresh join; nothing is missing for that."""
    position = Position()
    position.begin(joined(9), None)
    assert [(True, 0), (True, 0)] == [position.take(entry(3)), position.take(entry(7))]
    assert 0 == position.live(joined(9))
    assert 9 == position.after


def test_what_is_not_above_the_position_was_seen() -> None:
    """A repetition is not new, whatever came since."""
    position = live_at(9)
    assert (True, 0) == position.take(entry(10))
    assert [(False, 0)] * 3 == [position.take(entry(n)) for n in (10, 9, 1)]
    assert 10 == position.after


def test_hole_is_counted() -> None:
    """While the log is followed every sequence is to come."""
    position = live_at(9)
    assert (True, 2) == position.take(entry(12))
    assert (True, 0) == position.take(entry(13))


def test_replay_that_ends_too_early_is_counted() -> None:
    """What a resumed stream leaves out before `live` is missing."""
    position = live_at(9)
    assert 4 == position.live(joined(13))
    assert (True, 0) == position.take(entry(14))


def test_what_is_not_in_the_log_is_always_new() -> None:
    """Sequence 0 says so."""
    position = live_at(9)
    assert [(True, 0)] * 2 == [position.take(entry(0)), position.take(entry(0))]
    assert 9 == position.after


@pytest.mark.parametrize(
    ("sequence", "history", "expected"), [(20, 3, 17), (4, None, 0), (40, None, 30), (20, 0, 20)]
)
def test_who_saw_nothing_resumes_before_the_history(
    sequence: int, history: int | None, expected: int
) -> None:
    """So many entries below the join as history was asked for."""
    position = Position()
    position.begin(joined(sequence), history)
    assert expected == position.after


def test_entry_last_seen_is_known_again() -> None:
    """By all that it says, not by its sequence alone."""
    position = live_at(9)
    assert not position.knows(entry(9))
    position.take(entry(10, "ten"))
    assert [True, False, False] == [
        position.knows(entry(10, "ten")), position.knows(entry(10, "other")),
        position.knows(entry(11, "ten")),
    ]  # fmt: skip
