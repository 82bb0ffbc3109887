"""The mouse wheel (xterm's modes 1000 and 1006). While it is used, Shift selects text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

WHEEL_ROWS = 3
REPORT = re.compile(r"\x1b\[<(\d+);(\d+;\d+)([Mm])")
UP, DOWN = "64", "65"
BUTTONS = ("0", "1", "2")
SELECTING = (
    "to select text, hold Shift while you drag (in some terminals Alt or Option);"
    " /mouse off leaves the mouse to the terminal"
)


class Mouse:
    """Whether the terminal tells this program of the mouse; `take` and `leave` are of a screen."""

    def __init__(self, output: Output, *, wanted: bool) -> None:
        self.wanted = wanted
        self._output = output
        self._pressed = ""
        """Where a button went down, as reported."""
        self._dragged = False
        """Whether somebody has tried to select without Shift."""

    def take(self) -> None:
        """Have the terminal tell of the wheel, if that is wanted."""
        if self.wanted:
            report_wheel(self._output, True)

    def leave(self) -> None:
        """Have it tell of the mouse no longer."""
        if self.wanted:
            report_wheel(self._output, False)

    def switch(self, *, wanted: bool) -> None:
        """From now on tell of the wheel, or no longer."""
        self.wanted = wanted
        report_wheel(self._output, wanted)

    def first_dragged(self, report: str) -> bool:
        """Whether somebody has tried to select text, for the first time.

        This is the report of a button that was released elsewhere than it went down.
        """
        found = REPORT.fullmatch(report)
        if found is None or found[1] not in BUTTONS:
            return False
        _, place, end = found.groups()
        before, self._pressed = self._pressed, place if end == "M" else ""
        if end == "M" or before in ("", place) or self._dragged:
            return False
        self._dragged = True
        return True


def report_wheel(output: Output, wanted: bool) -> None:
    """Have the terminal tell of the mouse, or no longer."""
    final = "h" if wanted else "l"
    output.write_raw(f"\x1b[?1000{final}\x1b[?1006{final}")
    output.flush()


def rows_turned(report: str) -> int:
    """By how many rows the wheel was turned, up if above 0; 0: it is about something else."""
    found = REPORT.fullmatch(report)
    if found is None or found[3] != "M":
        return 0
    return {UP: WHEEL_ROWS, DOWN: -WHEEL_ROWS}.get(found[1], 0)
