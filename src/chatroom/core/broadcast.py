"""A broadcast: readers are advanced by who publishes, not woken to look for themselves."""

from __future__ import annotations

from collections.abc import Iterable

from .member import Member
from .room import Room


def hand_out(room: Room, readers: Iterable[Member]) -> None:
    """Advance those readers that can take what is new, and wake the others.

    The hot path: almost every reader stands at the same cursor, takes the same bytes, and has
    nothing else to be told.
    """
    tail = room.tail
    newest, floor = tail.newest, tail.floor
    at = -1
    for member in readers:
        cursor = member.cursor
        if (
            floor <= cursor < newest
            and member.final is None
            and not member.outbox
            and room.closed is None
        ):
            if cursor != at:
                chunk = tail.read(cursor)
                at = cursor
            if (member.echo or member.author not in chunk.authors) and member.offer(chunk.data):
                member.cursor = chunk.through
                if chunk.through == newest:
                    continue
        member.wake()
