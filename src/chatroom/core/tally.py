"""A tally: how many there are of each."""

from __future__ import annotations


class Tally:
    """Counts by key; a key of which there is none is forgotten."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._count)

    def of(self, key: str) -> int:
        """How many there are."""
        return self._count.get(key, 0)

    def add(self, key: str) -> None:
        """One more; not of an empty key."""
        if key:
            self._count[key] = self._count.get(key, 0) + 1

    def remove(self, key: str) -> None:
        """One less: `add` came before."""
        if key:
            left = self._count[key] - 1
            if left:
                self._count[key] = left
            else:
                del self._count[key]
