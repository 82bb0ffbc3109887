"""A question shown at once, while what asks it is still being imported.

Importing prompt_toolkit takes as long as everything that comes before the first
question. The question can be read meanwhile, and what is typed is kept for it.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatroom.chatter.screen import write

if TYPE_CHECKING:
    from collections.abc import Generator

try:
    import termios
except ImportError:  # as on Windows
    HAS_TERMIOS = False
else:
    HAS_TERMIOS = True


@contextmanager
def shown_early(question: str, module: str) -> Generator[None, None, None]:
    """Show a question, which ends where the answer goes, while the module is imported.

    In the block the cursor stands where the question began, for prompt_toolkit to draw
    over it. Keys are kept and not echoed until the block has ended. Nothing is shown
    early when it would not fit on the screen: then it could not be drawn over.
    """
    if "prompt_toolkit" in sys.modules or not HAS_TERMIOS or not _fits(question):
        importlib.import_module(module)
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    silent = termios.tcgetattr(descriptor)
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(descriptor, termios.TCSANOW, silent)
    try:
        write(question)
        importlib.import_module(module)
        up = question.count("\n")
        write(f"\r\x1b[{up}A" if up else "\r")
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _fits(question: str) -> bool:
    columns, rows = shutil.get_terminal_size()
    lines = question.split("\n")
    return len(lines) < rows and max(map(len, lines)) < columns
