"""The time of day, as far as it can be believed."""

from __future__ import annotations

from collections.abc import Callable

NS = 1_000_000_000
AHEAD_NS = 2 * NS
"""A wall clock that runs further ahead of the monotonic one than this is doubted."""
DOUBT_NS = 5 * NS
"""For so long; if it still says the same then, it is believed."""


class Clock:
    """ns since 1970 by a wall clock; where that jumps ahead, at first by the monotonic one.

    Time within a room never goes back (`Log.stamp`), so an hour too many, taken from a clock
    that is set right a moment later, would stay in the log until that hour is over. A jump
    that is taken back within `DOUBT_NS` leaves no trace. A jump back is believed at once: it
    is the room that holds its time then. Steps of up to `AHEAD_NS` are followed at once too.
    """

    __slots__ = ("_ahead", "_monotonic", "_offset", "_since", "_wall")

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], float]) -> None:
        """`wall` is in ns since 1970, `monotonic` in seconds from wherever."""
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - self._elapsed()
        """Of the wall clock from the monotonic one, as it is believed."""
        self._ahead: int | None = None
        """The offset that is doubted, and since when by the monotonic clock."""
        self._since = 0

    def _elapsed(self) -> int:
        return int(self._monotonic() * NS)

    def __call__(self) -> int:
        """The time now."""
        wall, elapsed = self._wall(), self._elapsed()
        offset = wall - elapsed
        if offset - self._offset > AHEAD_NS:
            if self._ahead is None or abs(offset - self._ahead) > AHEAD_NS:
                self._ahead, self._since = offset, elapsed
            if elapsed - self._since < DOUBT_NS:
                return self._offset + elapsed
        self._ahead = None
        self._offset = offset
        return wall
