"""Who is typing."""

from __future__ import annotations

from chatroom.core.typing_board import TypingBoard


def test_the_latest_state_of_each_author_reaches_the_others() -> None:
    """And never the author itself."""
    board = TypingBoard(3.0)
    board.notice(1, "Alice", True, 0.0)
    board.notice(2, "Bob", True, 0.5)
    assert [("Alice", True), ("Bob", True)] == board.since(0, author=3)
    assert [("Bob", True)] == board.since(0, author=1)
    assert [] == board.since(board.version, author=3)


def test_one_author_is_passed_on_once_in_three_seconds_and_the_last_state_wins() -> None:
    """What changes sooner is held; only the latest is released."""
    board = TypingBoard(3.0)
    board.notice(1, "Alice", True, 0.0)
    seen = board.version
    assert 2.0 == board.notice(1, "Alice", False, 1.0)
    assert board.notice(1, "Alice", True, 1.5) is None
    assert board.notice(1, "Alice", False, 2.0) is None
    assert [] == board.since(seen, author=2)
    assert board.release(1, 3.0)
    assert [("Alice", False)] == board.since(seen, author=2)


def test_a_held_state_that_changed_back_is_nothing_new() -> None:
    """Readers are not woken for what they know."""
    board = TypingBoard(3.0)
    board.notice(1, "Alice", True, 0.0)
    board.notice(1, "Alice", False, 1.0)
    board.notice(1, "Alice", True, 1.5)
    assert not board.release(1, 3.0)


def test_who_left_is_forgotten() -> None:
    """A departure says enough; a late release does nothing."""
    board = TypingBoard(3.0)
    board.notice(1, "Alice", True, 0.0)
    board.notice(1, "Alice", False, 1.0)
    board.forget(1)
    assert [] == board.since(0, author=2)
    assert not board.release(1, 3.0)


def test_stopping_before_ever_typing_is_nothing() -> None:
    """No state is made for it."""
    board = TypingBoard(3.0)
    board.notice(1, "Alice", False, 0.0)
    assert 0 == board.version
