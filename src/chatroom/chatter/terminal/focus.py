"""Whether the terminal's window has the focus, where the terminal tells (xterm's mode 1004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

FOCUS_IN = Keys.F23
FOCUS_OUT = Keys.F24
"""prompt_toolkit has no name for these reports; no keyboard has these keys."""


def report_focus(output: Output, wanted: bool) -> None:
    """Ask the terminal to tell when its window gets and loses the focus, or no longer to."""
    if wanted:
        ANSI_SEQUENCES["\x1b[I"] = FOCUS_IN
        ANSI_SEQUENCES["\x1b[O"] = FOCUS_OUT
    output.write_raw("\x1b[?1004h" if wanted else "\x1b[?1004l")
    output.flush()
