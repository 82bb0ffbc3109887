"""prompt_toolkit's input, with what it lacks: pastes without brackets, and late reports."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit.input.typeahead import get_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from chatroom.chatter.terminal.paste import UNBRACKETED_PASTE
from chatroom.chatter.terminal.reads import BEGIN, END, Reads, Unbracketed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import TextIO

    from chatroom.chatter.terminal.reports import CursorReports

READ_BYTES = 64 * 1024
"""At once: a paste of this size is one key press."""


class PosixKeyboard(Vt100Input):
    """What was typed ahead of it, at a question before, is a read like any other."""

    def __init__(
        self, stdin: TextIO, open_paste: Callable[[], bool], reports: CursorReports
    ) -> None:
        super().__init__(stdin)
        self._pressed: list[KeyPress] = []
        self.vt100_parser = Vt100Parser(self._pressed.append)
        self._reads = Reads(open_paste)
        self._reports = reports
        self._ahead = "".join(map(_sent, get_typeahead(self)))
        self._ready: Callable[[], None] | None = None
        self._waking: asyncio.TimerHandle | None = None

    def attach(self, input_ready_callback: Callable[[], None]) -> AbstractContextManager[None]:
        self._ready = input_ready_callback
        if self._ahead:
            self._wake_in(0)
        return super().attach(input_ready_callback)

    def read_keys(self) -> list[KeyPress]:
        """The keys of a read; what is held comes later, and then the loop is told again."""
        loop = asyncio.get_running_loop()
        text = self._ahead + self._reports.sift(self.stdin_reader.read(READ_BYTES))
        self._ahead = ""
        for piece in self._reads.take(text, loop.time()):
            if isinstance(piece, Unbracketed):
                self._pressed.append(KeyPress(UNBRACKETED_PASTE, piece))
            else:
                self.vt100_parser.feed(piece)
        if self._reads.due is not None:
            self._wake_in(max(self._reads.due - loop.time(), 0))
        return self._take_pressed()

    def flush_keys(self) -> list[KeyPress]:
        self.vt100_parser.flush()
        return self._take_pressed()

    def _take_pressed(self) -> list[KeyPress]:
        pressed = self._pressed[:]
        self._pressed.clear()
        return pressed

    def _wake_in(self, seconds: float) -> None:
        """Have the keys read again after so long, unless they are read before."""
        if self._waking is not None:
            self._waking.cancel()
        assert self._ready is not None, "reads follow attach()"
        self._waking = asyncio.get_running_loop().call_later(seconds, self._ready)


def _sent(press: KeyPress) -> str:
    """What the terminal sent for it."""
    return f"{BEGIN}{press.data}{END}" if press.key == Keys.BracketedPaste else press.data
