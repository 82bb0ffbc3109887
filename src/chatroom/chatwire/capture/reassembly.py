"""One direction of a TCP connection: its bytes in order, from segments in any order."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from chatroom.chatwire.capture.given import Given, unequal
from chatroom.chatwire.passage import Unwanted
from chatroom.chatwire.quick import quick

WAITING_BYTES = 4 * 1024 * 1024
"""How much is kept behind a hole that may yet be filled. More than a receiver's window holds
by default on Linux, so that no sender can have gone on so far without an acknowledgement."""
SECOND = 10**9
"""In nanoseconds, as all times here."""
WAITING_TIME = 60 * SECOND
"""How long a hole is waited for: some five to eight repetitions of a lost segment."""
UNACKNOWLEDGED_TIME = SECOND
"""The same where the other direction is not in the capture, so that nothing is ever
acknowledged: the first repetition comes after 0.2 to 1 s (RFC 6298, 2)."""

LATE_SYN = 64 * 1024
"""How many bytes may be seen before their SYN: packets are captured out of order by a little."""
HALF = 1 << 31
SPACE = 1 << 32


@quick
@dataclass(frozen=True, slots=True)
class Bytes:
    """The next bytes of the direction."""

    content: bytes
    time: int
    """When they, and everything before them that came at all, were here."""


@quick
@dataclass(frozen=True, slots=True)
class Hole:
    """The next bytes of the direction, which the capture does not have."""

    count: int
    time: int
    """When the first thing after them was here, or when they were acknowledged."""


@quick
@dataclass(frozen=True, slots=True)
class Unused:
    """Bytes of a segment that are no part of the direction's bytes."""

    count: int
    time: int
    why: Unwanted


@quick
@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing follows."""

    time: int


Piece = Bytes | Hole | Unused | Finished


@quick
@dataclass(frozen=True, slots=True)
class _Waiting:
    """Bytes beyond a hole. `start` counts on beyond 32 bits."""

    start: int
    content: bytes
    time: int

    @property
    def end(self) -> int:
        return self.start + len(self.content)


def _start(waiting: _Waiting) -> int:
    return waiting.start


class Direction:
    """What one side sent. Sequence numbers wrap around (RFC 9293, 3.4); positions do not.

    A hole is waited for while the receiver has not acknowledged beyond it: until then the
    missing segment may still come, late or once more. After that it did arrive and the
    capture lacks it. Of bytes that come twice the first count; what is not used of others,
    because it differs or comes too late, is told.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        """The first number that is known of it, perhaps from an acknowledgement."""
        self._next: int | None = None
        self._acknowledged: int | None = None
        self._acknowledged_at = 0
        self._waiting: list[_Waiting] = []
        """In order, none overlapping another."""
        self._waiting_bytes = 0
        self._cut: list[tuple[int, int]] = []
        """What was sent and cut off by the capture: where it begins and ends."""
        self._cut_at = 0
        self._fin: int | None = None
        self._fin_at = 0
        self._latest = 0
        self._given = Given()
        self.finished = False

    def begin(self, sequence: int, *, first: bool) -> None:
        """The next byte has this sequence number; `first`: none can be before it."""
        if self._next is None:
            self._next = sequence
            if self._first is None:
                self._first = sequence
            if not first:
                self._given.miss(sequence - HALF, sequence)

    def began_near(self, sequence: int) -> bool:
        """Whether a SYN with this number after it may be the one before what was seen first."""
        return self._first is not None and (self._first - sequence) % SPACE <= LATE_SYN

    @property
    def waits(self) -> bool:
        """Whether something is here that waits for a hole to be filled."""
        return bool(self._waiting) or (self._fin is not None and not self.finished)

    def segment(
        self, sequence: int, payload: bytes, time: int, *, cut: int = 0, fin: bool = False
    ) -> Iterator[Piece]:
        """What is in order now that this segment is here."""
        self.begin(sequence, first=False)
        assert self._next is not None
        start = self._position(sequence)
        end = start + len(payload)
        if payload and start < self._next:
            past = payload[: self._next - start]
            yield from self._past(start, past, time)
            start, payload = start + len(past), payload[len(past) :]
        if self.finished:
            if payload:
                yield Unused(len(payload), time, Unwanted.AFTER_THE_END)
            return
        if payload:
            yield from self._keep(start, payload, time)
        if cut:
            self._cut_off(end, end + cut, time)
        if fin and self._fin is None and end + cut >= self._next:
            self._fin, self._fin_at = end + cut, time
        yield from self.settled(time)

    def at_once(self, sequence: int, payload: bytes, time: int) -> int | None:
        """Take what nearly every segment has: the next bytes, with nothing known behind them.

        When they were here; None where they are to be given to `segment`.
        """
        self.begin(sequence, first=False)
        assert self._next is not None
        if self._next % SPACE != sequence or self._waiting or self._cut:
            return None
        if self.finished or self._fin is not None:
            return None
        return self._give(payload, time).time

    def acknowledge(self, sequence: int, time: int) -> None:
        """The receiver has everything before this sequence number."""
        if self._first is None:
            self._first = sequence
        if self._next is not None:
            position = self._position(sequence)
            if self._acknowledged is None or position > self._acknowledged:
                self._acknowledged, self._acknowledged_at = position, time

    def settled(self, now: int) -> Iterator[Piece]:
        """What is in order, or behind a hole that stays."""
        while not self.finished:
            following = self._following()
            if following is None or not (
                following[0] == self._next or self._stays(*following, now)
            ):
                return
            yield from self._take(*following)

    def finish(self) -> None:
        """What comes from here on is no part of the direction."""
        self.finished = True
        self._given.forget()

    def rest(self) -> Iterator[Piece]:
        """What is left, with its holes, now that nothing more will come."""
        while not self.finished and (following := self._following()) is not None:
            yield from self._take(*following)
        if self._next is None or self.finished:
            return
        reach, when = self._next, self._latest
        if self._cut:
            reach, when = self._cut[-1][1], self._cut_at
        # One number more may be a FIN that was not captured.
        if self._acknowledged is not None and self._acknowledged - reach > 1:
            reach, when = self._acknowledged, self._acknowledged_at
        if reach > self._next:
            yield self._hole(reach, when)

    def _position(self, sequence: int) -> int:
        """The number without wrapping: the one that is nearest to what comes next."""
        assert self._next is not None
        return self._next + (sequence - self._next + HALF) % SPACE - HALF

    def _past(self, start: int, content: bytes, time: int) -> Iterator[Piece]:
        """Bytes before what comes next."""
        if late := self._given.fill(start, start + len(content)):
            yield Unused(late, time, Unwanted.TOO_LATE)
        if len(content) == 1 and start + 1 == self._next:
            return  # keeps the connection alive; its byte may be any (RFC 1122, 4.2.3.6)
        if differing := self._given.unequal(start, content):
            yield Unused(differing, time, Unwanted.DIFFERENT)

    def _keep(self, start: int, content: bytes, time: int) -> Iterator[Piece]:
        """Keep what is new of it."""
        end, at, differing = start + len(content), start, 0
        place = bisect.bisect_right(self._waiting, start, key=_start)
        if place and self._waiting[place - 1].end > start:
            place -= 1
        while at < end:
            known = self._waiting[place] if place < len(self._waiting) else None
            free = end if known is None else min(known.start, end)
            if free > at:
                fresh = _Waiting(at, content[at - start : free - start], time)
                self._waiting.insert(place, fresh)
                self._waiting_bytes += len(fresh.content)
                at, place = free, place + 1
            elif known is not None:
                both = min(known.end, end)
                differing += unequal(
                    content[at - start : both - start],
                    known.content[at - known.start : both - known.start],
                )
                at, place = both, place + 1
        if differing:
            yield Unused(differing, time, Unwanted.DIFFERENT)

    def _cut_off(self, start: int, end: int, time: int) -> None:
        if self._cut and self._cut[-1][0] <= start <= self._cut[-1][1]:
            start = self._cut.pop()[0]
        if not self._cut or start > self._cut[-1][1]:
            self._cut.append((start, end))
            self._cut_at = time

    def _following(self) -> tuple[int, int] | None:
        """Where what is here begins, and when it came."""
        if self._waiting and (self._fin is None or self._waiting[0].start < self._fin):
            return self._waiting[0].start, self._waiting[0].time
        return None if self._fin is None else (self._fin, self._fin_at)

    def _stays(self, end: int, came: int, now: int) -> bool:
        """Whether the hole before what is here stays one."""
        assert self._next is not None
        while self._cut and self._cut[0][1] <= self._next:
            del self._cut[0]
        if self._waiting_bytes > WAITING_BYTES:
            return True
        if self._cut and self._cut[0][0] <= self._next and end <= self._cut[0][1]:
            return True
        if self._acknowledged is None:
            return now - came >= UNACKNOWLEDGED_TIME
        return end <= self._acknowledged or now - came >= WAITING_TIME

    def _take(self, start: int, time: int) -> Iterator[Piece]:
        """What is here, and the hole before it."""
        assert self._next is not None
        if start > self._next:
            yield self._hole(start, time)
        self._latest = max(self._latest, time)
        if self._fin is not None and self._next >= self._fin:
            self.finish()
            yield Finished(self._latest)
            for left in self._waiting:
                yield Unused(len(left.content), left.time, Unwanted.AFTER_THE_END)
            self._waiting.clear()
            return
        waiting = self._waiting.pop(0)
        self._waiting_bytes -= len(waiting.content)
        yield self._give(waiting.content, time)

    def _give(self, content: bytes, time: int) -> Bytes:
        """The next bytes."""
        assert self._next is not None
        self._latest = max(self._latest, time)
        self._given.give(self._next, content)
        self._next += len(content)
        return Bytes(content, self._latest)

    def _hole(self, end: int, time: int) -> Hole:
        """The bytes up to there are missing."""
        assert self._next is not None
        self._given.miss(self._next, end)
        self._latest = max(self._latest, time)
        hole = Hole(end - self._next, self._latest)
        self._next = end
        return hole
