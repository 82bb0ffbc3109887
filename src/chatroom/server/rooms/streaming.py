"""The places that have a stream."""

from __future__ import annotations

from collections.abc import Iterator

from .quotas import Quotas
from .sessions import Place


class Streaming:
    """The places that have a stream, each counted as long as it is here."""

    __slots__ = ("_places", "_quotas")

    def __init__(self, quotas: Quotas) -> None:
        self._places: set[Place] = set()
        self._quotas = quotas

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def add(self, place: Place) -> None:
        """A place that was not here."""
        self._places.add(place)
        self._quotas.add(place.member)

    def discard(self, place: Place) -> None:
        """Take a place off, if it is here."""
        if place in self._places:
            self._places.remove(place)
            self._quotas.remove(place.member)
