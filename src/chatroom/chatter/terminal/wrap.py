"""Text broken into rows of so many cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.terminal.clusters import clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.terminal.cells import Cells

TAB_CELLS = 4
WIDE = 2
"""The cells of a character after which, as in Chinese, a row may end without a space."""


def wrap(text: str, first: int, rest: int, cells: Cells) -> list[str]:
    """The rows of a text: the first at most `first` cells wide, the others `rest`.

    Rows end where a line of the text does, else at a space, which is dropped, or after a
    wide cluster, else wherever the row is full; never inside of a cluster. At least one
    row; a width below that of one cluster counts as that.
    """
    rows: list[str] = []
    for line in text.split("\n"):
        _break_line(clusters(line.expandtabs(TAB_CELLS)), first, rest, cells, rows)
    return rows


def _break_line(line: Sequence[str], first: int, rest: int, cells: Cells, rows: list[str]) -> None:
    begin = 0
    while True:
        width = rest if rows else first
        end = _fitting(line, begin, max(width, WIDE), cells)
        if end == len(line):
            rows.append("".join(line[begin:]).rstrip(" "))
            return
        cut, following = _break_before(line, begin, end, cells)
        longer = first < rest and not rows
        if cut == begin and longer and _fitting(line, begin, rest, cells) > end:
            rows.append("")  # the first word needs the longer rows
            continue
        if cut == begin:
            cut = following = end
        rows.append("".join(line[begin:cut]).rstrip(" "))
        begin = following


def _fitting(line: Sequence[str], begin: int, width: int, cells: Cells) -> int:
    """Up to where the line fits into so many cells; at least one cluster."""
    if isinstance(line, str):
        return min(len(line), begin + width)
    used = 0
    for position in range(begin, len(line)):
        used += cells.of(line[position])
        if used > width and position > begin:
            return position
    return len(line)


def _break_before(line: Sequence[str], begin: int, end: int, cells: Cells) -> tuple[int, int]:
    """Where a row that may reach to `end` ends, `begin` if nowhere; and where the next begins."""
    if line[end] == " ":
        following = end
        while following < len(line) and line[following] == " ":
            following += 1
        return end, following
    for position in range(end, begin, -1):
        before = line[position - 1]
        if before == " ":
            if all(each == " " for each in line[begin:position]):
                return begin, begin  # an indentation is no row
            return position, position
        if not before.isascii() and cells.of(before) == WIDE:
            return position, position
    return begin, begin
