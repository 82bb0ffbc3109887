"""A room for tests, with its clock, its randomness and its limits handed in."""

from __future__ import annotations

import random
from collections.abc import Sequence

from chatroom.core.entry import Draft, Entry
from chatroom.core.facts import RoomFacts
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import name_tag
from chatroom.core.refusals import JournalUnavailable
from chatroom.core.room import Room


def encode(drafts: Sequence[Draft], first: int, sent: int) -> list[bytes]:
    """Readable stand-ins for envelopes."""
    return [
        f"[{sequence} {draft.name}: {draft.text}]".encode()
        for sequence, draft in enumerate(drafts, first)
    ]


def new_room(limits: Limits | None = None, *, capacity: int = 0, newest: int = 0) -> Room:
    facts = RoomFacts(1, "126859", "epoch", 0, capacity=capacity)
    return Room(facts, newest=newest, last_sent=0, limits=limits or Limits(), rng=random.Random(1))


def admit(room: Room, name: str, *, events: bool = False, echo: bool = False) -> Member:
    """Let somebody in; the arrival is a draft."""
    results: list[object] = []
    member = room.admit(
        name_tag(name, characters=32),
        now=1_000,
        monotonic=0.0,
        events=events,
        echo=echo,
        settle=results.append,
    )
    member.wake = lambda: None
    return member


def commit(room: Room, now: int = 1_000) -> list[Entry]:
    """One turn of a commit loop whose journal works."""
    turn = room.take()
    entries = room.log.stamp(turn.drafts, now, encode)
    unlogged = [
        Entry(0, now, each.kind, each.author, *encode([each], 0, now)) for each in turn.unlogged
    ]
    room.publish(turn, entries, unlogged)
    return entries


def fail(room: Room) -> JournalUnavailable:
    """One turn of a commit loop whose journal does not work."""
    refusal = JournalUnavailable("disk full")
    turn = room.take()
    room.log.stamp(turn.drafts, 1_000, encode)
    room.fail(turn, refusal)
    return refusal


def join(room: Room, name: str, *, echo: bool = False) -> Member:
    """Let somebody in, all the way."""
    member = admit(room, name, echo=echo)
    commit(room)
    member.cursor = room.newest
    return member


def read(room: Room, member: Member) -> bytes:
    """All that a member has not had yet, as its stream reads it."""
    data = b""
    while member.cursor < room.newest:
        chunk = room.tail.read(member.cursor)
        if member.echo or member.author not in chunk.authors:
            data += chunk.data
            member.cursor = chunk.through
        else:
            part, member.cursor = room.tail.read_apart(member.cursor, member.author, None)
            data += part
    return data
