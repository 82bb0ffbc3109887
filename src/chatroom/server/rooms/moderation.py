"""Moderation: how rooms are kept in order by those who may.

Who may is decided before: see `calls.orders`. What is done here is stored when it returns.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from chatroom.core import names, refusals
from chatroom.core.entry import (
    NOBODY,
    WITHDRAWN_TEXT,
    Changed,
    Draft,
    Encode,
    Entry,
    Kind,
    Withdrawal,
)  # fmt: skip
from chatroom.core.facts import RoomFacts
from chatroom.core.limits import Limits
from chatroom.core.marks import NO_MARK, Mark, mark_key
from chatroom.core.member import Member
from chatroom.core.names import SERVER_NAME
from chatroom.core.notes import Note, NoteKind
from chatroom.core.refusals import Refusal, RequestInvalid
from chatroom.core.room import Room
from chatroom.core.room_ids import checked_room_id
from chatroom.core.text import checked_line

from . import notes
from .background import Background
from .commit import CommitLoop, into
from .rooms import Rooms

FindSaid = Callable[[Room, int], Awaitable[tuple[Entry, str, str]]]
"""What was said under a sequence of a room: the entry, the name tag, the nonce."""


class Moderation:
    """What moderators and admins do to rooms, members and messages."""

    def __init__(
        self,
        rooms: Rooms,
        commits: CommitLoop,
        limits: Limits,
        encode: Encode,
        *,
        remove: Callable[[Room, Member, Refusal], None],
    ) -> None:
        """`remove` takes a member off."""
        self._rooms = rooms
        self._commits = commits
        self._limits = limits
        self._encode = encode
        self._remove = remove
        self._background = Background()
        self._in_turn: WeakKeyDictionary[Room, asyncio.Lock] = WeakKeyDictionary()
        """Held while what was decided of a room is stored: the next one builds on that."""

    def restore(self, room: Room, stored: Sequence[Note]) -> None:
        """Take over what the journal has of a room, or what has come: before members are."""
        for key in notes.gone(stored, NoteKind.MARK):
            room.marks.put(key, NO_MARK)
        marks = notes.read(stored, NoteKind.MARK, Mark.of, f"room {room.room_id}")
        for key, mark in marks.items():
            room.marks.put(key, mark)

    async def close(self) -> None:
        """Wait for what goes on in the background."""
        await self._background.over()

    # ---- Rooms and members -----------------------------------------------------------

    async def update(
        self,
        room: Room,
        *,
        title: str | None = None,
        capacity: int | None = None,
        history: int | None = None,
        closed_to_newcomers: bool | None = None,
    ) -> None:
        """Change what is not None, with an entry that tells of it.

        Raises RequestInvalid, RoomNotFound, JournalUnavailable.
        """
        await self._background.whole(
            self._update(room, title, capacity, history, closed_to_newcomers=closed_to_newcomers)
        )

    async def _update(
        self,
        room: Room,
        title: str | None,
        capacity: int | None,
        history: int | None,
        *,
        closed_to_newcomers: bool | None,
    ) -> None:
        async with self._turn(room):
            old = room.facts
            facts = replace(
                old,
                title=old.title if title is None else title,
                capacity=old.capacity if capacity is None else capacity,
                history=old.history if history is None else history,
                closed_to_newcomers=(
                    old.closed_to_newcomers if closed_to_newcomers is None else closed_to_newcomers
                ),
            )
            title = self._rooms.checked(
                title=facts.title, capacity=facts.capacity, history=facts.history
            )
            facts = replace(facts, title=title)
            if facts == old:
                return
            room.beside.facts = facts
            old, told = self._effective(old), self._effective(facts)
            await self._told(
                room, Draft(Kind.UPDATED, NOBODY, SERVER_NAME, _what(old, told), event=told)
            )

    def _effective(self, facts: RoomFacts) -> RoomFacts:
        limits = self._limits
        return replace(
            facts,
            capacity=facts.capacity or limits.room_capacity,
            history=facts.history or limits.history_entries,
        )

    async def delete_room(self, room: Room, *, reason: str, successor: str) -> None:
        """Close a room: a final entry, then the end of every stream.

        Raises RoomNotFound, RequestInvalid, JournalUnavailable.
        """
        reason = checked_line("reason", reason, self._limits.reason_characters)
        if successor:
            checked_room_id(successor)
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        room.close(reason, successor, into(settled))
        self._commits.touch(room)
        await settled

    async def set_member(
        self,
        room: Room,
        name: str,
        *,
        muted: bool | None = None,
        moderator: bool | None = None,
        reason: str = "",
    ) -> tuple[str, Mark]:
        """Mute a member, or make it a moderator, or take that back; the name and what it is now.

        It is kept for its identity, or if it has none for its name; then it cannot be a
        moderator. A mute of a name can be lifted while nobody has it. Raises MemberNotFound,
        RequestInvalid, RoomNotFound, JournalUnavailable.
        """
        reason = checked_line("reason", reason, self._limits.reason_characters)
        return await self._background.whole(self._set_member(room, name, muted, moderator, reason))

    async def _set_member(
        self, room: Room, name: str, muted: bool | None, moderator: bool | None, reason: str
    ) -> tuple[str, Mark]:
        async with self._turn(room):
            member = await self._settled(room, name)
            if member is None:
                if muted is False and moderator is None:
                    return await self._let_speak(room, name, reason)
                raise refusals.MemberNotFound(name, room.room_id)
            if moderator and not member.subject:
                raise RequestInvalid(
                    "moderator",
                    f"{member.name!r} came without a token: whoever took that name would moderate",
                )
            old = member.mark
            mark = Mark(
                old.muted if muted is None else muted,
                old.moderator if moderator is None else moderator,
            )
            if mark == old:
                return member.name, mark
            if mark and len(room.marks) >= self._limits.room_marks and not old:
                raise refusals.ServerFull(
                    f"in a room {self._limits.room_marks} may be muted or moderators; "
                    "lift some mutes first"
                )
            changed = Changed(member.name, member.since, mark)
            await self._change(room, mark_key(member.subject, member.tag), old, changed, reason)
            return member.name, mark

    async def _settled(self, room: Room, name: str) -> Member | None:
        """Who has a name; who renames just now, once it is known what their name is."""
        member = room.member_called(name)
        while member is not None and member.naming.drafted is not None:
            await self._commits.stored()
            member = room.by_author(member.author)
        return member

    async def _change(self, room: Room, key: str, old: Mark, changed: Changed, reason: str) -> None:
        """Have a mark stored and told of; then whoever is in by this key has it."""
        mark = changed.mark
        room.beside.note(Note(NoteKind.MARK, key, mark.stored()))
        text = _changed(changed.name, old, mark, reason)
        room.marks.changing.add(key)
        try:
            await self._told(room, Draft(Kind.CHANGED, NOBODY, SERVER_NAME, text, event=changed))
        finally:
            room.marks.changing.discard(key)
        room.marks.put(key, mark)
        for each in room.members():
            if mark_key(each.subject, each.tag) == key:
                each.mark = mark

    def remove(self, room: Room, name: str, reason: str) -> Member:
        """Take somebody out. Raises MemberNotFound, NameInvalid, RequestInvalid."""
        reason = checked_line("reason", reason, self._limits.reason_characters)
        member = room.member_called(name)
        if member is None:
            raise refusals.MemberNotFound(name, room.room_id)
        self._remove(room, member, refusals.Removed(reason))
        return member

    async def _let_speak(self, room: Room, name: str, reason: str) -> tuple[str, Mark]:
        """Lift the mute of a name that nobody has just now; raises MemberNotFound."""
        tag = names.name_tag(name, characters=self._limits.name_characters)
        old = room.marks.of("", tag)
        if not old.muted:
            raise refusals.MemberNotFound(name, room.room_id)
        changed = Changed(tag.text, 0, NO_MARK)
        await self._change(room, mark_key("", tag), old, changed, reason)
        return tag.text, NO_MARK

    # ---- Messages ----------------------------------------------------------------------

    async def withdraw(self, room: Room, sequence: int, find: FindSaid, *, reason: str) -> Entry:
        """Replace what was said by a mark in its place; the entry that tells of it.

        Raises what `find` does, RequestInvalid, RoomNotFound, JournalUnavailable.
        """
        reason = checked_line("reason", reason, self._limits.reason_characters)
        return await self._background.whole(
            self._withdraw(room, Withdrawal(sequence, reason), find)
        )

    async def _withdraw(self, room: Room, withdrawal: Withdrawal, find: FindSaid) -> Entry:
        async with self._turn(room):
            entry, name, nonce = await find(room, withdrawal.sequence)
            self._check_open(room)  # it may have been deleted meanwhile
            mark = Draft(
                Kind.WITHDRAWN, entry.author, name, WITHDRAWN_TEXT, nonce, event=withdrawal
            )
            (envelope,) = self._encode([mark], entry.sequence, entry.sent)
            replaced = Entry(
                entry.sequence, entry.sent, Kind.WITHDRAWN, entry.author, envelope, nonce
            )
            reason = withdrawal.reason
            room.beside.replaced.append(replaced)
            room.beside.freed += entry.stored_bytes - replaced.stored_bytes
            text = f"a message of {name} was withdrawn{f': {reason}' if reason else ''}"
            return await self._told(
                room, Draft(Kind.WITHDRAWAL, NOBODY, SERVER_NAME, text, event=withdrawal)
            )

    # ------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _turn(self, room: Room) -> AsyncIterator[None]:
        async with self._in_turn.setdefault(room, asyncio.Lock()):
            self._check_open(room)
            yield

    def _check_open(self, room: Room) -> None:
        """Raise RoomNotFound: nothing follows the closing entry, which would not be the last."""
        if room.closing:
            raise refusals.RoomNotFound(room.room_id)

    async def _told(self, room: Room, draft: Draft) -> Entry:
        """Have an entry stored, and what stands beside it with it."""
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        draft.settle = into(settled)
        room.log.add(draft)
        self._commits.touch(room)
        return await settled


def _what(old: RoomFacts, new: RoomFacts) -> str:
    """What has become different, as a sentence."""
    told: list[str] = []
    if new.title != old.title:
        told.append(f"the title is now {new.title!r}" if new.title else "there is no title now")
    if new.capacity != old.capacity:
        told.append(f"{new.capacity} members may be in")
    if new.history != old.history:
        told.append(f"{new.history} messages are kept")
    if new.closed_to_newcomers != old.closed_to_newcomers:
        told.append(
            "the room is closed to newcomers" if new.closed_to_newcomers else "newcomers may come"
        )
    return "; ".join(told)


def _changed(name: str, old: Mark, new: Mark, reason: str) -> str:
    told: list[str] = []
    if new.muted != old.muted:
        told.append(f"{name} was muted" if new.muted else f"{name} may speak again")
    if new.moderator != old.moderator:
        now = "is a moderator now" if new.moderator else "is no moderator any more"
        told.append(f"{name} {now}")
    return "; ".join(told) + (f": {reason}" if reason else "")
