"""Who is typing, as far as has been heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FORGOTTEN_SECONDS = 8.0
"""A notice is repeated every 3 s at most; who is silent for longer has stopped."""
KEPT = 50


class Typists:
    """The names of those who are typing, in the order in which they began."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def hear(self, name: str, *, active: bool) -> None:
        """Note that somebody types, or has stopped, as after having said something."""
        if not active:
            self._until.pop(name, None)
        elif name in self._until or len(self._until) < KEPT:
            self._until[name] = self._clock() + FORGOTTEN_SECONDS

    def names(self) -> list[str]:
        """Who is typing now."""
        now = self._clock()
        self._until = {name: until for name, until in self._until.items() if until > now}
        return list(self._until)
