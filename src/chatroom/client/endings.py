"""The errors that this library finds by itself, without a status of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.client.errors import NotInRoom, RoomClosed, ServerUnavailable

if TYPE_CHECKING:
    import grpc


def not_in_room() -> NotInRoom:
    """What sending is answered with before and after the membership."""
    sentence = "not sent: you are not in the room"
    return NotInRoom(_code("FAILED_PRECONDITION"), "", sentence)


def lost(why: str) -> ServerUnavailable:
    """The connection is as good as lost."""
    return ServerUnavailable(_code("UNAVAILABLE"), "", f"the connection was lost: {why}")


def unconfirmed() -> ServerUnavailable:
    """Leaving has taken as long as it may."""
    sentence = "the server did not confirm that everything sent was stored"
    return ServerUnavailable(_code("DEADLINE_EXCEEDED"), "", sentence)


def room_closed(room_id: str, when: str = "") -> RoomClosed:
    """The room is deleted, though no status has said so."""
    return RoomClosed(_code("NOT_FOUND"), "ROOM_CLOSED", f"room {room_id} was closed{when}")


def _code(name: str) -> grpc.StatusCode:
    import grpc  # importing this package does not

    return grpc.StatusCode[name]
