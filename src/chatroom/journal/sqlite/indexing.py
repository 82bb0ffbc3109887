"""How a room's log gets its signatures: in steps, in the writer's thread, when it has time.

Nothing else keeps how far it is: what has no segment is not indexed. So where a segment goes, since
one of its messages was withdrawn, a later step makes it anew. The newest entries have none until
they fill one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing

from chatroom.core.query import terms_of
from chatroom.journal.port import Spoken

from . import segments
from .blocks import FROM, Block, block_of
from .signatures import SALT_BYTES, SLOT_BYTES, SLOTS, Signing
from .statements import not_waited_for, transaction
from .writer import Writer

STEP_SECONDS = 0.002
_BLOCKS_AT_ONCE = 4
"""Read in one piece of work."""
_BYTES = "SELECT length(entries) FROM block WHERE room = ? AND first >= ? ORDER BY first"
_OLDEST = "SELECT oldest FROM room WHERE key = ? AND NOT closed"


class Indexing:
    """Indexes rooms, one after the other."""

    def __init__(self, keys: Iterable[int], spoken: Spoken) -> None:
        self._keys = list(keys)
        self._spoken = spoken
        self._work: Iterator[None] | None = None

    def step(self, writer: Writer) -> bool:
        """Do some of it, for two milliseconds; whether there may be more to do."""
        if self._work is None:
            self._work = self._all(writer)
        end = time.perf_counter() + STEP_SECONDS
        return any(time.perf_counter() >= end for _ in self._work)

    def _all(self, writer: Writer) -> Iterator[None]:
        """Nothing is open in the file where it yields: something else may be written then."""
        for key in self._keys:
            yield from self._room(writer, key)

    def _room(self, writer: Writer, key: int) -> Iterator[None]:
        yield
        (at,) = writer.connection.execute(_OLDEST, (key,)).fetchone() or (0,)
        while at:
            segment = segments.next_from(writer.connection, key, at)
            if segment is None or segment.first > at:
                end = segment.first if segment else writer.newest(key) + 1
                if segment is None and not _fill_one(writer, key, at):
                    return
                at = yield from self._segment(writer, key, at, end, whole=segment is None)
            elif segment.slots:
                at = segment.end
            else:
                with not_waited_for(writer.connection), transaction(writer.connection):
                    segments.forget(writer.connection, "key = ?", segment.key)
                writer.index_bytes = segments.size(writer.connection)
            yield

    def _segment(
        self, writer: Writer, key: int, first: int, end: int, *, whole: bool
    ) -> Generator[None, None, int]:
        """Index entries from one on; where to go on, 0: nowhere.

        If `whole`, only if they fill a segment.
        """
        replaced = writer.replaced
        slots = _Slots(first)
        while slots.at < end and not slots.full:
            rows = writer.connection.execute(FROM, (key, slots.at, _BLOCKS_AT_ONCE)).fetchall()
            was = slots.at
            for block in filter(None, map(block_of, rows)):
                if not slots.full:
                    slots.add(block, end, self._spoken)
                    yield
            if slots.at == was:  # what is there is damaged, and is found by nobody
                slots.at = max([was + 1, *[row[1] + 1 for row in rows]]) if rows else end
        if not slots.full:
            if whole:
                return 0
            slots.cut()
        salt = secrets.token_bytes(SALT_BYTES)
        parts: list[bytes] = []
        for parts in slots.signing.parts(salt):  # noqa: B007  the last one has all
            yield
        connection = writer.connection
        if writer.newest_open(key) is None:
            return 0
        if writer.replaced != replaced:  # perhaps one of these
            return first
        with not_waited_for(connection), transaction(connection):
            writer.index_bytes += segments.store(connection, key, first, slots.ends, salt, parts)
        return slots.ends[-1]


class _Slots:
    """The slots of a segment that is made."""

    def __init__(self, first: int) -> None:
        self.at = first
        """The sequence of the next entry."""
        self.signing = Signing()
        self.ends: list[int] = []
        self._terms: set[str] = set()
        self._size = 0

    @property
    def full(self) -> bool:
        """Whether there are all."""
        return len(self.ends) == SLOTS

    def add(self, block: Block, end: int, spoken: Spoken) -> None:
        """The entries of a block, from the next one on, below `end`.

        A slot ends where a block does: then whoever reads it reads no other one.
        """
        for envelope in block.said(self.at, end):
            self._terms.update(terms_of(*spoken(envelope)))
        self.at = min(block.end, end)
        self._size += len(block.octets)
        if self._size >= SLOT_BYTES:
            self.cut()

    def cut(self) -> None:
        """End a slot here."""
        self.ends.append(self.at)
        self.signing.add(self._terms, self._size)
        self._terms, self._size = set(), 0


def _fill_one(writer: Writer, key: int, first: int) -> bool:
    """Whether there is so much from an entry on that it fills a segment."""
    size = slots = 0
    with closing(writer.connection.execute(_BYTES, (key, first))) as rows:
        for (octets,) in rows:
            size += octets
            if size >= SLOT_BYTES:
                size, slots = 0, slots + 1
            if slots == SLOTS:
                return True
    return False
