"""The invitations of a server: who shows one, who may come by it, and how many still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from chatroom.core import names
from chatroom.core.denials import InvitationUnknown, InvitationUsed
from chatroom.core.grants import Grant, Identity, Right
from chatroom.core.invitations import Invitation, digest_of, new_secret
from chatroom.core.learning import refuse_arrival
from chatroom.core.limits import Limits
from chatroom.core.notes import Note, NoteKind
from chatroom.core.refusals import (
    JournalUnavailable,
    RequestInvalid,
    ServerFull,
)
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import Journal

from . import notes
from .background import Background

RIGHTS = frozenset((Right.JOIN, Right.SEND, Right.HISTORY))
"""What somebody invited may do, in that room alone."""


KEPT_NS = 24 * 3600 * 1_000_000_000
"""So long after its end an invitation is still known, and lets who came by it resume."""


@dataclass(slots=True)
class _Kept:
    room: Room
    invitation: Invitation


class Invitations:
    """All of them in memory, by id, and by what is kept of their secrets."""

    def __init__(
        self,
        journal: Journal,
        limits: Limits,
        *,
        clock: Callable[[], int],
        token: Callable[[int], bytes],
        stored: Callable[[], Awaitable[None]],
    ) -> None:
        """`clock` is in ns since 1970; `token` gives secret bytes.

        `stored` returns once the arrivals that are drafted by now are stored, or could not be.
        """
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._token = token
        self._stored = stored
        self._background = Background()
        self._by_id: dict[str, _Kept] = {}
        self._by_digest: dict[str, _Kept] = {}
        self._of_room: dict[Room, dict[str, Invitation]] = {}

    def restore(self, room: Room, stored: Sequence[Note]) -> None:
        """Take over what the journal has of a room, or what has come.

        Uses that are taken here and not stored yet are taken of what has come; who waits for
        one where none is left is refused, the latest first.
        """
        where = f"room {room.room_id}"
        for invitation_id in notes.gone(stored, NoteKind.INVITATION):
            if (kept := self._by_id.get(invitation_id)) is not None:
                self.drop(room, kept.invitation)
        for invitation in notes.read(stored, NoteKind.INVITATION, Invitation.of, where).values():
            self.put(room, invitation)
            if (NoteKind.INVITATION, invitation.invitation_id) in room.beside.notes:
                self._take_again(room, invitation)

    def _take_again(self, room: Room, invitation: Invitation) -> None:
        arriving = [
            member
            for member in room.members()
            if member.standing is Standing.ARRIVING
            and member.invitation == invitation.invitation_id
        ]
        left = invitation.uses_left
        late = arriving[left:] if left is not None else []
        for member in reversed(late):  # each gives its use back, which it does not have
            refuse_arrival(room, member, InvitationUsed())
        self.put(room, invitation)
        self._count(invitation.invitation_id, len(late) - len(arriving))

    async def close(self) -> None:
        """Wait for what goes on in the background."""
        await self._background.over()

    def put(self, room: Room, invitation: Invitation) -> None:
        """It counts, or has changed."""
        kept = _Kept(room, invitation)
        self._by_id[invitation.invitation_id] = kept
        self._by_digest[invitation.digest] = kept
        self._of_room.setdefault(room, {})[invitation.invitation_id] = invitation

    def drop(self, room: Room, invitation: Invitation) -> None:
        """It counts no more."""
        del self._by_id[invitation.invitation_id]
        del self._by_digest[invitation.digest]
        of_room = self._of_room[room]
        del of_room[invitation.invitation_id]
        if not of_room:
            del self._of_room[room]

    def drop_room(self, room: Room) -> None:
        """The room was deleted."""
        for invitation in list(self._of_room.get(room, {}).values()):
            self.drop(room, invitation)

    def find(self, invitation_id: str) -> tuple[Room, Invitation]:
        """The one of this id, and its room; raises InvitationUnknown."""
        kept = self._by_id.get(invitation_id)
        if kept is None:
            raise InvitationUnknown
        return kept.room, kept.invitation

    def listed(self, room: Room, after: str, count: int) -> list[Invitation]:
        """The first `count` of a room above an id, in order of id."""
        of_room = self._of_room.get(room, {})
        return [of_room[each] for each in sorted(of_room) if each > after][:count]

    async def invite(
        self, room: Room, *, uses: int, until: int, name: str, by: str
    ) -> tuple[Invitation, str]:
        """Make an invitation, and its secret, which is told only now.

        `uses`: memberships; 0: any number. Raises NameInvalid, RequestInvalid, ServerFull,
        JournalUnavailable.
        """
        return await self._background.whole(self._invite(room, uses, until, name, by))

    async def _invite(
        self, room: Room, uses: int, until: int, name: str, by: str
    ) -> tuple[Invitation, str]:
        now = self._clock()
        if until and until <= now:
            raise RequestInvalid("until", "an invitation ends in the future, or not at all")
        if name:
            name = names.name_tag(name, characters=self._limits.name_characters).text
        await self._sweep(room, now)
        if len(self._of_room.get(room, {})) >= self._limits.room_invitations:
            raise ServerFull(
                f"a room may have {self._limits.room_invitations} invitations; revoke some first"
            )
        secret = new_secret(self._token)
        invitation = Invitation(
            invitation_id=notes.new_id(now, self._token), digest=digest_of(secret),
            uses_left=uses or None, until=until, name=name, by=by, created=now,
        )  # fmt: skip
        note = Note(NoteKind.INVITATION, invitation.invitation_id, invitation.stored())
        await notes.store(self._journal, room.facts.key, note)
        self.put(room, invitation)
        return invitation, secret

    async def _sweep(self, room: Room, now: int) -> None:
        """Forget those that have ended so long ago that nobody who came by them may resume."""
        over = [
            each
            for each in self._of_room.get(room, {}).values()
            if each.until and each.until + KEPT_NS <= now
        ]
        if over:
            gone = [Note(NoteKind.INVITATION, each.invitation_id, "") for each in over]
            await notes.store(self._journal, room.facts.key, *gone)
            for each in over:
                if each.invitation_id in self._by_id:
                    self.drop(room, each)

    async def revoke(self, room: Room, invitation: Invitation) -> None:
        """Nobody comes by it any more, nor comes back. Raises JournalUnavailable."""
        await self._background.whole(self._revoke(room, invitation))

    async def _revoke(self, room: Room, invitation: Invitation) -> None:
        _, invitation = self.find(invitation.invitation_id)
        self.drop(room, invitation)
        try:
            await self._stored()  # else who comes now would have it stored again, after this
            gone = Note(NoteKind.INVITATION, invitation.invitation_id, "")
            await notes.store(self._journal, room.facts.key, gone)
        except JournalUnavailable:
            if not room.closing:
                self.put(room, invitation)
            raise

    def identity(self, secret: str) -> Identity:
        """Who shows it. Raises InvitationUnknown: it was revoked, or there never was one.

        One that is used up, or has ended, lets nobody new in, but who came by it may resume.
        """
        kept = self._by_digest.get(digest_of(secret))
        if kept is None or kept.room.closing:
            raise InvitationUnknown
        invitation = kept.invitation
        return Identity(
            Grant(RIGHTS, (kept.room.room_id,)),
            name=invitation.name,
            invitation=invitation.invitation_id,
        )

    def check(self, who: Identity) -> None:
        """Raise InvitationUnknown, InvitationUsed unless what was shown would let somebody in.

        Where everybody may do everything it need not.
        """
        if who.invitation and not who.grant.gives(Right.ADMIN):
            self.check_good(who)

    def holds(self, who: Identity, subject: str, invitation: str) -> bool:
        """Whether a session that somebody came to have so is theirs.

        Who has shown no invitation when they came cannot be in by one: it takes a use to be so,
        and there may be none left. They come anew.
        """
        if subject != who.subject:
            return False
        return who.invitation in ("", invitation) or who.grant.gives(Right.ADMIN)

    def check_good(self, who: Identity) -> None:
        """As `check`, where it has to, such as in a room that is closed to newcomers."""
        _, invitation = self.find(who.invitation)
        invitation.check(self._clock())
        invitation.check_left()

    def take(self, who: Identity) -> None:
        """Take one use of the invitation that was shown, if one was; stored with the arrival.

        Raises as `check`.
        """
        self.check(who)
        if who.invitation in self._by_id:
            self._count(who.invitation, -1)

    def give_back(self, who: Identity) -> None:
        """The arrival could not be stored."""
        if who.invitation in self._by_id:
            self._count(who.invitation, 1)

    def _count(self, invitation_id: str, step: int) -> None:
        room, invitation = self.find(invitation_id)
        if invitation.uses_left is not None and invitation.uses_left + step >= 0:
            invitation = replace(invitation, uses_left=invitation.uses_left + step)
            self.put(room, invitation)
            room.beside.note(Note(NoteKind.INVITATION, invitation_id, invitation.stored()))
