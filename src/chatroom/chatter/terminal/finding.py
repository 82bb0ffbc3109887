"""Looking for a text in what is shown of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.commands import NotACommand

if TYPE_CHECKING:
    from chatroom.chatter.terminal.screen import Screen
    from chatroom.chatter.terminal.scrollback import Scrollback


class Finding:
    """Finds in the room on the screen, and goes on to what is older or newer."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    @property
    def going_on(self) -> bool:
        """Whether something was found, and is marked."""
        return self._scrollback.search is not None

    def find(self, text: str) -> None:
        """Mark a text wherever it is, and show the newest. Raises NotACommand for none."""
        if not self._scrollback.find(self._screen.painter, self._screen.height, text):
            raise NotACommand(
                f"nobody has said {one_line(text)} in what is here; /history looks further back"
            )

    def older(self) -> None:
        """Show the next older line of those that were found; ask what to find, if none were."""
        if self.going_on:
            self._go_on(newer=False)
        elif not self._screen.input.text:
            self._screen.input.insert_text("/find ")

    def newer(self) -> None:
        """Show the next newer line of those that were found."""
        if self.going_on:
            self._go_on(newer=True)

    def _go_on(self, *, newer: bool) -> None:
        screen = self._screen
        screen.key_pressed()
        if not self._scrollback.find_next(screen.painter, screen.height, newer=newer):
            screen.application.output.bell()

    def end(self) -> None:
        """Mark nothing any more."""
        if self._screen.visit is not None:
            self._scrollback.search = None

    @property
    def _scrollback(self) -> Scrollback:
        assert self._screen.visit is not None, "keys come when there is a room"
        return self._screen.visit.scrollback
