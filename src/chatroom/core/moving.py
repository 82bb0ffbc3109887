"""Moving: a member that was served by another node goes on at this one."""

from __future__ import annotations

from . import passages
from .entry import Settle
from .member import Member
from .refusals import SessionReplaced
from .room import Room


def move_here(room: Room, old: Member, *, echo: bool, address: str, settle: Settle) -> Member:
    """Go on with a member, silently; `settle` hears when that is stored."""
    member = old.on_another_stream(events=True, echo=echo, after=room.newest, address=address)
    room.let_in(member)
    room.changed[member.author] = member
    room.log.add_unlogged(passages.arrival(member, settle))
    return member


def stay_elsewhere(room: Room, member: Member, old: Member) -> None:
    """Undo `move_here`, which could not be stored."""
    if room.by_author(member.author) is member:
        room.roster.add(old)
    room.changed.pop(member.author, None)
    member.end(SessionReplaced())
    room.readers.discard(member)
