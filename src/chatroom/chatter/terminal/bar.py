"""The bar of the rooms that are open: which there are, and where something new is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.terminal.cells import Cells
    from chatroom.chatter.terminal.rows import Row
    from chatroom.chatter.terminal.symbols import Symbols

LONGEST_NAMES = (32, 16, 10, 6)
"""Cells of a room's name, as wide as there is space for all of them."""
MOST_COUNTED = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """What the bar tells of one room. The name is safe to print."""

    room: str
    here: bool = False
    """Whether it is the one on the screen."""
    unread: int = 0
    """Messages that came while it was not on the screen."""
    named: bool = False
    """Whether one of them names the person at the terminal."""
    trouble: bool = False
    """Whether its connection is lost, or it has ended."""

    @property
    def importance(self) -> tuple[bool, bool, bool, bool]:
        """What is less important is left out first."""
        return self.here, self.named, bool(self.unread), self.trouble


def bar_line(tabs: Sequence[Tab], width: int, symbols: Symbols, cells: Cells) -> Row:
    """One row of at most `width` cells: the number and the name of each room, as ` 2 ops +3! `.

    Names are cut before rooms are left out, the quiet ones first.
    """
    for longest in LONGEST_NAMES:
        pieces = [
            _piece(number, tab, longest, symbols, cells) for number, tab in enumerate(tabs, 1)
        ]
        if sum(cells.of(text) for _, text in pieces) <= width:
            return list(pieces)
    kept = sorted(range(len(tabs)), key=lambda at: (tabs[at].importance, -at))
    more = ("", f" {symbols.more}")
    while len(kept) > 1 and _cells(pieces, kept, cells) + cells.of(more[1]) > width:
        del kept[0]
    row: Row = [pieces[at] for at in sorted(kept)]
    if len(kept) < len(tabs) and _cells(pieces, kept, cells) + cells.of(more[1]) <= width:
        row.append(more)
    return row


def _cells(pieces: Sequence[tuple[str, str]], kept: Sequence[int], cells: Cells) -> int:
    return sum(cells.of(pieces[at][1]) for at in kept)


def _piece(number: int, tab: Tab, longest: int, symbols: Symbols, cells: Cells) -> tuple[str, str]:
    """The style and the text of one room."""
    name = cells.cut(tab.room, longest, symbols.cut)
    news = ""
    if tab.unread:
        over = "+" if tab.unread > MOST_COUNTED else ""
        news = f" +{min(tab.unread, MOST_COUNTED)}{over}"
    mark = "!" if tab.named else ""
    end = f" {symbols.ended}" if tab.trouble else ""
    if tab.here:
        style = "class:bar.here"
    elif tab.named:
        style = "class:bar.named"
    elif tab.trouble:
        style = "class:bar.trouble"
    else:
        style = "class:bar.news" if tab.unread else "class:bar"
    return style, f" {number} {name}{news}{mark}{end} "
