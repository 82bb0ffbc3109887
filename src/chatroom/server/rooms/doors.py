"""Doors: which room somebody may enter, and under which name."""

from __future__ import annotations

from chatroom.core import names
from chatroom.core.grants import Identity, Right, demand, demand_in
from chatroom.core.names import NameTag
from chatroom.core.refusals import NameFixed
from chatroom.core.room import Room

from .rooms import Rooms


def enterable(rooms: Rooms, room_id: str, who: Identity) -> Room:
    """Raises RoomIdInvalid, RoomNotFound, TokenRequired, GrantMissing."""
    demand(who, Right.JOIN)
    room = rooms.get(room_id)
    demand_in(who, Right.JOIN, room.facts)
    return room


def tag_for(who: Identity, name: str, *, characters: int) -> NameTag:
    """The name tag that somebody asks for, or has anyway. Raises NameInvalid, NameFixed."""
    tag = names.name_tag(name or who.name, characters=characters)
    if not who.name:
        return tag
    fixed = names.name_tag(who.name, characters=characters)
    if fixed.key != tag.key:
        raise NameFixed(fixed.text)
    return fixed
