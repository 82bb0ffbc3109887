"""Rates: how often something may be done, by one, or by each of very many."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice


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

    def give_back(self, count: int) -> None:
        """So many tokens of the last that were taken were not needed."""
        self._tokens += count

    def take(self, now: float) -> float:
        """Take one token; 0 if there was one, else the seconds until there is (none taken)."""
        if not self._rate:
            return 0.0
        self._fill(now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def ready(self, now: float) -> int:
        """How many tokens there are. Where there is no limit that is not to be asked."""
        self._fill(now)
        return int(self._tokens)

    def wait(self, now: float, tokens: int = 1) -> float:
        """The seconds until there are so many tokens; 0: there are."""
        if not self._rate:
            return 0.0
        self._fill(now)
        return max(0.0, (tokens - self._tokens) / self._rate)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now


@dataclass(slots=True, frozen=True)
class Pace:
    """So many at once, and on average as many again in so many seconds; 0 of them: no limit."""

    count: int
    seconds: float


class Buckets:
    """A token bucket for each of very many keys, of which the memory is bounded.

    Of a bucket only the time is kept at which it is full (the generic cell rate algorithm,
    ITU-T I.371): a full one is as good as none. Where there are too many, one goes that is full,
    of those that were used longest ago; or else the one that was. So a flood under ever new keys
    has others be let in, and keeps nobody out.
    """

    __slots__ = ("_each", "_full_at", "_kept", "_seconds")

    LOOKED_AT = 16
    """How many are looked at to find one that is full: finding it costs the same, always."""

    def __init__(self, pace: Pace, kept: int) -> None:
        """`kept` is how many keys are remembered at most."""
        self._seconds = pace.seconds if pace.count else 0.0
        self._each = pace.seconds / pace.count if pace.count else 0.0
        self._kept = kept
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """By key, in the order in which they were used."""

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take one token; 0 if there was one, else the seconds until there is (none taken).

        `now` is in seconds of any clock that never goes back.
        """
        wait = self.wait(key, now)
        if not wait and self._seconds:
            full_at = max(self._full_at.pop(key, now), now) + self._each
            if len(self._full_at) >= self._kept:
                self._forget_one(now)
            self._full_at[key] = full_at
        return wait

    def wait(self, key: str, now: float) -> float:
        """The seconds until there is a token; 0: there is one."""
        full_at = self._full_at.get(key)
        if full_at is None:
            return 0.0
        wait = full_at + self._each - self._seconds - now
        return wait if wait > 1e-9 else 0.0  # below that it is the rounding of floats

    def _forget_one(self, now: float) -> None:
        oldest = islice(self._full_at.items(), self.LOOKED_AT)
        full = next((key for key, full_at in oldest if full_at <= now), None)
        del self._full_at[full if full is not None else next(iter(self._full_at))]
