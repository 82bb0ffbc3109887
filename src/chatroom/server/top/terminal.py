"""The terminal that a screen is drawn on, and that is left as it was found."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
from collections.abc import Sequence

from .grid import Line, drawn

BEGIN = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""The alternate screen, no cursor, and no line that goes on in the next row."""
END = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
UNKNOWN = os.terminal_size((80, 24))
IFLAG, LFLAG = 0, 3
"""Places in what `termios.tcgetattr` returns."""


class Terminal:
    """Of standard input and output. `enter` and `leave` may be called again and again."""

    def __init__(self) -> None:
        self._keys = sys.stdin.fileno()
        self._screen = sys.stdout.fileno()
        self._encoding = sys.stdout.encoding or "ascii"
        self._found = termios.tcgetattr(self._keys)
        self.entered = False

    @property
    def keys(self) -> int:
        """The descriptor from which keys are read."""
        return self._keys

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines; each at least one."""
        with contextlib.suppress(OSError):
            found = os.get_terminal_size(self._screen)
            if min(found) > 0:
                return found
        return UNKNOWN

    def enter(self) -> None:
        """Take the screen, and every key as it is pressed. Ctrl-C and Ctrl-Z stay signals.

        In the background the kernel stops the program here, until it is in front again.
        """
        modes = termios.tcgetattr(self._keys)
        modes[LFLAG] &= ~(termios.ICANON | termios.ECHO)
        modes[IFLAG] &= ~termios.IXON  # with Ctrl-S nothing more would be written, nor heeded
        termios.tcsetattr(self._keys, termios.TCSADRAIN, modes)
        self.entered = True
        self._write(BEGIN)

    def leave(self) -> None:
        """Give back the screen, and what is typed as it was. Nothing, if it was not taken."""
        if not self.entered:
            return
        self.entered = False
        with contextlib.suppress(OSError, termios.error):  # the terminal may be gone
            self._write(END)
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._found)

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines from the top, and nothing else."""
        rows = "\r\n".join(f"{drawn(each)}\x1b[K" for each in lines)
        self._write(f"\x1b[H{rows}\x1b[J")

    def _write(self, text: str) -> None:
        left = text.encode(self._encoding, "replace")
        while left:
            left = left[os.write(self._screen, left) :]
