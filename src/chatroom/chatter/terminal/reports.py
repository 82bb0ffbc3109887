"""Where the terminal says that its cursor is, taken out of what is typed (ECMA-48, CPR)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ASK = "\x1b[6n"
REPORT = re.compile(r"\x1b\[(\d+);(\d+)R")
BEGINNING = re.compile(r"\x1b(?:\[(?:\d+(?:;\d*)?)?)?\Z")
"""What may be the beginning of a report, at the end of a read."""


class CursorReports:
    """Takes the answers to so many questions out of what a terminal sends.

    However late they come, and in whatever pieces, nothing of them is taken for a key:
    only the Escape that begins one may be, if the rest comes much later.
    """

    def __init__(self) -> None:
        self._columns: list[int] = []
        """The answers so far: columns, from 0."""
        self._asked = 0
        self._answered: Callable[[list[int]], None] = lambda _: None
        self._held = ""
        self._escaped = False
        """Whether the last character handed on was an Escape."""

    def expect(self, count: int, answered: Callable[[list[int]], None]) -> None:
        """The terminal was asked so often; `answered` gets the columns once all have come."""
        self._asked, self._answered = count, answered

    def sift(self, text: str) -> str:
        """The text without the answers."""
        if not self._missing and not self._held:
            return text
        # An Escape was handed on at once, as it may be the key; now it may begin an answer.
        begun = "\x1b" if self._escaped else ""
        rest, kept = begun + self._held + text, ""
        while self._missing and (found := REPORT.search(rest)):
            self._columns.append(int(found[2]) - 1)
            begun = begun if kept or found.start() else ""
            kept, rest = kept + rest[: found.start()], rest[found.end() :]
        beginning = BEGINNING.search(rest) if self._missing else None
        self._held = ""
        if beginning is not None and len(beginning[0]) > 1:
            self._held, rest = beginning[0].removeprefix("\x1b"), rest[: beginning.start() + 1]
        kept += rest
        self._escaped = kept.endswith("\x1b")
        if not self._missing:
            self._answered(self._columns)
        return kept.removeprefix(begun)

    @property
    def _missing(self) -> bool:
        return len(self._columns) < self._asked
