"""Signatures: which part of a log may have a word, in a few bits a word.

A segment is entries of one room that follow each other, in up to 64 slots of some 4,000 bytes. Of
each word it has six slices, which the word's hash chooses among many: a slice is a number with a
bit for each slot. A slot that has the word has its bit in all six; one that has not, in one of
two hundred cases (a Bloom filter, cut the other way). Slices are stored in parts, each of which is
a page of the file, and all slices of a word are in one part. So whether a word is somewhere in
256 KiB of messages is told by one page.

No word can be read out of it, but guessed: whoever has it can ask for each word of a dictionary.
So it goes with a text that is withdrawn, and hashes depend on a salt that is kept apart: what is
left of deleted slices in the file says nothing. What is on disk: `segments`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b

SLOTS = 64
"""Of a segment: bits of a slice."""
SLOT_BYTES = 3_000
"""Of blocks in a slot, at least. In a room where much is said at once a block has 4,000: then a
slot is a block."""
MOST_PARTS = 16
_LEAST_BYTES = 30_000
"""Of blocks for each part. What has more words than fit is searched all the same, but more slots
are read in vain: an index needs a seventh of what it is of at most."""
SLICES = 500
"""In a part, which is a page of SQLite's."""
SALT_BYTES = 16
_TERMS = 40
"""Of a slot, in one part: then nearly two of five bits are set."""
_SLICE = struct.Struct("<Q")
_PART = struct.Struct(f"<{SLICES}Q")
_HASH = struct.Struct("<7H")
_AT_ONCE = 250
"""Words of which bits are set in one step: half a millisecond."""


def place(term: str, salt: bytes, parts: int) -> tuple[int, tuple[int, ...]]:
    """The part that a term is in, and its slices there."""
    octets = blake2b(salt + term.encode(), digest_size=_HASH.size).digest()
    part, a, b, c, d, e, f = _HASH.unpack(octets)
    return part % parts, (
        a % SLICES, b % SLICES, c % SLICES, d % SLICES, e % SLICES, f % SLICES,
    )  # fmt: skip


def parts_for(pairs: int, slots: int, size: int) -> int:
    """How many parts a segment needs of so many slots and bytes, with so many terms together."""
    return max(1, min(-(-pairs // (slots * _TERMS)), size // _LEAST_BYTES, MOST_PARTS))


def slots_with(part: bytes, slices: Iterable[int]) -> int:
    """The slots, one bit each, that have all of these slices."""
    found = -1
    for at in slices:
        (slots,) = _SLICE.unpack_from(part, at * 8)
        found &= slots
    return found


class Signing:
    """Makes the signature of a segment, a slot after the other."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        """By term: in which it is, one bit each."""
        self._pairs = 0
        self._size = 0
        self.slots = 0

    def add(self, terms: Iterable[str], size: int) -> None:
        """The next slot, what is in it, and its bytes."""
        self._size += size
        bit = 1 << self.slots
        self.slots += 1
        there = self._slots
        count = 0
        for term in terms:
            there[term] = there.get(term, 0) | bit
            count += 1
        self._pairs += count

    def parts(self, salt: bytes) -> Iterator[list[bytes]]:
        """The parts of it, in the end; before that nothing, some times, after a piece of work."""
        count = parts_for(self._pairs, self.slots, self._size)
        parts = [[0] * SLICES for _ in range(count)]
        unpack, size = _HASH.unpack, _HASH.size
        # As `place` says, in half of the time: this is the most of what indexing costs.
        for number, (term, slots) in enumerate(self._slots.items(), 1):
            octets = blake2b(salt + term.encode(), digest_size=size).digest()
            part, a, b, c, d, e, f = unpack(octets)
            slices = parts[part % count]
            slices[a % SLICES] |= slots
            slices[b % SLICES] |= slots
            slices[c % SLICES] |= slots
            slices[d % SLICES] |= slots
            slices[e % SLICES] |= slots
            slices[f % SLICES] |= slots
            if not number % _AT_ONCE:
                yield []
        yield [_PART.pack(*slices) for slices in parts]
