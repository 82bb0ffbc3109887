"""The lines of one room, and which of them are looked at."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from chatroom.chatter.terminal.found import Search
from chatroom.chatter.terminal.lines import Tone, same_name, withdrawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.terminal.lines import Line
    from chatroom.chatter.terminal.rows import Painter, Row

KEPT_LINES = 20_000
"""Twice what a server keeps of a room by default; some 20 MiB."""
WITHDRAWN_SEQUENCES = 1_000
"""Many more than are withdrawn while one page of history is on its way."""
TRIM_LINES = 1_000
"""Dropped at once when there are more, so that each line costs little."""


class Scrollback:
    """Lines in the order of the room, below them those that are on their way there.

    These this person has said, and they are not known to be stored yet. The view follows
    the newest line until it is scrolled up; then it stays where it is, whatever comes. It
    is drawn anew at any width, and only as many lines as it shows are looked at, so that
    drawing costs the same however many there are.
    """

    def __init__(self) -> None:
        self.unseen = 0
        """How many lines came below a view that is scrolled up."""
        self._lines: list[Line] = []
        self._first = 0
        """The serial number of the first line; falls when earlier ones are put before it."""
        self._known = 0
        """The serial number from which on sequences are those of the room as it is now."""
        self._pending: dict[str, Line] = {}
        self._bottom: tuple[int | str, int] | None = None
        """The last row in view: the serial number of its line, or the nonce of one that is
        on its way, and which of its rows; None: the newest."""
        self._mark: int | None = None
        """The serial number of the first line that came while nobody looked."""
        self._reached = 0
        """The lowest sequence that was put before the others; 0: none was."""
        self.search: Search | None = None
        """What is looked for in these lines."""
        self.picked = 0
        """The sequence of the line that is to be answered; 0: none."""
        self._said: dict[int, Line] = {}
        """What was said, by its sequence, of the lines whose sequences count."""
        self._withdrawn: dict[int, None] = {}
        """The newest sequences whose text is gone, as an earlier page may still have it."""

    # ---- Lines ------------------------------------------------------------------------

    def add(self, line: Line, *, looked_at: bool = True) -> None:
        """Append a line; what comes while nobody looks is marked as unread."""
        if line.tone is Tone.SAID and not line.own and not looked_at and self._mark is None:
            self._mark = self._first + len(self._lines)
        if self._bottom is not None:
            self.unseen += 1
        self._lines.append(self._as_it_is(line))
        if len(self._lines) > KEPT_LINES + TRIM_LINES:
            for dropped in self._lines[:TRIM_LINES]:
                if self._said.get(dropped.sequence) is dropped:
                    del self._said[dropped.sequence]
            del self._lines[:TRIM_LINES]
            self._first += TRIM_LINES
            if self._bottom is not None and self._serial(self._bottom[0]) < self._first:
                self._bottom = (self._first, 0)

    def begin_anew(self) -> None:
        """What comes now may have other sequences: what is here is no longer counted."""
        self._known = self._first + len(self._lines)
        self._reached = self.picked = 0
        self._withdrawn.clear()
        self._said.clear()

    def clear(self) -> None:
        """Forget all lines but those that are on their way; the room still has them."""
        self._first = self._known = self._first + len(self._lines)
        self._lines.clear()
        self._said.clear()
        self._mark, self._reached, self.picked, self.search = None, 0, 0, None
        self.follow()

    def withdraw(self, sequence: int) -> Line | None:
        """Put a mark in the place of the text of this sequence, also if it comes only later.

        Returns the line as it was, if it is here.
        """
        if not sequence:
            return None  # notices have none either
        self._withdrawn[sequence] = None
        if len(self._withdrawn) > WITHDRAWN_SEQUENCES:
            del self._withdrawn[next(iter(self._withdrawn))]
        for index in self._known_indices():
            line = self._lines[index]
            if line.sequence == sequence:
                self._lines[index] = self._as_it_is(line)
                return line
        return None

    def newest_of(self, name: str) -> int:
        """The sequence of what somebody said last, however the name is capitalized; 0: none."""
        for index in self._known_indices():
            line = self._lines[index]
            if line.sequence and line.tone is Tone.SAID and same_name(line.name, name):
                return line.sequence
        return 0

    def _known_indices(self) -> range:
        """Of the lines whose sequences count, the newest first."""
        return range(len(self._lines) - 1, max(self._known - self._first, 0) - 1, -1)

    def _as_it_is(self, line: Line) -> Line:
        """The line, or what stands in its place; it may be answered from here on."""
        line = withdrawn(line) if line.sequence in self._withdrawn else line
        if line.name and line.sequence:
            self._said[line.sequence] = line
        return line

    def said(self, sequence: int) -> Line | None:
        """What was said with this sequence, if it is here."""
        return self._said.get(sequence)

    def put_before(self, lines: Sequence[Line], reached: int = 0) -> None:
        """Put earlier lines before those whose sequences count; what is in view stays.

        `reached` is the lowest sequence that was looked at for it; not all need be shown.
        """
        self._reached = reached or self._reached
        at = max(self._known - self._first, 0)
        self._lines[at:at] = map(self._as_it_is, lines)
        # Numbers above stay as they are; those of the lines below `at` have changed.
        self._first -= len(lines)
        self._known -= len(lines)
        if self._mark is not None and self._mark < self._first + len(lines) + at:
            self._mark -= len(lines)
        if self.search is not None:
            self.search.shift(self._first + len(lines) + at, len(lines))
        if self._bottom is not None:
            line, row = self._bottom
            if isinstance(line, int) and line < self._first + len(lines) + at:
                self._bottom = (line - len(lines), row)

    def pend(self, nonce: str, line: Line) -> None:
        """Add a line that is on its way, or replace it."""
        self._pending[nonce] = line

    def settle(self, nonce: str) -> Line | None:
        """Take away the line that was on its way; None if there is none."""
        if self._bottom is not None and self._bottom[0] == nonce:
            self.follow()  # the last line in view is the one that goes
        return self._pending.pop(nonce, None)

    @property
    def oldest(self) -> int:
        """The lowest sequence that is here, or was looked at; 0 if there is none."""
        if self._reached:
            return self._reached
        at = max(self._known - self._first, 0)
        return next((line.sequence for line in islice(self._lines, at, None) if line.sequence), 0)

    def on_their_way(self) -> list[tuple[str, Line]]:
        """What this person has said and has not come yet, by its nonce."""
        return list(self._pending.items())

    def newest(self, count: int) -> list[Line]:
        """So many lines from the end, the newest first."""
        return self._lines[: -count - 1 : -1]

    def read(self) -> None:
        """Forget the unread mark."""
        self._mark = None

    # ---- The view ---------------------------------------------------------------------

    @property
    def following(self) -> bool:
        """Whether the newest line is in view."""
        return self._bottom is None

    @property
    def below(self) -> int:
        """How many lines are below the view: none of their rows is in it."""
        return 0 if self._bottom is None else self._end - 1 - self._serial(self._bottom[0])

    def view(self, painter: Painter, height: int) -> list[Row]:
        """The rows in view, at most `height`, the last at the bottom of the window."""
        return self._rows_above(painter, height)

    def scroll_up(self, painter: Painter, height: int, rows: int) -> bool:
        """Look so many rows further up; False if the first row was in view already."""
        above = self._rows_above(painter, height + rows)
        possible = len(above) - height
        if possible <= 0:
            return False
        self._stay(*self._position_above(painter, min(rows, possible)))
        return True

    def scroll_down(self, painter: Painter, rows: int) -> None:
        """Look so many rows further down; at the end the view follows again."""
        if self._bottom is None:
            return
        serial, row = self._serial(self._bottom[0]), self._bottom[1] + rows
        while serial < self._end:
            drawn = len(self._drawn(painter, serial))
            if row < drawn and (serial, row) != (self._end - 1, drawn - 1):
                self._stay(serial, row)
                return
            row -= drawn
            serial += 1
        self.follow()

    def follow(self) -> None:
        """Look at the newest line."""
        self._bottom = None
        self.unseen = 0

    def find(self, painter: Painter, height: int, text: str) -> int:
        """Look for a text, however it is capitalized: in how many lines it is.

        The newest of them is in view then, if there is one; `find_next` goes on.
        """
        pattern = re.compile(re.escape(text), re.IGNORECASE)
        found = [
            self._first + index
            for index, line in enumerate(self._lines)
            if line.name and (pattern.search(line.text) or pattern.search(line.name))
        ]
        self.search = Search(text, pattern, found) if found else None
        if found:
            self._show(painter, height)
        return len(found)

    def pick(self, painter: Painter, height: int, *, newer: bool = False) -> bool:
        """Mark what is to be answered, and show it; False if there is no other.

        First the newest that somebody else has said, then the older one, or the newer one.
        """
        found = [index for index in self._known_indices() if self._may_be_answered(index)]
        picked = [
            at for at, index in enumerate(found) if self._lines[index].sequence == self.picked
        ]
        if picked:
            at = picked[0] + (-1 if newer else 1)
        else:
            at = next((at for at, index in enumerate(found) if not self._lines[index].own), 0)
        if not 0 <= at < len(found):
            return False
        self.picked = self._lines[found[at]].sequence
        serial = self._first + found[at]
        if not self._in_view(painter, height, serial):
            rows = len(self._drawn(painter, serial))
            self._stay(serial, rows - 1)
            # A row less: there is one more above what is typed then.
            self.scroll_down(painter, max(min(height // 2, height - 1 - rows), 0))
        return True

    def _may_be_answered(self, index: int) -> bool:
        line = self._lines[index]
        return bool(line.sequence) and line.tone is Tone.SAID

    def _in_view(self, painter: Painter, height: int, serial: int) -> bool:
        """Whether all rows of a line are."""
        last, row = self._position()
        rows = len(self._drawn(painter, last)) if row is None else row + 1
        if serial == last and row is not None and rows < len(self._drawn(painter, last)):
            return False
        while last > serial and rows < height:
            last -= 1
            rows += len(self._drawn(painter, last))
        return last == serial and rows <= height

    def find_next(self, painter: Painter, height: int, *, newer: bool = False) -> bool:
        """Look at the next older line that was found, or newer one; False if there is none."""
        if self.search is None or not self.search.turn(-1 if newer else 1, self._first):
            return False
        self._show(painter, height)
        return True

    def _show(self, painter: Painter, height: int) -> None:
        """Have what was found in the middle of the view, or as near as the end allows."""
        assert self.search is not None, "it was looked for"
        serial, pattern = self.search.serial, self.search.pattern
        rows = ["".join(text for _, text, *_ in row) for row in self._drawn(painter, serial)]
        first = next((at for at, row in enumerate(rows) if pattern.search(row)), len(rows) - 1)
        self._stay(serial, first)
        self.scroll_down(painter, height // 2)

    # ---- Drawing ----------------------------------------------------------------------

    @property
    def _end(self) -> int:
        return self._first + len(self._lines) + len(self._pending)

    def _at(self, serial: int) -> Line:
        index = serial - self._first
        if index < len(self._lines):
            return self._lines[index]
        return list(self._pending.values())[index - len(self._lines)]

    def _drawn(self, painter: Painter, serial: int) -> list[Row]:
        """The rows of one line, with the rules that stand above it."""
        line = self._at(serial)
        before = self._at(serial - 1) if serial > self._first else None
        rows: list[Row] = []
        if before is None or before.time.date() != line.time.date():
            rows.append(painter.day(line.time.date()))
        if before is not None and before.earlier and not line.earlier:
            rows.append(painter.rule("earlier messages above", "class:rule"))
        if serial == self._mark:
            rows.append(painter.rule("new", "class:mark"))
        counts = serial >= self._known
        return rows + painter.line(
            line,
            self.search.pattern if self.search else None,
            answered=self._said.get(line.answers) if counts else None,
            picked=counts and bool(self.picked) and line.sequence == self.picked,
        )

    def _serial(self, line: int | str) -> int:
        """The serial number of a line, or what it would be of one that is on its way."""
        if isinstance(line, int):
            return line
        return self._first + len(self._lines) + list(self._pending).index(line)

    def _position(self) -> tuple[int, int | None]:
        """Serial number of the last line in view, and which of its rows; None: its last."""
        if self._bottom is None:
            return self._end - 1, None
        return self._serial(self._bottom[0]), self._bottom[1]

    def _stay(self, serial: int, row: int) -> None:
        """Have this row be the last one in view, whatever comes."""
        on_its_way = serial - self._first - len(self._lines)
        line = serial if on_its_way < 0 else list(self._pending)[on_its_way]
        self._bottom = (line, row)

    def _rows_above(self, painter: Painter, count: int) -> list[Row]:
        """Up to `count` rows that end with the last one in view."""
        serial, row = self._position()
        if serial < self._first:
            return []
        rows = self._drawn(painter, serial)
        if row is not None:
            rows = rows[: row + 1]
        while len(rows) < count and serial > self._first:
            serial -= 1
            rows = self._drawn(painter, serial) + rows
        return rows[-count:] if count else []

    def _position_above(self, painter: Painter, rows: int) -> tuple[int, int]:
        """The position so many rows above the last one in view; there are as many."""
        serial, row = self._position()
        last = len(self._drawn(painter, serial)) - 1
        row = last if row is None else min(row, last)
        while rows > row:
            rows -= row + 1
            serial -= 1
            row = len(self._drawn(painter, serial)) - 1
        return serial, row - rows
