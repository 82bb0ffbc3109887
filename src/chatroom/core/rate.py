"""A token bucket: how fast one member may send."""

from __future__ import annotations


class TokenBucket:
    """At most `burst` at once and `rate` a second on average; a rate of 0: no limit."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated", "limited")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        """Begin full. `now` is in seconds of any clock that never goes back."""
        self._rate = rate
        self.limited = rate > 0
        self._burst = float(burst)
        self._tokens = float(burst)
        self._updated = now

    def take_some(self, wanted: int, now: float) -> int:
        """Take up to so many tokens; how many were taken."""
        if not self._rate:
            return wanted
        self._fill(now)
        taken = min(wanted, int(self._tokens))
        self._tokens -= taken
        return taken

    def take(self, now: float) -> float:
        """Take one token; 0 if there was one, else the seconds until there is (none taken)."""
        if not self._rate:
            return 0.0
        self._fill(now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
