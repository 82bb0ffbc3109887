"""The load generator's self-test: every member has every message exactly once, in order.

While a workload is measured, messages are only counted. Here each holds its number in place of
the time, and each member's numbers are read.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from bench.http2_streams import Stream
from bench.rooms import Place, join_all
from bench.tally import MARKER, STAMP, Tally

if TYPE_CHECKING:
    from bench.rooms import Crowd, Member

NUMBERED = re.compile(re.escape(MARKER) + b"([0-9a-f]{%d})" % STAMP)
IN_A_WRITE = 5
"""Messages that are said at once."""
IN_FLIGHT = 50
"""Messages that have not reached everyone yet, at most about so many."""
ARRIVE_SECONDS = 20
QUIET_SECONDS = 0.2
"""What is too much would come in this time."""


class NumberedTally(Tally):
    """Reads the number in every message, however the bytes are cut."""

    __slots__ = ("_open", "numbers")

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self._open = b""
        """The end of what came, if a message may have begun there."""

    def take(self, buffer: bytearray, start: int, stop: int) -> None:
        octets = self._open + buffer[start:stop]
        end = 0
        for found in NUMBERED.finditer(octets):
            self.numbers.append(int(found[1], 16))
            end = found.end()
        self._open = bytes(octets[max(end, len(octets) - len(MARKER) - STAMP + 1) :])
        self.count = len(self.numbers)


def read_numbers(member: Member) -> NumberedTally:
    """From now on have the member's messages read by their numbers."""
    tally = NumberedTally()
    member.tally = tally
    if isinstance(member, Stream):
        member.skims = False  # else the header of a frame may stand in a number
    return tally


def faults(
    crowd: Crowd[Any], rooms: int, members: int, messages: int, patience: float = ARRIVE_SECONDS
) -> list[str]:
    """What is not as it should be when one member of each room says `messages` texts.

    Each member has a connection of its own. Everything has to arrive within `patience`
    seconds. Nothing wrong is an empty list.
    """
    places = [
        Place(f"exact-{room}", f"member {place}", speaks=place == 0)
        for room in range(rooms)
        for place in range(members)
    ]
    connections = crowd.connect(len(places))
    crowd.create(connections[0], dict.fromkeys(place.room_id for place in places))
    inside = join_all(crowd, places, connections)
    tallies = {
        place: read_numbers(member)
        for place, member in zip(places, inside, strict=True)
        if member.listens and not place.speaks
    }
    speakers = [member for place, member in zip(places, inside, strict=True) if place.speaks]
    deadline = time.monotonic() + patience
    for first in range(0, messages, IN_A_WRITE):
        for number in range(first, min(first + IN_A_WRITE, messages)):
            for speaker in speakers:
                speaker.say(number, 1)
        while _least(tallies) < first - IN_FLIGHT and time.monotonic() < deadline:
            crowd.loop.turn(0.1)
    while _least(tallies) < messages and time.monotonic() < deadline:
        crowd.loop.turn(0.1)
    while crowd.loop.turn(QUIET_SECONDS):
        pass
    expected = list(range(messages))
    return [
        f"{place.name} of {place.room_id}: {_difference(expected, tally.numbers)}"
        for place, tally in tallies.items()
        if tally.numbers != expected
    ]


def _least(tallies: dict[Place, NumberedTally]) -> int:
    return min(tally.count for tally in tallies.values())


def _difference(expected: list[int], had: list[int]) -> str:
    place = next(
        (at for at, pair in enumerate(zip(expected, had, strict=False)) if pair[0] != pair[1]),
        min(len(expected), len(had)),
    )
    return (
        f"{len(had)} messages for {len(expected)}; from place {place} on"
        f" {had[place : place + 3]} for {expected[place : place + 3]}"
    )
