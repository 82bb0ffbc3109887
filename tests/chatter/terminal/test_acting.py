"""What one does, and under which name, on the screen."""

from __future__ import annotations

from chatroom.client import Kind

from .test_commands import type_line


def test_what_somebody_does_has_a_star(bob, guests, room) -> None:
    """One's own, while it is on its way and after; with no name in front that could be said."""
    type_line(bob, "/me waves")
    bob.until("*  Bob waves")
    row = next(row for row, text in enumerate(bob.screen) if "Bob waves" in text)
    assert "default" != bob.style_of("Bob", row=row).fg == bob.style_of("*", row=row).fg
    [entry] = [
        each
        for each in guests.do(lambda chat: chat.history(room)).messages
        if each.kind is Kind.SAID
    ]
    assert (True, "waves") == (entry.action, entry.text)
    type_line(bob, "/me")
    bob.until("something is missing: /me TEXT")


def test_another_name(bob, guests, room) -> None:
    """Everybody is shown the line; the list and what one says have the new name."""
    guests.enter(room, "Alice")
    bob.until("2 members")
    type_line(bob, "/nick alice")
    bob.until("chat server: the name tag 'alice' is in use in this room")
    type_line(bob, "/nick Johnny Boi")
    bob.until("→  Bob is now known as Johnny Boi")
    type_line(bob, "hello")
    bob.until("Johnny Boi  hello")
    type_line(bob, "/who")
    bob.until(f"2 in {room}: Alice, Johnny Boi")
    type_line(bob, "/nick Rob")
    bob.until("you may take another name once in 10 s")
