"""Clocks that a test sets."""

from __future__ import annotations

from dataclasses import dataclass

from chatroom.core.clock import NS

BEGIN = 1_700_000_000 * NS
HOUR = 3600 * NS


@dataclass
class Clocks:
    """A wall clock and a monotonic one; the wall clock is wrong by `wrong` ns."""

    elapsed: int = 0
    wrong: int = 0

    def wall(self) -> int:
        return BEGIN + self.elapsed + self.wrong

    def monotonic(self) -> float:
        return self.elapsed / NS

    @property
    def right(self) -> int:
        return BEGIN + self.elapsed
