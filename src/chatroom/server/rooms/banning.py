"""Bans: who is kept out of rooms, by those who may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from chatroom.core import denials, names, refusals
from chatroom.core.bans import (
    Ban,
    Bans,
    Whom,
    address_key,
    identity_key,
    member_keys,
    name_keys,
)  # fmt: skip
from chatroom.core.grants import SUBJECT_CHARACTERS
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import NameTag
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.core.refusals import Refusal, RequestInvalid
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.core.text import checked_line
from chatroom.journal import Journal

from . import notes
from .background import Background
from .rooms import Rooms


class Banning:
    """Bans of rooms, and of the whole server, in memory and in the journal."""

    def __init__(
        self,
        journal: Journal,
        rooms: Rooms,
        limits: Limits,
        of_server: Bans,
        *,
        remove: Callable[[Room, Member, Refusal], None],
        clock: Callable[[], int],
        token: Callable[[int], bytes],
    ) -> None:
        """`remove` takes a member off; `clock` is in ns since 1970; `token` gives secret bytes."""
        self._journal = journal
        self._rooms = rooms
        self._limits = limits
        self._of_server = of_server
        self._remove = remove
        self._clock = clock
        self._token = token
        self._background = Background()

    def restore(self, room: Room | None, stored: Sequence[Note]) -> None:
        """Take over what the journal has of a room, or (None) of the server, or what has come.

        Who is in and is meant by a ban that has come was removed by who has made it, but for
        those who come at this moment.
        """
        where = "the server" if room is None else f"room {room.room_id}"
        bans = self._bans(room)
        for ban_id in notes.gone(stored, NoteKind.BAN):
            if (lifted := bans.get(ban_id)) is not None:
                bans.lift(lifted)
        for ban in notes.read(stored, NoteKind.BAN, Ban.of, where).values():
            if bans.get(ban.ban_id) is not None:
                continue
            bans.add(ban)
            for each in (room,) if room is not None else tuple(self._rooms.every()):
                self._keep_out(each, ban, Standing.ARRIVING)

    async def close(self) -> None:
        """Wait for what goes on in the background."""
        await self._background.over()

    def _bans(self, room: Room | None) -> Bans:
        return self._of_server if room is None else room.bans

    async def ban(
        self, room: Room | None, whom: Whom, value: str, *, until: int, reason: str, by: str
    ) -> Ban:
        """Keep somebody out from now on, of a room or (None) of all, and remove who is in.

        `until` is in ns since 1970; 0: for good. Raises MemberNotFound, NameInvalid,
        RequestInvalid, ServerFull, JournalUnavailable.
        """
        reason = checked_line("reason", reason, self._limits.reason_characters)
        return await self._background.whole(self._ban(room, whom, value, until, reason, by))

    async def _ban(
        self, room: Room | None, whom: Whom, value: str, until: int, reason: str, by: str
    ) -> Ban:
        now = self._clock()
        if until and until <= now:
            raise RequestInvalid("until", "a ban ends in the future, or not at all")
        bans = self._bans(room)
        await self._sweep(room, bans, now)
        if len(bans) >= self._limits.room_bans:
            raise refusals.ServerFull(
                f"there may be {self._limits.room_bans} bans at once; lift some first"
            )
        value, keys = self._keys(room, whom, value)
        ban = Ban(
            ban_id=notes.new_id(now, self._token), whom=whom, value=value, keys=keys, until=until,
            reason=reason, by=by, created=now,
        )  # fmt: skip
        await self._store(room, Note(NoteKind.BAN, ban.ban_id, ban.stored()))
        bans.add(ban)
        tag = None
        if whom is Whom.NAME:
            tag = names.name_tag(value, characters=self._limits.name_characters)
        for each in (room,) if room is not None else tuple(self._rooms.every()):
            await asyncio.sleep(0)  # others have their turn: there may be many
            former = _formerly(each, tag) if tag is not None else []
            self._keep_out(each, ban)
            for member in former:
                self._remove(each, member, denials.Banned(ban.until, ban.reason))
        return ban

    def _keep_out(self, room: Room, ban: Ban, standing: Standing | None = None) -> None:
        """Remove who is in (and stands so) and is meant by a ban."""
        alone = Bans()
        alone.add(ban)
        for member in room.members():
            if standing is None or member.standing is standing:
                try:
                    alone.check_member(member, self._clock())
                except denials.Banned as banned:
                    self._remove(room, member, banned)

    def _keys(self, room: Room | None, whom: Whom, value: str) -> tuple[str, tuple[str, ...]]:
        """The value as it is kept, and what it is looked up by."""
        if whom is Whom.NAME:
            tag = names.name_tag(value, characters=self._limits.name_characters)
            return tag.text, name_keys(tag)
        if whom is Whom.IDENTITY:
            if not 1 <= len(value) <= SUBJECT_CHARACTERS or not value.isprintable():
                raise RequestInvalid(
                    "identity", f"a token's `sub` is 1 to {SUBJECT_CHARACTERS} printable characters"
                )
            return value, (identity_key(value),)
        if whom is Whom.ADDRESS:
            prefix, key = address_key(value)
            return prefix, (key,)
        if room is None:
            raise RequestInvalid("member", "a member is of a room: give room_id")
        member = room.member_called(value)
        if member is None:
            raise refusals.MemberNotFound(value, room.room_id)
        keys = member_keys(member)
        if not keys:
            raise RequestInvalid(
                "member",
                f"{member.name!r} has neither a session nor an identity; ban the name or the "
                "address",
            )
        return member.name, keys

    def find(self, ban_id: str) -> tuple[Room | None, Ban]:
        """The one of this id, and its room; raises RequestInvalid."""
        ban = self._of_server.get(ban_id)
        if ban is not None:
            return None, ban
        for room in self._rooms.every():
            ban = room.bans.get(ban_id)
            if ban is not None:
                return room, ban
        raise RequestInvalid("ban_id", f"there is no ban {ban_id[:32]!r}")

    async def lift(self, room: Room | None, ban: Ban) -> None:
        """It counts no more. Raises JournalUnavailable."""
        await self._background.whole(self._lift(room, ban))

    async def _lift(self, room: Room | None, ban: Ban) -> None:
        await self._store(room, Note(NoteKind.BAN, ban.ban_id, ""))
        bans = self._bans(room)
        if bans.get(ban.ban_id) is ban:
            bans.lift(ban)

    def listed(self, room: Room | None, after: str, count: int) -> list[Ban]:
        """The first `count` that count, above an id, in order of time."""
        bans = self._bans(room)
        now = self._clock()
        return [ban for ban in bans.listed(after, len(bans)) if not ban.over(now)][:count]

    async def _sweep(self, room: Room | None, bans: Bans, now: int) -> None:
        """Forget those that have ended."""
        ended = bans.ended(now)
        if ended:
            await self._store(room, *[Note(NoteKind.BAN, ban.ban_id, "") for ban in ended])
            for ban in ended:
                if bans.get(ban.ban_id) is ban:
                    bans.lift(ban)

    async def _store(self, room: Room | None, *stored: Note) -> None:
        await notes.store(self._journal, SERVER if room is None else room.facts.key, *stored)


def _formerly(room: Room, tag: NameTag) -> list[Member]:
    """Whom the ban of a name means that nobody has: those who had it and took another one."""
    return room.formerly(tag) if not room.colliding(tag) else []
