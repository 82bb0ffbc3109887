"""Rooms kept in order from the command line: mutes, moderators, withdrawals, bans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter import json_lines
from chatroom.chatter.local_time import written
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import is_terminal, show
from chatroom.chatter.tables import print_rows

if TYPE_CHECKING:
    from datetime import datetime

    from chatroom.client import Ban, Chat, Member


async def mute(
    chat: Chat, room_id: str, name: str, *, muted: bool, reason: str, as_json: bool
) -> None:
    """Let somebody speak no more, or again, and say so."""
    member = await chat.set_member(room_id, name, muted=muted, reason=reason)
    may = "may not speak" if member.muted else "may speak"
    _show_member(room_id, member, may, as_json=as_json)


async def promote(chat: Chat, room_id: str, name: str, *, moderator: bool, as_json: bool) -> None:
    """Make somebody a moderator of the room, or no longer, and say so."""
    member = await chat.set_member(room_id, name, moderator=moderator)
    now = "is a moderator" if member.moderator else "is no moderator"
    _show_member(room_id, member, now, as_json=as_json)


def _show_member(room_id: str, member: Member, what: str, *, as_json: bool) -> None:
    if as_json:
        found = json_lines.member_object(room_id, member)
        del found["since"]  # the server does not tell
        show(json_lines.line(found))
    else:
        show(f"{one_line(member.name)} {what} in room {one_line(room_id)}")


async def withdraw(chat: Chat, room_id: str, sequence: int, *, reason: str, as_json: bool) -> None:
    """Take back what somebody said, and say so."""
    told = await chat.withdraw(room_id, sequence, reason)
    if as_json:
        show(json_lines.line({"room_id": room_id, "withdrawn": sequence, "sequence": told}))
    else:
        show(f"Withdrew message {sequence} of room {one_line(room_id)}")


async def ban(
    chat: Chat,
    room_id: str,
    whom: str,
    value: str,
    *,
    until: datetime | None,
    reason: str,
    as_json: bool,
) -> None:
    """Keep somebody out of a room, or without one of all, and say so."""
    by = {whom: value}
    made = await chat.ban(
        room_id,
        name=by.get("name"),
        identity=by.get("identity"),
        address=by.get("address"),
        member=by.get("member"),
        until=until,
        reason=reason,
    )
    sentence = f"Banned {banned(made)}; its id is {one_line(made.ban_id)}"
    _show_ban(made, sentence, as_json=as_json)


async def lift(chat: Chat, ban_id: str, *, reason: str, as_json: bool) -> None:
    """Let somebody come again, and say so."""
    ban = await chat.lift_ban(ban_id, reason)
    _show_ban(ban, f"Lifted the ban of {whom_from_what(ban)}", as_json=as_json)


def banned(ban: Ban) -> str:
    """Whom a ban keeps out of what until when, in words."""
    until = f"until {written(ban.until)}" if ban.until else "for good"
    return f"{whom_from_what(ban)} {until}"


def whom_from_what(ban: Ban) -> str:
    """Whom a ban keeps out of what, in words; safe to print."""
    whom, value = json_lines.whom_of(ban)
    where = f"room {one_line(ban.room_id)}" if ban.room_id else "the whole server"
    return f"{whom} {one_line(value)} from {where}"


def _show_ban(ban: Ban, sentence: str, *, as_json: bool) -> None:
    show(json_lines.line(json_lines.ban_object(ban)) if as_json else sentence)


async def print_bans(chat: Chat, room_id: str, *, as_json: bool) -> None:
    """Print the bans of a room, or without one those of the whole server."""
    if as_json:
        async for each in chat.bans(room_id):
            show(json_lines.line(json_lines.ban_object(each)))
        return
    rows = []
    async for each in chat.bans(room_id):
        whom, value = json_lines.whom_of(each)
        until = shown_time(each.until)
        rows.append(tuple(map(one_line, (each.ban_id, whom, value, until, each.reason, each.by))))
    if not rows and is_terminal():
        where = f"room {one_line(room_id)}" if room_id else "the whole server"
        show(f"Nobody is banned from {where}")
    else:
        print_rows(("ID", "BY", "WHOM", "UNTIL", "REASON", "MADE BY"), rows)


def shown_time(until: datetime | None) -> str:
    """When something ends: local for a person, else RFC 3339; empty: never."""
    if until is None:
        return ""
    return written(until) if is_terminal() else json_lines.rfc3339(until) or ""
