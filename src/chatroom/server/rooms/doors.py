"""Doors: which room somebody may enter, and under which name."""

from __future__ import annotations

from collections.abc import Callable

from chatroom.core import names
from chatroom.core.bans import Bans
from chatroom.core.denials import NameReserved, RoomClosedToNewcomers
from chatroom.core.grants import Identity, Right, demand, demand_in, moderates
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import NameTag
from chatroom.core.refusals import (
    NameFixed,
    Refusal,
)
from chatroom.core.room import Room

from .invitations import Invitations
from .reserved_names import ReservedNames
from .rooms import Rooms


class Doors:
    """What stands between somebody who asks and a room."""

    def __init__(
        self,
        rooms: Rooms,
        invitations: Invitations,
        reserved: ReservedNames,
        limits: Limits,
        *,
        clock: Callable[[], int],
        remove: Callable[[Room, Member, Refusal], None],
    ) -> None:
        """`clock` is in ns since 1970; `remove` takes a member off."""
        self._rooms = rooms
        self._invitations = invitations
        self._reserved = reserved
        self._clock = clock
        self._characters = limits.name_characters
        self._remove = remove
        self.bans = Bans()
        """Those of the whole server; each room has its own."""

    def enterable(self, room_id: str, who: Identity) -> Room:
        """Raises RoomIdInvalid, RoomNotFound, TokenRequired, GrantMissing."""
        demand(who, Right.JOIN)
        room = self._rooms.get(room_id)
        demand_in(who, Right.JOIN, room.facts)
        return room

    def tag_for(self, who: Identity, name: str) -> NameTag:
        """The name tag that somebody asks for, or has anyway. Raises NameInvalid, NameFixed."""
        tag = names.name_tag(name or who.name, characters=self._characters)
        if not who.name:
            return tag
        fixed = names.name_tag(who.name, characters=self._characters)
        if fixed.key != tag.key:
            raise NameFixed(fixed.text, "invitation" if who.invitation else "token")
        return fixed

    def check(self, room: Room, tag: NameTag, who: Identity, session: bytes | None) -> None:
        """Raise Banned, NameReserved for who is not let in, nor back; admins always are.

        `session`: the SHA-256 of the one that they want to resume.
        """
        if who.named and who.grant.gives(Right.ADMIN):
            return
        now = self._clock()
        for bans in (self.bans, room.bans):
            if bans:
                bans.check(now, tag=tag, subject=who.subject, address=who.address, session=session)
        self._reserved.check(tag, who)

    def check_moderator(self, room: Room, who: Identity) -> None:
        """Raise Banned for who was made a moderator and is kept out.

        Else they would let themselves in again.
        """
        for bans in (self.bans, room.bans):
            bans.check(self._clock(), subject=who.subject, address=who.address)

    def new_name(self, room: Room, member: Member, who: Identity, name: str) -> NameTag:
        """The name tag that a member asks for. Raises NameInvalid, and as `tag_for` and `check`."""
        tag = self.tag_for(who, name)
        self.check(room, tag, who, member.session)
        return tag

    async def reserve(self, tag: NameTag, who: Identity) -> bool:
        """A name that a token fixes belongs to its `sub` from now on; who else has it goes.

        After `check`, and before another one if it returns True: then it had to wait. Raises
        JournalUnavailable.
        """
        if not self._reserved.due(tag, who):
            return False
        if not await self._reserved.use(tag, who):
            return True
        for room in tuple(self._rooms.every()):
            for member in room.colliding(tag):
                if member.subject != who.subject:
                    self._remove(room, member, NameReserved(member.name))
        return True

    def check_newcomer(self, room: Room, tag: NameTag, who: Identity) -> None:
        """Raise RoomClosedToNewcomers, InvitationUsed, InvitationUnknown for who was not in."""
        self._invitations.check(who)
        if not room.facts.closed_to_newcomers or moderates(who, room.facts):
            return
        if who.invitation:
            self._invitations.check_good(who)
        elif not room.marks.of(who.subject, tag).moderator:
            raise RoomClosedToNewcomers(room.room_id)
