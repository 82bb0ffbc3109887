"""Bytes of one direction on their way out: delayed, or slowly."""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatroom.chatwire.passage import How, Mark

if TYPE_CHECKING:
    from chatroom.chatwire.faults.kinds import Delay

TICK = 0.02
"""Seconds between two portions of a throttled direction, at least where that is a byte."""
DELAYED_BYTES = 16 << 20
"""That wait for a delay; above that the sender is not read."""
THROTTLED_BYTES = 64 * 1024
"""The same where a rate is the reason: then waiting is the point, and must reach the sender."""


@dataclass(slots=True)
class Portion:
    """Bytes with their marks, and when they may go."""

    content: bytes
    marks: tuple[Mark, ...]
    came: float
    ready: float
    held: str = ""
    """The rule that delays them."""


class Shaping:
    """A queue that keeps the order. Without rules everything leaves as it comes."""

    def __init__(
        self, delays: list[tuple[str, Delay, random.Random]], rates: list[tuple[str, int]]
    ) -> None:
        """Rules by their text; of several rates the lowest counts, delays add up."""
        self._delays = delays
        self._rule, self._rate = min(rates, key=lambda each: each[1], default=("", 0))
        self._queue: deque[Portion] = deque()
        self._free = 0.0
        """When the next portion may go, as the rate has it."""
        self._latest = 0.0
        self.waiting = 0
        """Bytes that have not gone."""

    @property
    def active(self) -> bool:
        """Whether anything ever waits in it."""
        return bool(self._delays or self._rate)

    @property
    def full(self) -> bool:
        """Whether no more should be read."""
        return self.waiting >= (THROTTLED_BYTES if self._rate else DELAYED_BYTES)

    def put(self, content: bytes, marks: tuple[Mark, ...], now: float) -> None:
        """Bytes that are to go."""
        if not self._delays:
            self._queue.append(Portion(content, marks, now, now))
        else:
            added = sum(
                one.seconds + (dice.uniform(-one.jitter, one.jitter) if one.jitter else 0.0)
                for _, one, dice in self._delays
            )
            self._latest = max(self._latest, now + max(added, 0.0))  # never before the ones before
            rule = self._delays[0][0]
            self._queue.append(Portion(content, marks, now, self._latest, rule))
        self.waiting += len(content)

    def take(self, now: float) -> list[tuple[bytes, tuple[Mark, ...]]]:
        """What may go now."""
        gone: list[tuple[bytes, tuple[Mark, ...]]] = []
        queue = self._queue
        while queue and queue[0].ready <= now and (not self._rate or self._free <= now):
            portion = queue[0]
            most = max(int(self._rate * TICK), 1) if self._rate else len(portion.content)
            if len(portion.content) <= most:
                queue.popleft()
                piece = portion
            else:
                piece, queue[0] = _parted(portion, most)
            self.waiting -= len(piece.content)
            if self._rate:
                self._free = max(self._free, now) + len(piece.content) / self._rate
            gone.append((piece.content, self._marked(piece, now)))
        return gone

    def flush(self) -> list[tuple[bytes, tuple[Mark, ...]]]:
        """Everything that waits, at once."""
        gone = [(one.content, one.marks) for one in self._queue]
        self.clear()
        return gone

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()
        self.waiting = 0

    @property
    def timer(self) -> float:
        """When there may be something to take."""
        if not self._queue:
            return math.inf
        return max(self._queue[0].ready, self._free if self._rate else 0.0)

    def _marked(self, portion: Portion, now: float) -> tuple[Mark, ...]:
        """The marks; where there is none and they have waited, one over everything."""
        rule = portion.held or (self._rule if self._rate and now > portion.came else "")
        if not rule:
            return portion.marks
        note = f"{now - portion.came:.3f} s"
        marks: list[Mark] = []
        place = 0
        for mark in portion.marks:
            if place < mark.begin:
                marks.append(Mark(begin=place, end=mark.begin, how=How.HELD, rule=rule, note=note))
            marks.append(mark)
            place = mark.end
        if place < (size := len(portion.content)):
            marks.append(Mark(begin=place, end=size, how=How.HELD, rule=rule, note=note))
        return tuple(marks)


def _parted(portion: Portion, at: int) -> tuple[Portion, Portion]:
    """The same in two; a mark over the place is in both."""
    first = tuple(
        replace(mark, end=min(mark.end, at), unsent=0 if mark.end > at else mark.unsent)
        for mark in portion.marks
        if mark.begin < at
    )
    second = tuple(
        replace(mark, begin=max(mark.begin - at, 0), end=mark.end - at)
        for mark in portion.marks
        if mark.end > at
    )
    return (
        replace(portion, content=portion.content[:at], marks=first),
        replace(portion, content=portion.content[at:], marks=second),
    )
