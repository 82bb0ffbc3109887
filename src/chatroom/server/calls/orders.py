"""Orders: who may keep which room in order."""

from __future__ import annotations

from chatroom.core import refusals
from chatroom.core.grants import Identity, Right, created_by, demand, demand_in, missing
from chatroom.core.room import Room
from chatroom.server.rooms.hub import Hub


def orderly(hub: Hub, who: Identity, room_id: str) -> Room:
    """A room that somebody may moderate: by a grant, since it is theirs, or made so by its owner.

    Who was made a moderator is none while they are banned. Raises RoomIdInvalid, RoomNotFound,
    TokenRequired, GrantMissing, Banned.
    """
    if who.grant.gives(Right.MODERATE) or not who.subject:
        demand(who, Right.MODERATE)
        return in_room(hub, who, Right.MODERATE, room_id)
    room = in_room(hub, who, Right.MODERATE, room_id)
    if created_by(who, room.facts):
        return room
    if not room.marks.of_subject(who.subject).moderator:
        raise refusals.GrantMissing(Right.MODERATE)
    hub.doors.check_moderator(room, who)
    return room


def owned(hub: Hub, who: Identity, room_id: str) -> Room:
    """A room of which somebody decides all: an admin, or who may moderate what they have created.

    Raises as `orderly`.
    """
    if who.grant.gives(Right.ADMIN) or not who.known:
        demand(who, Right.ADMIN)
        return hub.rooms.get(room_id)
    room = in_room(hub, who, Right.ADMIN, room_id)
    if not created_by(who, room.facts):
        raise missing(who, Right.ADMIN)
    return room


def in_room(hub: Hub, who: Identity, right: Right, room_id: str) -> Room:
    """A room in which somebody has a right, as `demand_in` says. Raises as `orderly`."""
    room = hub.rooms.get(room_id)
    demand_in(who, right, room.facts)
    return room
