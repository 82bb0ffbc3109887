"""What becomes of pasted lines: one is typed, several are asked about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.paste import Paste
from chatroom.chatter.terminal.reads import Unbracketed

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatter.terminal.screen import Screen


class Pasting:
    """Takes pastes, and the answers to the question about them.

    `say` says a text, or raises NotACommand, which `refused` tells.
    """

    def __init__(
        self, screen: Screen, say: Callable[[str], None], refused: Callable[[str], None]
    ) -> None:
        self._screen = screen
        self._say_text = say
        self._refused = refused

    def take(self, text: str) -> None:
        """Insert one pasted line; ask about several."""
        paste = Paste.of(text)
        if isinstance(paste, str):
            self._screen.input.insert_text(paste)
        else:
            self._screen.paste = paste
        self._screen.key_pressed()

    def take_without_brackets(self, pasted: str) -> None:
        """Ask about several lines, the first of which may have been begun as if typed."""
        screen = self._screen
        screen.key_pressed()
        if screen.paste is not None:
            screen.paste = screen.paste.and_more(pasted)
            return
        document = screen.input.document
        before, after = document.text_before_cursor, document.text_after_cursor
        paste = Paste.of(before + pasted + after)
        screen.input.reset()
        if isinstance(paste, str):
            screen.input.insert_text(paste)
        else:
            own = before[: len(before) - pasted.typed] if isinstance(pasted, Unbracketed) else ""
            screen.paste = replace(paste, typed=own + after, open=True)

    def say(self) -> None:
        """Say what was pasted as one message."""
        if self._screen.paste is not None:
            self._say([self._screen.paste.text])

    def say_by_line(self) -> None:
        """Say each of the lines that were pasted."""
        if self._screen.paste is not None and self._screen.paste.as_messages:
            self._say(self._screen.paste.lines)

    def _say(self, texts: list[str]) -> None:
        paste, self._screen.paste = self._screen.paste, None
        try:
            for text in texts:
                self._screen.check_typed(text)
                self._say_text(text)
        except NotACommand as refusal:
            self._screen.paste = paste
            self._refused(str(refusal))

    def edit(self) -> None:
        """Put what was pasted into the line that is typed."""
        paste, self._screen.paste = self._screen.paste, None
        if paste is not None:
            self._screen.input.insert_text(paste.text)

    def drop(self) -> None:
        """Forget what was pasted; what was typed before is still there."""
        paste, self._screen.paste = self._screen.paste, None
        if paste is not None:
            self._screen.input.insert_text(paste.typed)
