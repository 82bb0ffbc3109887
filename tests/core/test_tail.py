"""The tail, against a plain list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.entry import Entry, Kind
from chatroom.core.tail import Tail, writes


def entry(sequence: int, size: int = 10, *, author: int = 1, kind: Kind = Kind.SAID) -> Entry:
    return Entry(sequence, 0, kind, author, f"{sequence:>{size}}".encode())


sizes = st.lists(st.integers(5, 300), min_size=1, max_size=60)


@given(sizes, st.integers(1, 7), st.integers(400, 4_000), st.integers(50, 1_000))
def test_reading_from_any_cursor_gives_what_a_list_gives(
    lengths: list[int], batch: int, max_bytes: int, chunk_bytes: int
) -> None:
    """From the floor on nothing is missing, repeated or out of order, however it is cut."""
    tail = Tail(0, max_bytes=max_bytes, chunk_bytes=chunk_bytes)
    entries = [entry(number, size) for number, size in enumerate(lengths, 1)]
    for start in range(0, len(entries), batch):
        tail.extend(entries[start : start + batch])
        for cursor in range(tail.floor, tail.newest):
            position, data = cursor, b""
            while position < tail.newest:
                chunk = tail.read(position)
                assert len(chunk.data) <= chunk_bytes or chunk.through == position + 1
                position, data = chunk.through, data + chunk.data
            assert b"".join(e.envelope for e in entries[cursor : tail.newest]) == data


@given(sizes, st.integers(400, 4_000))
def test_the_tail_keeps_to_its_bytes(lengths: list[int], max_bytes: int) -> None:
    """It never holds more envelopes than `max_bytes`, but always the newest entry."""
    tail = Tail(0, max_bytes=max_bytes, chunk_bytes=1_000_000)
    entries = [entry(number, size) for number, size in enumerate(lengths, 1)]
    for one in entries:
        tail.extend([one])
        assert tail.floor < tail.newest
        assert len(tail.read(tail.floor).data) <= max(max_bytes, len(one.envelope))


@given(
    st.lists(st.tuples(st.booleans(), st.integers(5, 200)), max_size=40),
    st.integers(0, 45),
    st.integers(1, 12),
    st.integers(300, 3_000),
)
def test_what_was_said_is_found_or_known_to_be_further_back(
    told: list[tuple[bool, int]], before: int, count: int, max_bytes: int
) -> None:
    """`said` gives exactly what a list gives, or None when the tail does not reach."""
    tail = Tail(0, max_bytes=max_bytes, chunk_bytes=1_000)
    entries = [
        entry(number, size, kind=Kind.SAID if said else Kind.ENTERED)
        for number, (said, size) in enumerate(told, 1)
    ]
    tail.extend(entries)
    before = min(before, len(entries) + 1)
    expected = [e for e in entries if e.kind is Kind.SAID and e.sequence < before][-count:]
    found = tail.said(before, count) if before > tail.floor else None
    if found is None:
        assert tail.floor > 0 or before <= tail.floor
    else:
        assert expected == found


def test_a_gap_is_refused() -> None:
    """A log has no holes: an entry that does not follow is a mistake of ours."""
    tail = Tail(5, max_bytes=1_000, chunk_bytes=1_000)
    with pytest.raises(ValueError, match="do not follow"):
        tail.extend([entry(7)])


def test_reading_below_the_floor_is_refused() -> None:
    """What fell off is the journal's to read."""
    tail = Tail(5, max_bytes=1_000, chunk_bytes=1_000)
    tail.extend([entry(6)])
    with pytest.raises(ValueError, match="cursor 4"):
        tail.read(4)


def test_one_reader_is_read_to_apart_up_to_its_last_sequence() -> None:
    """Own words left out, nothing above the last; the shared chunk is untouched."""
    tail = Tail(0, max_bytes=1_000, chunk_bytes=1_000)
    tail.extend([entry(1, author=7), entry(2), entry(3, author=7), entry(4)])
    assert (entry(2).envelope, 3) == tail.read_apart(0, 7, 3)
    assert (b"", 2) == tail.read_apart(2, 7, 2)
    assert 4 == tail.read(0).through


@given(sizes, st.integers(10, 500))
def test_writes_keep_order_and_size(lengths: list[int], size: int) -> None:
    """Every entry once, in order; a write is larger than asked only for a single entry."""
    entries = [entry(number, length) for number, length in enumerate(lengths, 1)]
    parts = list(writes(entries, size))
    assert b"".join(e.envelope for e in entries) == b"".join(parts)
    largest = max(len(e.envelope) for e in entries)
    assert all(len(part) <= max(size, largest) for part in parts)


def test_readers_at_many_places_do_not_make_it_keep_many_chunks() -> None:
    """Whoever reads from everywhere costs the joining, not the memory."""
    tail = Tail(0, max_bytes=1 << 20, chunk_bytes=1_000)
    tail.extend([entry(sequence) for sequence in range(1, 201)])
    for cursor in range(200):
        assert tail.read(cursor).through > cursor
    assert len(tail._chunks) <= 16
    assert tail.read(199) is tail.read(199)
