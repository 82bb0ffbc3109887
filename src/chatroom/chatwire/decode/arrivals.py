"""When the bytes came of which it is not yet known what they are."""

from __future__ import annotations

from collections import deque


class Arrivals:
    """The times of bytes that wait for a decision, in their order."""

    def __init__(self) -> None:
        self._runs: deque[tuple[int, int]] = deque()
        """How many bytes came, and when."""

    def add(self, count: int, time: int) -> None:
        """So many more came at this time."""
        self._runs.append((count, time))

    def take(self, count: int, now: int) -> int:
        """When the last of the next `count` bytes came; `now` if they are still coming."""
        while self._runs:
            here, time = self._runs[0]
            if count < here:
                self._runs[0] = here - count, time
                return time
            self._runs.popleft()
            count -= here
            if not count:
                return time
        return now

    def runs(self) -> list[tuple[int, int]]:
        """How many bytes came, and when, in order; then none wait any more."""
        runs, self._runs = list(self._runs), deque()
        return runs

    def clear(self) -> None:
        """What has come is decided."""
        self._runs.clear()
