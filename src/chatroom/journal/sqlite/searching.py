"""A search in one room, in pieces, in the reader's thread.

Whether a message is found depends on its text alone. Where a part of the log has a signature, that
tells which slots need not be read; the rest is read as it is.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from chatroom.core.entry import Entry, Kind
from chatroom.core.query import Query
from chatroom.journal.port import Found, Spoken

from . import segments
from .damage import is_damage
from .reader import Reader
from .segments import Segment

PIECE_SECONDS = 0.003
_AT_ONCE = 64
"""Entries read at once where nothing is indexed."""
_SEGMENTS = 16
"""Of which it is read at once what they are: about a page."""


class Searching:
    """One that is under way: the newest messages below a sequence, the newest first."""

    def __init__(
        self, key: int, query: Query, spoken: Spoken, here: Sequence[Entry], before: int, count: int
    ) -> None:
        """`here`: the room's newest entries, which the tables may not have yet."""
        self._key = key
        self._query = query
        self._terms = sorted(query.terms)
        self._spoken = spoken
        self._below = min(before, here[0].sequence) if here else before
        self._count = count
        self._found: list[Entry] = []
        self._done = count <= 0
        self._work: Iterator[range | Sequence[Entry]] = _parts(here, before)
        self._segments: list[Segment] = []
        """The next ones, the newest last; forgotten after each step, since one may go."""
        self.unindexed = 0
        """Entries that were read where the tables have no signature."""

    @property
    def found(self) -> Found:
        """What it has found."""
        return Found(self._found[: self._count], more=len(self._found) > self._count)

    def step(self, reader: Reader) -> bool:
        """Search some of the log; whether there is more to do."""
        end = time.perf_counter() + PIECE_SECONDS
        newest = reader.newest(self._key)  # before the read begins: so far it sees everything
        self._segments.clear()
        with reader.moment():
            oldest = reader.oldest(self._key)
            self._below = min(self._below, newest + 1)
            while not self._done and time.perf_counter() < end:
                part = next(self._work, None)
                if part is None:
                    self._work = self._next(reader, oldest)
                elif isinstance(part, range):
                    kept = range(part[0], max(part[-1], oldest) - 1, -1)
                    if kept and self._may_have(reader, kept):
                        self._look(reader.entries(self._key, kept))
                else:
                    self._look(part)
        return not self._done

    def _look(self, entries: Iterable[Entry]) -> None:
        finds, spoken = self._query.finds, self._spoken
        for entry in entries:
            if entry.kind is Kind.SAID and finds(*spoken(entry.envelope)):
                self._found.append(replace(entry, nonce="") if entry.nonce else entry)
                if len(self._found) > self._count:
                    self._done = True
                    return

    def _may_have(self, reader: Reader, wanted: range) -> bool:
        """Whether one of these entries is found, or they cannot all be read in the short way.

        It is three times as fast as making entries of what is read, which mostly is not found.
        """
        finds, spoken = self._query.finds, self._spoken
        below = wanted[0] + 1
        for block in reader.blocks(self._key, wanted):
            if block is None or block.end < below:
                return True
            for envelope in block.said(max(block.first, wanted[-1]), below):
                if finds(*spoken(envelope)):
                    return True
            below = block.first
        return below > wanted[-1]

    def _next(self, reader: Reader, oldest: int) -> Iterator[range | Sequence[Entry]]:
        """What to read next, downwards: of a segment, or of what is above it."""
        below = self._below
        if below <= oldest:
            self._done = True
            return iter(())
        try:
            segment = self._segment(reader, below)
            if segment is not None and segment.slots and segment.end >= below:
                self._below = segment.first
                slots = segments.slots_that_may_have(reader.connection, segment, self._terms)
                return segment.ranges(slots, below)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            segment = None
        self._below = oldest
        if segment is not None:
            self._below = max(segment.first if segment.end >= below else segment.end, oldest)
        self.unindexed += below - self._below
        return _runs(self._below, below)

    def _segment(self, reader: Reader, below: int) -> Segment | None:
        """The newest one that has entries below a sequence."""
        while self._segments and self._segments[-1].first >= below:
            self._segments.pop()
        if not self._segments:
            newest_first = segments.below(reader.connection, self._key, below, _SEGMENTS)
            self._segments = newest_first[::-1]
        return self._segments[-1] if self._segments else None


def _parts(entries: Sequence[Entry], before: int) -> Iterator[Sequence[Entry]]:
    below = [entry for entry in reversed(entries) if entry.sequence < before]
    for at in range(0, len(below), _AT_ONCE):
        yield below[at : at + _AT_ONCE]


def _runs(first: int, below: int) -> Iterator[range]:
    for end in range(below, first, -_AT_ONCE):
        yield range(end - 1, max(end - _AT_ONCE, first) - 1, -1)
