"""Text broken into rows of so many cells."""

from __future__ import annotations

from prompt_toolkit.utils import get_cwidth

TAB_CELLS = 4
WIDE = 2
"""The cells of a character after which, as in Chinese, a row may end without a space."""


def wrap(text: str, first: int, rest: int) -> list[str]:
    """The rows of a text: the first at most `first` cells wide, the others `rest`.

    Rows end where a line of the text does, else at a space, which is dropped, or after a
    wide character, else wherever the row is full. What has no width of its own stays with
    the character before it. Widths are those of prompt_toolkit, which draws the rows. At
    least one row; a width below that of one character counts as that.
    """
    rows: list[str] = []
    for line in text.split("\n"):
        _break_line(line.expandtabs(TAB_CELLS), first, rest, rows)
    return rows


def _break_line(line: str, first: int, rest: int, rows: list[str]) -> None:
    while True:
        width = rest if rows else first
        end = _fitting(line, max(width, WIDE))
        if end == len(line):
            rows.append(line.rstrip(" "))
            return
        cut, following = _break_before(line, end)
        if cut == 0 and not rows and first < rest and _fitting(line, rest) > end:
            rows.append("")  # the first word needs the longer rows
            continue
        cut = cut or end
        rows.append(line[:cut].rstrip(" "))
        line = line[max(cut, following) :]


def _fitting(line: str, width: int) -> int:
    """How many characters of the line fit into so many cells; at least one."""
    if line.isascii():
        return min(len(line), width)
    cells = 0
    for position, character in enumerate(line):
        cells += get_cwidth(character)
        if cells > width and position:
            return position
    return len(line)


def _break_before(line: str, end: int) -> tuple[int, int]:
    """Where a row that may reach to `end` ends, 0 if nowhere; and where the next begins."""
    if line[end] == " ":
        return end, _after_spaces(line, end)
    for position in range(end, 0, -1):
        before = line[position - 1]
        if before == " ":
            if not line[:position].strip(" "):
                return 0, 0  # an indentation is no row
            return position, position
        if get_cwidth(before) == WIDE and get_cwidth(line[position]):
            return position, position
    return 0, 0


def _after_spaces(line: str, position: int) -> int:
    while position < len(line) and line[position] == " ":
        position += 1
    return position
