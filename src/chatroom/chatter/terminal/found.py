"""What was looked for in the lines of a room, and where it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re


class Search:
    """Lines by their serial numbers, and the one of them that is looked at: the newest first."""

    def __init__(self, text: str, pattern: re.Pattern[str], found: list[int]) -> None:
        """`found` has one at least, in order."""
        self.text = text
        self.pattern = pattern
        self._found = found
        self._at = len(found) - 1

    @property
    def serial(self) -> int:
        """The line that is looked at."""
        return self._found[self._at]

    @property
    def place(self) -> tuple[int, int]:
        """Which it is, 1 for the newest, and how many there are."""
        return len(self._found) - self._at, len(self._found)

    def turn(self, older: int, first: int) -> bool:
        """Look at an older line, or with -1 a newer one; False if there is none.

        Lines below the serial number `first` are gone.
        """
        at = self._at - older
        if not 0 <= at < len(self._found) or self._found[at] < first:
            return False
        self._at = at
        return True

    def shift(self, end: int, count: int) -> None:
        """Lines below this serial number have numbers that are lower by so many now."""
        self._found = [serial - count if serial < end else serial for serial in self._found]
