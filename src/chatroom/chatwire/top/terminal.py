"""The terminal's other screen, and back (xterm, "Control Sequences")."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""There is no cursor on it."""


def restore(out: TextIO) -> None:
    """Leave the other screen, if this is a terminal. Done twice, it does nothing more."""
    with contextlib.suppress(OSError, ValueError):
        if out.isatty():
            out.write(LEAVE)
            out.flush()
