"""The mouse wheel (xterm's modes 1000 and 1006). While it is used, Shift selects text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

WHEEL_ROWS = 3
REPORT = re.compile(r"\x1b\[<(\d+);\d+;\d+M")
UP, DOWN = "64", "65"


def report_wheel(output: Output, wanted: bool) -> None:
    """Have the terminal tell of the mouse, or no longer."""
    final = "h" if wanted else "l"
    output.write_raw(f"\x1b[?1000{final}\x1b[?1006{final}")
    output.flush()


def rows_turned(report: str) -> int:
    """By how many rows the wheel was turned, up if above 0; 0: it is about something else."""
    found = REPORT.fullmatch(report)
    if found is None:
        return 0
    return {UP: WHEEL_ROWS, DOWN: -WHEEL_ROWS}.get(found[1], 0)
