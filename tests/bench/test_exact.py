"""Every server delivers every message once and in order, and the load generator would notice."""

from __future__ import annotations

import pytest

from bench.builds import UnavailableError
from bench.contestants import Contest, Journal, crowd
from bench.exact import NumberedTally, faults
from bench.peers.limit import Limit
from bench.servers import started, temporary
from bench.tally import MARKER

from .tried import tried, unavailable

MESSAGES = 200
FAULTY = 57


@pytest.mark.parametrize("peer", tried())
def test_every_member_has_every_message_once_and_in_order(peer: str) -> None:
    """By the number in each message, with two rooms at once."""
    contest = Contest(Journal())
    try:
        contest.prepare(peer)
    except UnavailableError as reason:
        unavailable(reason)
    with contest.running(peer) as server, crowd(peer, server.port) as members:
        assert [] == faults(members, rooms=2, members=4, messages=MESSAGES)


@pytest.mark.parametrize(
    ("fault", "had"),
    [("drop", MESSAGES - 1), ("repeat", MESSAGES + 1), ("swap", MESSAGES)],
)
def test_one_wrong_message_is_noticed(fault: str, had: int) -> None:
    """The control: one of them is lost, comes twice, or after its successor, at one member."""
    peer = Limit(fault, FAULTY)
    try:
        peer.prepare()
    except UnavailableError as reason:
        unavailable(reason)
    with temporary() as directory, started(peer.program(directory), directory) as server:
        members = peer.crowd(server.port)
        try:
            (found,) = faults(members, rooms=1, members=4, messages=MESSAGES, patience=2)
        finally:
            members.loop.close()
    place, wrong = (FAULTY + 1, FAULTY) if fault == "repeat" else (FAULTY, FAULTY + 1)
    assert found.startswith(f"member 1 of exact-0: {had} messages for {MESSAGES}; ")
    assert f"from place {place} on [{wrong}, " in found


@pytest.mark.parametrize("size", [1, 5, 27, 28, 29, 1000])
def test_numbers_are_read_however_they_are_cut(size: int) -> None:
    """Each once, in the order of coming."""
    octets = b"".join(b"x%b%016x." % (MARKER, number) for number in range(20))
    tally = NumberedTally()
    for at in range(0, len(octets), size):
        piece = octets[at : at + size]
        tally.take(bytearray(piece), 0, len(piece))
    assert list(range(20)) == tally.numbers
    assert 20 == tally.count
