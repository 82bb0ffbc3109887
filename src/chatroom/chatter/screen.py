"""Standard output, flushed with every line."""

from __future__ import annotations

import os
import sys


def show(line: str) -> None:
    """Print a line. Raises BrokenPipeError when nobody reads them any more."""
    write(line + "\n")


def write(text: str) -> None:
    """Print a text without a newline, a prompt for example."""
    if sys.stdout is None:  # as it is when the program was started with it closed
        return
    sys.stdout.write(text)
    sys.stdout.flush()


def is_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def takes_screen() -> bool:
    """Whether a person reads and types in a terminal that can move its cursor."""
    term = os.environ.get("TERM", "")
    types = sys.stdin is not None and sys.stdin.isatty()
    return types and is_terminal() and term not in ("", "dumb", "unknown")


def never_fail_to_encode() -> None:
    """Let a character that the terminal's encoding lacks become a question mark."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
