"""The tail: the newest entries of a room, in memory up to a number of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .entry import Entry, Kind

_ENTRY_OVERHEAD = 120
"""Bytes that an entry costs beside its envelope (measured with sys.getsizeof)."""


_MOST_CHUNKS = 16
"""Cursors whose chunk is kept joined; readers are at few, unless somebody wants them not to."""


@dataclass(slots=True, frozen=True)
class Chunk:
    """Consecutive entries joined for one write; shared by all readers at one cursor."""

    data: bytes
    through: int
    """The cursor after it: the sequence of its last entry."""
    authors: frozenset[int]
    """Who said something in it."""


def joined(entries: Sequence[Entry]) -> Chunk:
    """Join entries, at least one, for one write."""
    return Chunk(
        b"".join([entry.envelope for entry in entries]),
        entries[-1].sequence,
        frozenset([entry.author for entry in entries if entry.kind is Kind.SAID]),
    )


def without(entries: Iterable[Entry], author: int) -> bytes:
    """Join entries, leaving out what `author` said."""
    return b"".join(
        [
            entry.envelope
            for entry in entries
            if entry.author != author or entry.kind is not Kind.SAID
        ]
    )


def writes(entries: Sequence[Entry], size: int) -> Iterator[bytes]:
    """Join entries for writes of up to `size` bytes, at least one entry each."""
    part: list[bytes] = []
    part_size = 0
    for entry in entries:
        if part and part_size + len(entry.envelope) > size:
            yield b"".join(part)
            part, part_size = [], 0
        part.append(entry.envelope)
        part_size += len(entry.envelope)
    if part:
        yield b"".join(part)


class Tail:
    """The newest entries of one room.

    It exists to keep one fact: every reader at the same cursor is handed the same
    bytes object, joined once. What falls off its front is read from the journal.
    """

    __slots__ = ("_bytes", "_chunk_bytes", "_chunks", "_entries", "_max_bytes", "newest")

    def __init__(self, newest: int, *, max_bytes: int, chunk_bytes: int) -> None:
        """Begin empty, after the entry `newest` (0: the room has none yet)."""
        self.newest = newest
        self._entries: list[Entry] = []
        self._bytes = 0
        self._max_bytes = max_bytes
        self._chunk_bytes = chunk_bytes
        self._chunks: dict[int, Chunk] = {}

    @property
    def floor(self) -> int:
        """The lowest cursor that can be read from here."""
        return self.newest - len(self._entries)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add the entries that follow `newest`, and drop the oldest above the bound."""
        newest = self.newest + len(entries)
        sequences = [entry.sequence for entry in entries]
        if sequences != list(range(self.newest + 1, newest + 1)):
            raise ValueError(f"entries {sequences} do not follow {self.newest}")
        self.newest = newest
        kept = self._entries
        kept.extend(entries)
        self._chunks.clear()
        size = sum([len(entry.envelope) for entry in entries]) + _ENTRY_OVERHEAD * len(entries)
        surplus = self._bytes + size - self._max_bytes
        self._bytes += size
        if surplus > 0:
            drop = freed = 0
            most = len(kept) - 1
            while freed < surplus and drop < most:
                freed += len(kept[drop].envelope) + _ENTRY_OVERHEAD
                drop += 1
            self._bytes -= freed
            del kept[:drop]

    def replace(self, entry: Entry) -> None:
        """Another entry in the place of its sequence, if that is here."""
        index = entry.sequence - self.floor - 1
        if 0 <= index < len(self._entries):
            self._bytes += len(entry.envelope) - len(self._entries[index].envelope)
            self._entries[index] = entry
            self._chunks.clear()

    def restart(self, newest: int) -> None:
        """Begin anew after an entry: what is between is read from the journal."""
        self.clear()
        self.newest = newest

    def clear(self) -> None:
        """Drop all entries; whoever comes later reads them from the journal."""
        self._entries.clear()
        self._chunks.clear()
        self._bytes = 0

    def read(self, cursor: int) -> Chunk:
        """What follows `cursor`, up to `chunk_bytes` (at least one entry).

        Requires floor <= cursor < newest.
        """
        chunk = self._chunks.get(cursor)
        if chunk is None:
            chunk = joined(self._following(cursor))
            if len(self._chunks) >= _MOST_CHUNKS:
                del self._chunks[next(iter(self._chunks))]
            self._chunks[cursor] = chunk
        return chunk

    def read_apart(
        self, cursor: int, author: int, through: int | None, size: int | None = None
    ) -> tuple[bytes, int]:
        """As `read`, for one reader: without what `author` said, and nothing above `through`.

        `size`: bytes that it can take now, if those are fewer. Returns the bytes, which may be
        none, and the cursor after them.
        """
        entries = self._following(cursor, size)
        if through is not None:
            del entries[max(through - cursor, 0) :]
        if not entries:
            return b"", cursor
        return without(entries, author), entries[-1].sequence

    def said(self, before: int, count: int) -> list[Entry] | None:
        """The newest `count` things said below the sequence `before`, oldest first.

        None when the tail does not reach back far enough to know them.
        """
        found: list[Entry] = []
        floor = self.floor
        for index in range(before - floor - 2, -1, -1):
            entry = self._entries[index]
            if entry.kind is Kind.SAID or entry.kind is Kind.WITHDRAWN:
                found.append(entry)
                count -= entry.kind is Kind.SAID
                if not count:
                    break
        else:
            if floor > 0:
                return None
        found.reverse()
        return found

    def _following(self, cursor: int, most: int | None = None) -> list[Entry]:
        most = self._chunk_bytes if most is None else min(most, self._chunk_bytes)
        floor = self.floor
        if not floor <= cursor < self.newest:
            raise ValueError(f"cursor {cursor} is not within {floor} to {self.newest - 1}")
        start = cursor - floor
        size = 0
        end = start
        entries = self._entries
        for end in range(start, len(entries)):
            size += len(entries[end].envelope)
            if size > most and end > start:
                end -= 1
                break
        return entries[start : end + 1]
