"""What is said when a chat has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.advice import advised
from chatroom.chatter.safe_text import one_line
from chatroom.client import RoomClosed

if TYPE_CHECKING:
    from chatroom.client import ChatError


def closing_line(room_id: str, closed: RoomClosed) -> str:
    """That the room was closed, why, and where the conversation goes on."""
    line = f"Room {one_line(room_id)} was closed"
    if closed.why:
        line += f": {one_line(closed.why)}"
    if closed.successor:
        line += f" (the conversation goes on in room {one_line(closed.successor)})"
    return line


def ending(room_id: str, failure: ChatError) -> str:
    """Why a membership has ended."""
    if isinstance(failure, RoomClosed):
        return closing_line(room_id, failure)
    return advised(failure)


def unconfirmed(lines: int) -> str:
    """That so many lines may not have been said."""
    if lines == 1:
        return "1 line was not confirmed; it may not have been said"
    return f"{lines} lines were not confirmed; they may not have been said"
