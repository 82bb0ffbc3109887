"""What moderators type, done: the server says who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.invitations import command_line, page_link
from chatroom.chatter.json_lines import whom_of
from chatroom.chatter.moderation import banned, whom_from_what
from chatroom.chatter.moments import MomentInvalid, from_now, parse_span
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.lines import same_name
from chatroom.client import ChatError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime

    from chatroom.chatter.terminal.commands import Typed
    from chatroom.chatter.terminal.visit import Visit
    from chatroom.client import Chat

MOST_USES = 1_000_000
SHOWN_BANS = 100
"""Bans that /bans shows, the oldest; `chatter bans` lists all."""


def carried_out(typed: Typed, chat: Chat, visit: Visit) -> Coroutine[object, object, str]:
    """Does it, and returns what to tell whoever typed it, or raises ChatError.

    Raises NotACommand at once for what cannot be meant.
    """
    room_id, word = visit.room.room_id, typed.command.word
    if word == "title" and not typed.words:
        return _title(visit)
    if word == "title":
        return _update(chat, room_id, title=" ".join(typed.words))
    if word in ("close", "open"):
        return _update(chat, room_id, closed=word == "close")
    if word == "invite":
        return _invite(chat, room_id, *_uses_and_end(typed.words))
    if word == "withdraw":
        sequence = newest_or_numbered(" ".join(typed.words), visit, "/withdraw #120")
        return _withdraw(chat, room_id, sequence)
    if word == "bans":
        return _bans(chat, room_id)
    if word == "unban":
        return _unban(chat, room_id, " ".join(typed.words))
    name, rest = whom(typed.words, [*visit.names(), visit.own_name])
    if word != "unmute" and same_name(name, visit.own_name):
        raise NotACommand(f"that is you: /{word} is for others; /leave leaves the room")
    if word == "unmute":
        return _mute(chat, room_id, " ".join(typed.words), muted=False)
    if word == "mute":
        return _mute(chat, room_id, name, muted=True, reason=" ".join(rest))
    if word == "remove":
        return _remove(chat, room_id, name, " ".join(rest))
    until, reason = _end_and_reason(rest)
    here = any(same_name(name, each) for each in visit.who_is_here)
    return _ban(chat, room_id, name, until, reason, here=here)


def whom(words: Sequence[str], names: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Whose name the words begin with, in its own case, and what follows.

    An unknown name is one word.
    """
    for count in range(len(words), 0, -1):
        said = " ".join(words[:count])
        for name in names:
            if same_name(said, name):
                return name, words[count:]
    return words[0], words[1:]


def _end_and_reason(words: Sequence[str]) -> tuple[datetime | None, str]:
    """Until when, if the first word is a time span, and the reason."""
    if words:
        try:
            return from_now(parse_span(words[0])), " ".join(words[1:])
        except MomentInvalid as error:
            if words[0][:1].isdigit():  # else a slip of the pen would ban for good
                raise NotACommand(f"/ban NAME [TIME] [REASON]: {error}") from None
    return None, " ".join(words)


def _uses_and_end(words: Sequence[str]) -> tuple[int | None, datetime | None]:
    uses, until = None, None
    for word in words:
        if word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= MOST_USES:
            uses = int(word)
            continue
        try:
            until = from_now(parse_span(word))
        except MomentInvalid as error:
            raise NotACommand(f"/invite [N] [TIME]: {error}") from None
    return uses, until


def newest_or_numbered(name: str, visit: Visit, by_number: str) -> int:
    """The sequence of what a name said last, or else the name is one: #120 or 120.

    Raises NotACommand, which shows how it is given `by_number`.
    """
    number = name.removeprefix("#")
    sequence = visit.scrollback.newest_of(name)
    if not sequence and number.isascii() and number.isdigit():
        sequence = int(number[:18])
    if not sequence:
        raise NotACommand(
            f"nothing that {one_line(name)} said is here; /history looks back, and {by_number} is"
            " by number"
        )
    return sequence


async def _update(
    chat: Chat, room_id: str, *, title: str | None = None, closed: bool | None = None
) -> str:
    await chat.update_room(room_id, title=title, closed_to_newcomers=closed)
    if title is not None:
        return "the title is changed"
    if closed:  # elsewhere /close leaves a room
        return "the room is closed to newcomers; /open undoes it, /leave leaves the room"
    return "the room is open to newcomers"


async def _title(visit: Visit) -> str:
    title = one_line(visit.room.details.title) if visit.room.details else ""
    return f"the title is '{title}'" if title else "the room has no title"


async def _mute(chat: Chat, room_id: str, name: str, *, muted: bool, reason: str = "") -> str:
    member = await chat.set_member(room_id, name, muted=muted, reason=reason)
    return f"{one_line(member.name)} may {'not speak' if member.muted else 'speak'} now"


async def _remove(chat: Chat, room_id: str, name: str, reason: str) -> str:
    member = await chat.remove_member(room_id, name, reason)
    return f"removed {one_line(member.name or name)}"


async def _ban(
    chat: Chat, room_id: str, name: str, until: datetime | None, reason: str, *, here: bool
) -> str:
    """By the name; and before, while they are here, by what they are known again by."""
    bans = []
    if here:
        try:
            bans.append(await chat.ban(room_id, member=name, until=until, reason=reason))
        except ChatError as error:
            if error.field != "member":  # else there is nothing but the name
                raise
    bans.append(await chat.ban(room_id, name=name, until=until, reason=reason))
    lines = [f"banned {banned(ban)}" for ban in bans]
    return "\n".join([*lines, f"/unban {one_line(name)} lifts {'both' if len(bans) > 1 else 'it'}"])


async def _bans(chat: Chat, room_id: str) -> str:
    lines: list[str] = []
    async for ban in chat.bans(room_id):
        if len(lines) == SHOWN_BANS:
            lines.append("and more; chatter bans lists all, from a shell")
            break
        lines.append(banned(ban) + (f": {one_line(ban.reason)}" if ban.reason else ""))
    return "\n".join(["banned:", *lines]) if lines else "nobody is banned from this room"


async def _unban(chat: Chat, room_id: str, name: str) -> str:
    """Lifts all bans of the room by what is given, in any case: a name, or what else they name."""
    found = [ban async for ban in chat.bans(room_id) if same_name(whom_of(ban)[1], name)]
    for ban in found:
        await chat.lift_ban(ban.ban_id)
    lines = [f"lifted the ban of {whom_from_what(ban)}" for ban in found]
    return "\n".join(lines) or f"nobody called {one_line(name)} is banned here; /bans lists who is"


async def _withdraw(chat: Chat, room_id: str, sequence: int) -> str:
    await chat.withdraw(room_id, sequence)
    return "withdrawn: its text is gone from the server"


async def _invite(chat: Chat, room_id: str, uses: int | None, until: datetime | None) -> str:
    made = await chat.invite(room_id, uses=uses, until=until)
    lines = ["whoever gets one of these may come in:", page_link(chat, made)]
    return "\n".join(map(one_line, [*lines, command_line(chat, made)]))
