"""The errors that this library finds by itself, without a status of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.client.errors import ChatError, NotAccepted, NotInRoom, RoomClosed, ServerUnavailable

if TYPE_CHECKING:
    import grpc

    from chatroom.client.messages import Closed


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


def of_membership(
    error: ChatError | None, room_id: str, closed: Closed | None, *, leaving: bool
) -> ChatError | None:
    """What a membership ends with, given how its last stream ended; None: with nothing.

    `closed` is the final message of a deleted room, if it came. The status may not tell of
    it: the original server ends such a stream with OK.
    """
    found = error if isinstance(error, RoomClosed) else None
    if found is None and closed is not None and not leaving:
        found = room_closed(room_id)
    elif found is None and error is not None and error.reason == "ROOM_NOT_FOUND":
        found = room_closed(room_id, " while the connection was lost")
    if found is None:
        return error
    if closed is not None:
        found.why = closed.reason
        found.successor = found.successor or closed.successor
    return found


def cannot_rename() -> NotAccepted:
    """The server would take a rename for an empty message, and say nothing."""
    sentence = "this server cannot give another name to who is in a room"
    return NotAccepted(_code("UNIMPLEMENTED"), "RENAME_UNKNOWN", sentence)


def endless(what: str, pages: int) -> ChatError:
    """A server goes on with a list beyond what is asked for of one."""
    sentence = f"the server's list of {what} does not end: it has more than {pages} pages"
    return ChatError(_code("OUT_OF_RANGE"), "", sentence)


def _code(name: str) -> grpc.StatusCode:
    import grpc  # importing this package does not

    return grpc.StatusCode[name]
