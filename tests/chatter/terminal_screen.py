"""What a terminal shows: pyte's screen, and what it lacks of a modern terminal.

Added: faint text (SGR 2), the alternate screen, lines that have scrolled off, a resize
that keeps the cursor's line, zero-width characters that are kept with the cell that
they follow, and wide characters that wrap when half of them would fit.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyte
import pyte.modes
import pyte.screens
from wcwidth import wcwidth

ALTERNATE_SCREENS = {47, 1047, 1049}
"""xterm's modes; the last also saves the cursor, which is all that programs use."""
APPLICATION_CURSOR = 1 << 5
BRACKETED_PASTE = 2004 << 5
SCROLLBACK_ROWS = 10_000


class Cell(NamedTuple):
    """pyte's Char, and whether it is faint. Data is "" in the right half of a wide one."""

    data: str
    fg: str = "default"
    bg: str = "default"
    bold: bool = False
    italics: bool = False
    underscore: bool = False
    strikethrough: bool = False
    reverse: bool = False
    blink: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Style:
    """How a character is drawn. Colours are "default", a name, or six hexadecimal digits."""

    fg: str
    bg: str
    bold: bool
    faint: bool
    italics: bool
    underscore: bool
    reverse: bool

    @classmethod
    def of(cls, cell: Cell) -> Style:
        return cls(*(getattr(cell, name) for name in cls.__dataclass_fields__))


class TerminalScreen(pyte.Screen):
    """A screen whose answers to the program's queries go to `answer`."""

    def __init__(self, columns: int, lines: int, answer: Callable[[str], None]) -> None:
        self.scrollback: deque[str] = deque(maxlen=SCROLLBACK_ROWS)
        """Rows that left the main screen at its top."""
        self.title = ""
        self._main: tuple[Any, pyte.screens.Cursor] | None = None
        self._answer = answer
        super().__init__(columns, lines)

    # ---- What can be seen -------------------------------------------------------------

    @property
    def rows(self) -> list[str]:
        """The text of every row, without the spaces at its end."""
        return [self.row(y) for y in range(self.lines)]

    def row(self, y: int) -> str:
        line = self.buffer[y]
        return "".join(line[x].data for x in range(self.columns)).rstrip()

    def columns_of(self, y: int, text: str) -> list[int] | None:
        """The columns of the text's first occurrence in a row, one for each character."""
        line = self.buffer[y]
        columns = [x for x in range(self.columns) for _ in line[x].data]
        found = "".join(line[x].data for x in range(self.columns)).find(text)
        return None if found < 0 else columns[found : found + len(text)]

    def style(self, y: int, x: int) -> Style:
        return Style.of(self.buffer[y][x])

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return self._main is not None

    # ---- What pyte lacks --------------------------------------------------------------

    @property
    def default_char(self) -> Cell:
        return Cell(" ", reverse=pyte.modes.DECSCNM in self.mode)

    def reset(self) -> None:
        super().reset()
        self._main = None
        self.cursor.attrs = self.default_char

    def select_graphic_rendition(self, *attrs: int, private: bool = False) -> None:
        if private:  # xterm's key settings; no rendition
            return
        super().select_graphic_rendition(*attrs)
        faint = self.cursor.attrs.faint
        rest = list(reversed(attrs))
        while rest:
            match rest.pop():
                case 0 | 22:
                    faint = False
                case 2:
                    faint = True
                case 38 | 48:  # a colour: 5 and its number, or 2 and three intensities
                    del rest[-(2 if rest[-1:] == [5] else 4) :]
        self.cursor.attrs = self.cursor.attrs._replace(faint=faint)

    def set_mode(self, *modes: int, private: bool = False) -> None:
        super().set_mode(*modes, private=private)
        if private and ALTERNATE_SCREENS.intersection(modes) and self._main is None:
            self._main = (self.buffer, self.cursor)
            self.buffer = defaultdict(lambda: pyte.screens.StaticDefaultDict(self.default_char))
            attributes = self.cursor.attrs
            self.cursor = pyte.screens.Cursor(self.cursor.x, self.cursor.y, attributes)

    def reset_mode(self, *modes: int, private: bool = False) -> None:
        super().reset_mode(*modes, private=private)
        if private and ALTERNATE_SCREENS.intersection(modes) and self._main is not None:
            hidden = self.cursor.hidden
            (self.buffer, self.cursor), self._main = self._main, None
            self.cursor.hidden = hidden
            self._keep_above(self.lines)
            self.ensure_hbounds()

    def index(self) -> None:
        if self._main is None and self.margins is None and self.cursor.y == self.lines - 1:
            self.scrollback.append(self.row(0))
        super().index()

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        lines, columns = lines or self.lines, columns or self.columns
        for line in self.buffer.values():
            for x in [x for x in line if x >= columns]:
                del line[x]
        self._keep_above(lines)
        self.lines, self.columns = lines, columns
        self.margins = None
        self.tabstops = set(range(8, columns, 8))
        self.ensure_hbounds()

    def _keep_above(self, lines: int) -> None:
        """Scroll so that the cursor is within so many lines; drop what is below them."""
        excess = max(0, self.cursor.y - lines + 1)
        for y in range(excess if self._main is None else 0):
            self.scrollback.append(self.row(y))
        kept = {y - excess: line for y, line in self.buffer.items() if 0 <= y - excess < lines}
        self.buffer.clear()
        self.buffer.update(kept)
        self.cursor.y -= excess

    def draw(self, data: str) -> None:
        for character in data:
            width = wcwidth(character)
            if width > 0:
                self._put(character, width)
            elif width == 0:
                self._attach(character)
        self.dirty.add(self.cursor.y)

    def _put(self, character: str, width: int) -> None:
        if self.cursor.x + width > self.columns:
            if pyte.modes.DECAWM in self.mode:
                self.carriage_return()
                self.linefeed()
            else:
                self.cursor.x = self.columns - width
        if pyte.modes.IRM in self.mode:
            self.insert_characters(width)
        line = self.buffer[self.cursor.y]
        line[self.cursor.x] = self.cursor.attrs._replace(data=character)
        if width == 2:
            line[self.cursor.x + 1] = self.cursor.attrs._replace(data="")
        self.cursor.x += width

    def _attach(self, character: str) -> None:
        """Keep a zero-width character with what it follows in its row, else drop it."""
        line = self.buffer[self.cursor.y]
        x = self.cursor.x - 1
        while x > 0 and line[x].data == "":
            x -= 1
        if x >= 0:
            joined = unicodedata.normalize("NFC", line[x].data + character)
            line[x] = line[x]._replace(data=joined)

    def write_process_input(self, data: str) -> None:
        self._answer(data)

    def report_device_status(self, mode: int = 0, *, private: bool = False) -> None:
        if not private:
            super().report_device_status(mode)
