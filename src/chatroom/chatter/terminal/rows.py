"""Lines drawn as rows of styled text, for a width in cells."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from prompt_toolkit.formatted_text import StyleAndTextTuples

from chatroom.chatter.quotes import quotation
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.lines import Tone
from chatroom.chatter.terminal.links import Targets, pieces
from chatroom.chatter.terminal.wrap import wrap

if TYPE_CHECKING:
    from chatroom.chatter.terminal.cells import Cells
    from chatroom.chatter.terminal.lines import Line
    from chatroom.chatter.terminal.symbols import Symbols

Row = StyleAndTextTuples
"""Pieces of text, each with its style; together one row of the screen."""

COLUMNS_FROM = 60
"""From this width on names stand in a column of their own."""
TIMES_FROM = 24
"""Below this width there is no time."""
NAME_CELLS = 12
TIME_FORMAT = "%H:%M"
A_TIME = datetime(2028, 12, 27, 23, 59, 59)  # noqa: DTZ001 # only to see how long it is
"""As long as times come: all have the cells of this one."""
NAMED = (Tone.SAID, Tone.PENDING, Tone.WITHDRAWN)
"""The lines with the name of who has said them."""
FEWEST_QUOTED = 12
"""Cells that what is answered takes at least."""
STAR = "*"
"""In place of a name before what somebody does."""
NAME_COLOURS = 10
"""The styles name-0 to name-9, see style.py. The page has them too."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August",
    "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Painter:
    """Draws lines for one width; nothing that it draws is wider."""

    width: int
    symbols: Symbols
    cells: Cells
    targets: Targets = field(default_factory=Targets)
    time_format: str = TIME_FORMAT
    names: int = NAME_COLOURS
    """How many colours there are for names."""

    def line(
        self,
        line: Line,
        wanted: re.Pattern[str] | None = None,
        *,
        answered: Line | None = None,
        picked: bool = False,
    ) -> list[Row]:
        """The rows of a line: time, name, and the text wrapped beside them.

        What is `wanted` is marked in them; all of it, if it is `picked`. What it has `answered`
        stands above the text, in a row.
        """
        shade = "class:earlier " if line.earlier else ""
        shade += "class:picked " if picked else ""
        name, style = self._name(line)
        text_style = shade + f"class:{line.tone}" + (" class:mention" if line.mentions else "")
        margin: Row = []
        if self.width >= TIMES_FROM:
            margin.append(("class:time", self._time(line.time)))
        if self.width >= COLUMNS_FROM:
            hang = self._time_cells + NAME_CELLS + 2
            space = NAME_CELLS - self.cells.of(name)
            margin += [("", " " * space), (shade + style, name), ("", "  ")]
        else:
            hang = max(self._time_cells if self.width >= TIMES_FROM else 0, 2)
            ending = ": " if line.tone in NAMED and not line.action else " "
            margin += [(shade + style, name), ("", ending)]
        used = sum(self.cells.of(text) for _, text, *_ in margin)
        # The last column stays free: some terminals wrap when it is written.
        limit = max(self.width - 1, hang + 2)
        space = max(limit - used, 0)
        above = self._above(line, answered, space, limit - hang) if line.answers else []
        rows = wrap(line.words, limit - hang if above else space, limit - hang, self.cells)
        if not above and used > limit - 2 and rows[0]:
            rows = ["", *wrap(line.words, limit - hang, limit - hang, self.cells)]
        drawn: list[Row] = [
            [(text_style + (self.targets.style(to) if to else ""), part) for part, to in row]
            for row in pieces(rows, line.words)
        ]
        who = line.name if line.action else line.who
        if who:
            drawn[0] = self._with_name(drawn[0], who)
        if wanted is not None and line.name:
            drawn = [_marked(row, wanted) for row in drawn]
        drawn = [*above, *drawn]
        return [[*margin, *drawn[0]], *([("", " " * hang), *row] for row in drawn[1:])]

    def _above(self, line: Line, answered: Line | None, space: int, width: int) -> list[Row]:
        """What a line answers, beside its name if there is space for some of it, else below."""
        beside = space >= FEWEST_QUOTED
        said = f"> {quoted(line.answers, answered)}"
        quote: Row = [
            ("class:quote", self.cells.cut(said, space if beside else width, self.symbols.cut))
        ]
        return [quote] if beside else [[], quote]

    def answering(self, sequence: int, answered: Line | None) -> Row:
        """The row above what is typed, while it is an answer."""
        keys = f" {self.symbols.dot} Up, Down, Esc"
        said = f"Answer {quoted(sequence, answered)}"
        cut = self.cells.cut(said, max(self.width - 1 - len(keys), 2), self.symbols.cut)
        return [("class:question", cut), ("class:aside", keys)]

    def rule(self, label: str, style: str) -> Row:
        """A rule across the screen with a label in it."""
        width = max(self.width - 1, 1)
        words = f" {label} "
        left = max((width - self.cells.of(words)) // 2, 0)
        right = max(width - left - self.cells.of(words), 0)
        rule = self.symbols.rule
        return [(style, f"{rule * left}{words}{rule * right}"[:width])]

    def day(self, day: date) -> Row:
        """The rule between two days."""
        text = f"{WEEKDAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"
        if len(text) + 4 > self.width:
            text = day.isoformat()
        return self.rule(text, "class:day")

    def _name(self, line: Line) -> tuple[str, str]:
        if line.tone in NAMED:
            style = self.name_style(line.name)
            shown = STAR if line.action else line.name
            return shown, style + (" class:own" if line.own else "")
        if line.tone is Tone.EVENT:
            return self.symbols.event, "class:event"
        return self.symbols.notice, f"class:{line.tone}"

    @property
    def _time_cells(self) -> int:
        return self.cells.of(self._time(A_TIME))

    def _time(self, time: datetime) -> str:
        """The time and a space; nothing where none is wanted."""
        shown = one_line(time.strftime(self.time_format))
        return f"{shown} " if shown else ""

    def _with_name(self, row: Row, name: str) -> Row:
        """The row, with the name that it begins with in its colour."""
        style, text, *_ = row[0]
        if not text.startswith(name):
            return row
        rest: Row = [(style, text[len(name) :])]
        return [(f"{style} {self.name_style(name)}", name), *rest, *row[1:]]

    def name_style(self, name: str) -> str:
        """How a name is written, wherever it stands."""
        return f"class:name-{colour_of(name, self.names)}"


def quoted(sequence: int, answered: Line | None) -> str:
    """Who has said what is answered, and its first words; its number, if it is not here."""
    if answered is None:
        return f"#{sequence}"
    return quotation(answered.name, answered.text, action=answered.action)


def _marked(row: Row, wanted: re.Pattern[str]) -> Row:
    """The row with a mark on what is wanted, also across pieces of several styles."""
    text = "".join(part for _, part, *_ in row)
    marks = {at for found in wanted.finditer(text) for at in range(*found.span())}
    if not marks:
        return row
    marked: Row = []
    at = 0
    for style, part, *_ in row:
        for is_marked, run in groupby(range(at, at + len(part)), marks.__contains__):
            cut = "".join(text[position] for position in run)
            marked.append((f"{style} class:found" if is_marked else style, cut))
        at += len(part)
    return marked


def colour_of(name: str, colours: int = NAME_COLOURS) -> int:
    """The number of the colour of a name: always the same, in every room."""
    return zlib.crc32(name.casefold().encode(errors="replace")) % colours
