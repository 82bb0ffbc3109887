"""Rooms made, listed and deleted from the command line, and who is in them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from chatroom.chatter import json_lines
from chatroom.chatter.failures import remark
from chatroom.chatter.local_time import written
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import drained, is_terminal, show
from chatroom.chatter.tables import print_rows

if TYPE_CHECKING:
    from chatroom.client import Chat, Member


async def create(
    chat: Chat, room_id: str | None, *, private: bool, title: str, as_json: bool
) -> None:
    """Create a room and print its id alone, for scripts; a person is told what next."""
    room = await chat.create_room(room_id, private=private, title=title)
    if as_json:
        show(json_lines.line(json_lines.room_object(room)))
        return
    show(one_line(room.room_id))
    if is_terminal():
        await drained()  # the id comes first
        # Quoted: people copy this line, and the id is the server's.
        join = f"chatter --host {chat.address} --room {shlex.quote(one_line(room.room_id))}"
        remark(f"go in, or invite others, with: {join}")


async def update(
    chat: Chat,
    room_id: str,
    *,
    title: str | None,
    capacity: int | None,
    history: int | None,
    closed: bool | None,
    as_json: bool,
) -> None:
    """Change what is given of a room and say so."""
    room = await chat.update_room(
        room_id, title=title, capacity=capacity, history=history, closed_to_newcomers=closed
    )
    if as_json:
        show(json_lines.line(json_lines.room_object(room)))
    else:
        show(f"Changed room {one_line(room_id)}")


async def delete(chat: Chat, room_id: str, *, reason: str, as_json: bool) -> None:
    """Delete a room and say so."""
    room = await chat.delete_room(room_id, reason=reason)
    if as_json:
        show(json_lines.line(json_lines.room_object(room)))
    else:
        show(f"Deleted room {one_line(room_id)}")


async def print_rooms(chat: Chat, *, as_json: bool) -> None:
    """Print every public room."""
    rooms = await chat.rooms()
    if as_json:
        for room in rooms:
            show(json_lines.line(json_lines.room_object(room)))
    elif not rooms and is_terminal():
        show("There are no rooms; create one with: chatter create")
    else:
        print_rows(
            ("ROOM", "MEMBERS", "TITLE"),
            [
                (one_line(room.room_id), str(room.member_count), one_line(room.title))
                for room in rooms
            ],
            numbers="MEMBERS",
        )
    if chat.nodes > 1 and is_terminal() and not as_json:
        await drained()  # the rooms come first
        remark(f"{chat.nodes} servers share these rooms")


async def print_members(chat: Chat, room_id: str, *, as_json: bool) -> None:
    """Print who is in a room, and since when: local time for a person, else RFC 3339."""
    members = await chat.members(room_id)
    if as_json:
        for member in members:
            show(json_lines.line(json_lines.member_object(room_id, member)))
    elif not members and is_terminal():
        show(f"Nobody is in room {one_line(room_id)}")
    else:
        for_person = is_terminal()
        rows = []
        for member in members:
            since = json_lines.rfc3339(member.since) or ""
            if for_person and member.since:
                since = written(member.since)
            found = marks(member)
            rows.append((one_line(member.name), since, *([found] if found else [])))
        marked = any(len(row) > 2 for row in rows)
        print_rows(("NAME", "SINCE", "") if marked else ("NAME", "SINCE"), rows)


def marks(member: Member) -> str:
    """What somebody is beside a member, in words; empty when nothing."""
    words = (("moderator", member.moderator), ("muted", member.muted))
    return ", ".join(word for word, is_so in words if is_so)


async def remove(chat: Chat, room_id: str, name: str, *, reason: str, as_json: bool) -> None:
    """Send somebody out of a room and say so."""
    member = await chat.remove_member(room_id, name, reason)
    if as_json:
        show(json_lines.line(json_lines.member_object(room_id, member)))
    else:
        show(f"Removed {one_line(member.name or name)} from room {one_line(room_id)}")
