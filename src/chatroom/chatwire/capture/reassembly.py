"""One direction of a TCP connection: its bytes in order, from segments in any order."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

WAITING_BYTES = 4 * 1024 * 1024
"""How much is kept behind a hole that may yet be filled. More than a receiver's window holds
by default on Linux, so that no sender can have gone on so far without an acknowledgement."""

HALF = 1 << 31
SPACE = 1 << 32


@dataclass(frozen=True, slots=True)
class Bytes:
    """The next bytes of the direction."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Hole:
    """The next bytes of the direction, which the capture does not have."""

    count: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing follows."""


Piece = Bytes | Hole | Finished


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A segment beyond a hole. `start` counts on beyond 32 bits."""

    start: int
    content: bytes
    cut: int
    fin: bool


class Direction:
    """What one side sent. Sequence numbers wrap around (RFC 9293, 3.4); positions do not.

    A hole is waited for while the receiver has not acknowledged beyond it: until then the
    missing segment may still come, late or once more. After that it did arrive and the
    capture lacks it.
    """

    def __init__(self) -> None:
        self._next: int | None = None
        self._acknowledged: int | None = None
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self.finished = False

    def begin(self, sequence: int) -> None:
        """The next byte has this sequence number."""
        if self._next is None:
            self._next = sequence

    def segment(
        self, sequence: int, payload: bytes, *, cut: int = 0, fin: bool = False
    ) -> Iterator[Piece]:
        """What is in order now that this segment is here. Repeated bytes give nothing."""
        if self.finished:
            return
        self.begin(sequence)
        start = self._position(sequence)
        if payload or cut or fin:
            self._keep(_Waiting(start, payload, cut, fin))
        yield from self._in_order()

    def acknowledge(self, sequence: int) -> None:
        """The receiver has everything before this sequence number."""
        if self._next is not None:
            position = self._position(sequence)
            if self._acknowledged is None or position > self._acknowledged:
                self._acknowledged = position

    def rest(self) -> Iterator[Piece]:
        """What is left, with its holes, now that nothing more will come."""
        while self._waiting and not self.finished:
            yield from self._over_the_hole()
        if self._next is not None and self._acknowledged is not None and not self.finished:
            # One number more may be a FIN that was not captured.
            lacking = self._acknowledged - self._next
            if lacking > 1:
                self._next = self._acknowledged
                yield Hole(lacking)

    def _position(self, sequence: int) -> int:
        """The number without wrapping: the one that is nearest to what comes next."""
        assert self._next is not None
        return self._next + (sequence - self._next + HALF) % SPACE - HALF

    def _keep(self, segment: _Waiting) -> None:
        bisect.insort(self._waiting, segment)
        self._waiting_bytes += len(segment.content)

    def _in_order(self) -> Iterator[Piece]:
        while self._waiting and not self.finished:
            start = self._waiting[0].start
            assert self._next is not None
            if start <= self._next:
                yield from self._take()
            elif self._waiting_bytes > WAITING_BYTES or (
                self._acknowledged is not None and start <= self._acknowledged
            ):
                yield from self._over_the_hole()
            else:
                return

    def _over_the_hole(self) -> Iterator[Piece]:
        start = self._waiting[0].start
        assert self._next is not None
        if start > self._next:
            yield Hole(start - self._next)
            self._next = start
        yield from self._take()

    def _take(self) -> Iterator[Piece]:
        """The first waiting segment, which begins at or before what comes next."""
        segment = self._waiting.pop(0)
        self._waiting_bytes -= len(segment.content)
        assert self._next is not None
        fresh = segment.content[self._next - segment.start :]
        if fresh:
            self._next += len(fresh)
            yield Bytes(fresh)
        end = segment.start + len(segment.content) + segment.cut
        if segment.cut and end > self._next:
            yield Hole(end - self._next)
            self._next = end
        if segment.fin and end == self._next:
            self.finished = True
            self._waiting.clear()
            yield Finished()
