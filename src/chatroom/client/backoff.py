"""When to try again: exponential backoff with full jitter.

The delay is uniform between 0 and a bound that doubles with each failure. Of the
usual schemes this one spreads the members of a restarted server best
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """The delays of one series of failures, in seconds."""

    def __init__(
        self,
        first: float,
        limit: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` gives numbers of [0, 1); `first` and `limit` bound the delays."""
        self._first = min(first, limit)
        self._limit = limit
        self._chance = chance
        self._bound = self._first

    def delay(self, at_least: float | None = None) -> float:
        """How long to wait before the next attempt; each call doubles the bound.

        `at_least` is what the server asked for (RetryInfo). The jitter is added to it,
        since all that were sent away together were told the same.
        """
        bound, self._bound = self._bound, min(self._bound * 2, self._limit)
        return (at_least or 0.0) + self._chance() * bound

    def lasted(self, seconds: float) -> None:
        """Note that a connection held for so long; if for longer than the bound, begin anew.

        A server that admits and at once ends a stream is not hammered so.
        """
        if seconds >= self._bound:
            self._bound = self._first
