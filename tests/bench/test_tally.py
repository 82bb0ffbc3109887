"""Messages are counted exactly, however the bytes that hold them are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.tally import MARKER, Tally

PARTS = st.sampled_from([MARKER, MARKER[:1], MARKER[:7], MARKER[:11] + b"x", b".", b"\0" * 20])


@given(st.lists(PARTS, max_size=20), st.lists(st.sampled_from([1, 2, 11, 12, 13, 40]), min_size=1))
def test_every_cut_counts_the_same(parts: list[bytes], cuts: list[int]) -> None:
    """A marker is found wherever pieces begin and end; what is around a piece is not looked at."""
    octets = b"".join(parts)
    tally = Tally()
    at = 0
    while at < len(octets):
        size = cuts[at % len(cuts)]
        piece = octets[at : at + size]
        tally.take(bytearray(MARKER[:5] + piece + MARKER[-5:]), 5, 5 + len(piece))
        at += size
    assert octets.count(MARKER) == tally.count


def test_the_age_of_a_message_is_that_of_its_stamp() -> None:
    """The stamp is the time of sending, in hexadecimal nanoseconds."""
    tally = Tally()
    tally.latencies = []
    octets = bytearray(MARKER + b"%016x" % 1)
    tally.take(octets, 0, len(octets))
    (age,) = tally.latencies
    assert age > 0
