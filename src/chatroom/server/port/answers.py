"""How many bytes of answers a connection may have waiting for its peer to take them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Answers:
    """Large answers of one connection: those that are made, and those that wait to be.

    An answer is made whole and waits whole, since it is one message. A peer that takes nothing
    could have one on each of its streams; so only as many are begun as fit within a bound, one
    at least, and the others wait, without having done anything.
    """

    __slots__ = ("_bound", "_held", "_waiting")

    def __init__(self, bound: int) -> None:
        """`bound` is in bytes."""
        self._bound = bound
        self._held = 0
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    def line_up(self, size: int, begin: Callable[[], None]) -> None:
        """Call `begin`, perhaps at once, when an answer of up to `size` bytes may be made.

        `give_back` of as many must follow.
        """
        self._waiting.append((size, begin))
        self._let_in()

    def leave(self, begin: Callable[[], None]) -> None:
        """Wait no more."""
        for place in self._waiting:
            if place[1] == begin:
                self._waiting.remove(place)
                break
        self._let_in()

    def give_back(self, size: int) -> None:
        """So many bytes are not needed, or are gone."""
        self._held -= size
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and (not self._held or self._held + self._waiting[0][0] <= self._bound):
            size, begin = self._waiting.popleft()
            self._held += size
            begin()
