"""What moderators type, done: the server says who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.invitations import command_line, page_link
from chatroom.chatter.moderation import banned
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


def carried_out(typed: Typed, chat: Chat, visit: Visit) -> Coroutine[object, object, str]:
    """Does it, and returns what to tell whoever typed it, or raises ChatError.

    Raises NotACommand at once for what cannot be meant.
    """
    room_id, word = visit.room.room_id, typed.command.word
    if word == "title":
        return _update(chat, room_id, title=" ".join(typed.words))
    if word in ("close", "open"):
        return _update(chat, room_id, closed=word == "close")
    if word == "invite":
        return _invite(chat, room_id, *_uses_and_end(typed.words))
    if word == "withdraw":
        sequence = newest_or_numbered(" ".join(typed.words), visit, "/withdraw #120")
        return _withdraw(chat, room_id, sequence)
    name, rest = whom(typed.words, visit.names())
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
    return "the room is closed to newcomers" if closed else "the room is open to newcomers"


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
    return "\n".join(
        f"banned {banned(ban)}; chatter unban {one_line(ban.ban_id)} lifts it" for ban in bans
    )


async def _withdraw(chat: Chat, room_id: str, sequence: int) -> str:
    await chat.withdraw(room_id, sequence)
    return "withdrawn: its text is gone from the server"


async def _invite(chat: Chat, room_id: str, uses: int | None, until: datetime | None) -> str:
    made = await chat.invite(room_id, uses=uses, until=until)
    lines = ["whoever gets one of these may come in:", page_link(chat, made)]
    return "\n".join(map(one_line, [*lines, command_line(chat, made)]))
