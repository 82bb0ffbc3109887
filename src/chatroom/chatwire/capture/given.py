"""What was given of a direction, so that bytes that come once more can be held against it."""

from __future__ import annotations

from collections import deque

RECENT_BYTES = 16 * 1024
"""Of each direction that are kept to be compared. What is sent once more is mostly the newest."""
GAPS = 1000
"""Missing ranges of each direction that are remembered; of more, the newest."""


def unequal(one: bytes, other: bytes) -> int:
    """At how many places two runs of bytes of one length differ."""
    return 0 if one == other else sum(a != b for a, b in zip(one, other, strict=True))


class Given:
    """The newest bytes of a direction, and the ranges of it that were said to be missing."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, bytes]] = deque()
        self._recent_bytes = 0
        self._gaps: deque[tuple[int, int]] = deque(maxlen=GAPS)

    def give(self, start: int, content: bytes) -> None:
        """These bytes were given, from this position on."""
        self._recent.append((start, content))
        self._recent_bytes += len(content)
        while self._recent_bytes - len(self._recent[0][1]) >= RECENT_BYTES:
            self._recent_bytes -= len(self._recent.popleft()[1])

    def forget(self) -> None:
        """Nothing will be compared any more: a capture may have very many connections."""
        self._recent.clear()
        self._recent_bytes = 0

    def miss(self, start: int, end: int) -> None:
        """The bytes from `start` to before `end` were said to be missing."""
        self._gaps.append((start, end))

    def fill(self, start: int, end: int) -> int:
        """How many bytes of this range were said to be missing. They are not from here on."""
        late = 0
        left: list[tuple[int, int]] = []
        for first, last in self._gaps:
            low, high = max(first, start), min(last, end)
            if low >= high:
                left.append((first, last))
                continue
            late += high - low
            left += [(a, b) for a, b in ((first, low), (high, last)) if a < b]
        if late:
            self._gaps = deque(left, maxlen=GAPS)
        return late

    def unequal(self, start: int, content: bytes) -> int:
        """How many of these bytes are others than those that were given in their place."""
        end = start + len(content)
        count = 0
        for first, given in self._recent:
            low, high = max(first, start), min(first + len(given), end)
            if low < high:
                count += unequal(
                    content[low - start : high - start], given[low - first : high - first]
                )
        return count
