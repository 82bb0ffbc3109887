"""Rooms made, listed and deleted from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import is_terminal, show

if TYPE_CHECKING:
    from chatroom.client import Chat, ChatRoom


async def create(chat: Chat, room_id: str | None, *, private: bool, title: str) -> None:
    """Create a room and print its id alone, for scripts."""
    room = await chat.create_room(room_id, private=private, title=title)
    show(one_line(room.room_id))


async def delete(chat: Chat, room_id: str, *, reason: str) -> None:
    """Delete a room and say so."""
    await chat.delete_room(room_id, reason=reason)
    show(f"Deleted room {one_line(room_id)}")


async def print_list(chat: Chat) -> None:
    """Print every room: a table for a person, tab-separated fields for a program."""
    rooms = await chat.rooms()
    if not is_terminal():
        for room in rooms:
            show("\t".join(_fields(room)))
        return
    if not rooms:
        show("There are no rooms; create one with: chatter create")
        return
    rows = [("ROOM", "MEMBERS", "TITLE"), *(_fields(room) for room in rooms)]
    width = max(len(room_id) for room_id, _, _ in rows)
    for room_id, members, title in rows:
        show(f"{room_id:<{width}}  {members:>7}  {title}".rstrip())


def _fields(room: ChatRoom) -> tuple[str, str, str]:
    return one_line(room.room_id), str(room.member_count), one_line(room.title)
