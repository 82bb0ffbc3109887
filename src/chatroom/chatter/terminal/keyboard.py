"""Reads the terminal's keys: as text of its encoding, with pastes told from typing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from prompt_toolkit.input import create_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.input import Input

    from chatroom.chatter.terminal.reports import CursorReports


def keyboard(open_paste: Callable[[], bool], reports: CursorReports) -> Input:
    """The terminal's keys. `open_paste`: see `Reads`; `reports` takes what it has asked for."""
    if sys.platform == "win32":
        return create_input()  # a console, which has no reads to look at
    from chatroom.chatter.terminal.posix_keyboard import PosixKeyboard

    return PosixKeyboard(sys.stdin, open_paste, reports)
