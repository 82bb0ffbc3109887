"""Counting messages exactly in what a member receives, and how old each is.

Every message of a workload holds `MARKER` once and nothing else on the wire does, so
the messages in a piece of a stream are counted by counting markers. A marker that
two pieces share is found by looking at the joint between them.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT_BYTES = 64
MARKER = b"|~~~~~~~~~~~"
"""No end of it is also its beginning, so no two occurrences overlap."""
LONG = len(MARKER)
FIRST = MARKER[0]
"""Nowhere else in it."""
STAMP = 16
"""Hexadecimal digits of the nanoseconds (`time.monotonic_ns`) that follow the marker."""
BEFORE_STAMP = MARKER
AFTER_STAMP = b"." * (TEXT_BYTES - LONG - STAMP)

_STAMPED = re.compile(re.escape(MARKER) + b"([0-9a-f]{%d})" % STAMP)


class Tally:
    """What has come to one member."""

    __slots__ = ("_carry", "count", "landed", "latencies")

    def __init__(self) -> None:
        self.count = 0
        self.landed: Callable[[int], None] | None = None
        """Told how many messages came, of an observer."""
        self.latencies: list[int] | None = None
        """Nanoseconds from sending to receiving, of a sampled member."""
        self._carry = b""
        """The end of the stream so far, if a marker may have begun there."""

    def take(self, buffer: bytearray, start: int, stop: int) -> None:
        """Count what the next piece, `buffer[start:stop]`, holds or completes."""
        found = buffer.count(MARKER, start, stop)
        if self._carry:
            found += self._joined(buffer, start, stop)
        elif (begun := buffer.find(FIRST, max(start, stop - LONG + 1), stop)) >= 0:
            self._carry = bytes(buffer[begun:stop])
        if found:
            self.count += found
            if self.latencies is not None:
                self._sample(self.latencies, buffer, start, stop)
            if self.landed is not None:
                self.landed(found)

    def _joined(self, buffer: bytearray, start: int, stop: int) -> int:
        """How many markers, one or none, began before this piece and end in it."""
        joint = self._carry + buffer[start : min(stop, start + LONG - 1)]
        tail = buffer[stop - LONG + 1 : stop] if stop - start >= LONG else joint[1 - LONG :]
        begun = tail.find(FIRST)
        self._carry = bytes(tail[begun:]) if begun >= 0 else b""
        return int(MARKER in joint)

    def _sample(self, latencies: list[int], buffer: bytearray, start: int, stop: int) -> None:
        """Note the age of every message but those whose stamp two pieces share."""
        now = time.monotonic_ns()
        latencies.extend(now - int(stamp, 16) for stamp in _STAMPED.findall(buffer, start, stop))
