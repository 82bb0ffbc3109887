"""What the others in the room are told of this member's typing."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 3.0
"""Seconds before the same is told again. A server passes on one notice in so many, and
counts each that it reads as a message."""


class TypingNotice:
    """The latest state that is still to be told on the present stream, if any.

    A change is told at once; that somebody still types once in 3 s; that somebody still
    does not type never.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds and never goes back."""
        self._clock = clock
        self._told = False
        self._told_at = -math.inf
        self._due: bool | None = None

    def restart(self) -> None:
        """The stream has ended, and with it what was told."""
        self._told, self._told_at, self._due = False, -math.inf, None

    def note(self, active: bool) -> bool:
        """Note whether the member types; whether there is something to tell."""
        again = active and self._clock() - self._told_at >= INTERVAL
        self._due = active if active != self._told or again else None
        return self._due is not None

    def next(self) -> bool | None:
        """Take what is to be told; it counts as told then."""
        due, self._due = self._due, None
        if due is not None:
            self._told, self._told_at = due, self._clock()
        return due
