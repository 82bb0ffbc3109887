"""Lines of a screen: pieces of text, each with a look, and tables that fit the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .words import cells, cut, safe


class Look(Enum):
    """How a piece is drawn."""

    PLAIN = ""
    FAINT = "\x1b[2m"
    STRONG = "\x1b[1m"
    HEADING = "\x1b[7m"
    ALARM = "\x1b[1;31m"


Line = list[tuple[str, Look]]
GAP = "  "


def line(text: str, look: Look = Look.PLAIN) -> Line:
    """A line of one piece."""
    return [(text, look)]


def fitted(pieces: Line, width: int) -> Line:
    """The line, cut to a width; what is no text for a terminal is replaced."""
    found: Line = []
    left = width
    for text, look in pieces:
        text = cut(safe(text), left)
        if text:
            found.append((text, look))
        left -= cells(text)
    return found


def plain(pieces: Line) -> str:
    """Without looks."""
    return "".join(text for text, _ in pieces).rstrip()


def drawn(pieces: Line) -> str:
    """As a terminal takes it."""
    return "".join(f"{look.value}{text}\x1b[0m" if look.value else text for text, look in pieces)


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table. `width` 0: what its longest cell takes. The most urgent is shown longest."""

    name: str
    width: int = 0
    left: bool = False
    urgency: int = 0


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[Line]:
    """A heading and the rows; columns that have no room are left out, the least urgent first.

    Texts stand left, figures right. The last column may be cut.
    """
    texts = [[safe(cell) for cell in row] for row in rows]
    widths = [
        column.width or max([cells(column.name), *[cells(row[at]) for row in texts]])
        for at, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    while len(kept) > 1 and sum(widths[at] for at in kept) + len(GAP) * (len(kept) - 1) > width:
        kept.remove(min(kept, key=lambda at: columns[at].urgency))

    def row(values: Sequence[str]) -> str:
        return GAP.join(_cell(values[at], widths[at], columns[at]) for at in kept)

    heading = row([column.name for column in columns])
    return [
        line(f"{heading:<{width}}"[:width], Look.HEADING),
        *[fitted(line(row(values)), width) for values in texts],
    ]


def _cell(text: str, width: int, column: Column) -> str:
    text = cut(text, width)
    pad = " " * (width - cells(text))
    return text + pad if column.left else pad + text
