"""Answers to what somebody has said: which line is meant, by keys or by a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.terminal.commands import NotACommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.terminal.screen import Screen
    from chatroom.chatter.terminal.scrollback import Scrollback
    from chatroom.chatter.terminal.visit import Visit


class Answering:
    """Picks a line in the room on the screen; what is said next there is an answer to it."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def older(self) -> None:
        """Pick the newest line of somebody else, or the one above the line that is picked."""
        self._pick(newer=False)

    def newer(self) -> None:
        """Pick the line below the one that is picked."""
        self._pick(newer=True)

    def _pick(self, *, newer: bool) -> None:
        screen = self._screen
        screen.key_pressed()
        if not self._scrollback.pick(screen.painter, screen.height, newer=newer):
            screen.application.output.bell()

    def end(self) -> None:
        """What is said next is no answer."""
        self._scrollback.picked = 0

    def taken(self) -> int:
        """The sequence that is answered by what is said now, and 0 for what comes after it."""
        picked, self._scrollback.picked = self._scrollback.picked, 0
        return picked

    @property
    def _scrollback(self) -> Scrollback:
        assert self._screen.visit is not None, "keys come when there is a room"
        return self._screen.visit.scrollback


def addressed(words: Sequence[str], visit: Visit) -> tuple[int, str]:
    """Which sequence is answered, by a name or a number before the text, and the text.

    Raises NotACommand.
    """
    from chatroom.chatter.terminal.orders import newest_or_numbered, whom

    name, text = whom(words, [*visit.names(), visit.own_name])
    if not text:
        raise NotACommand("something is missing: /reply NAME TEXT")
    return newest_or_numbered(name, visit, "/reply #120 TEXT"), " ".join(text)
