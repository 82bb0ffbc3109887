"""The entrance: how somebody comes into a room, or back into it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chatroom.core import names, refusals
from chatroom.core.entry import Entry
from chatroom.core.grants import ANYBODY, Identity, Right
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.moving import move_here, stay_elsewhere
from chatroom.core.names import NameTag
from chatroom.core.refusals import Refusal
from chatroom.core.room import Room
from chatroom.journal import JournalError

from .commit import CommitLoop, into
from .doors import Doors
from .invitations import Invitations
from .quotas import Quotas
from .rooms import Rooms
from .sessions import Known, Place, Recovery, Resume, Sessions, digest, goes_by
from .streaming import Streaming

T = TypeVar("T")

_Arguments = tuple[str, str, bool, bool, Resume | None, Identity]
"""Of `Entrance.join`, in its order."""

Depart = Callable[[Room, Member, LeaveReason, Refusal | None], None]
"""Takes a member off the roster, for a reason; how its stream ends."""

_PERHAPS_NOT_SO = (refusals.NameTaken, refusals.RoomFull, refusals.RoomNotFound)
"""Refusals for which what another node has just stored may leave no reason: somebody has left
there, or a room was made anew."""
_OVERTAKEN = (refusals.SessionReplaced, refusals.SessionUnknown)
"""Of a member that another node has moved, or let go, while it was to be moved here, or let in."""
TRIES = 4
"""To let somebody in whom another node changes meanwhile: it has renamed the member, say."""


class Entrance:
    """Where everybody comes in who has, or gets, a place."""

    def __init__(
        self,
        rooms: Rooms,
        sessions: Sessions,
        commits: CommitLoop,
        doors: Doors,
        invitations: Invitations,
        quotas: Quotas,
        streams: Streaming,
        limits: Limits,
        *,
        check_open: Callable[[], None],
        depart: Depart,
        leave: Callable[[Place], None],
        clock: Callable[[], int],
        monotonic: Callable[[], float],
        token: Callable[[int], bytes],
    ) -> None:
        """`check_open` raises Draining; `leave` ends the stream of a place.

        Where other nodes share the journal, `refresh` is set.

        `clock` is in ns since 1970, `monotonic` in seconds; `token` gives secret bytes.
        """
        self._rooms = rooms
        self._sessions = sessions
        self._commits = commits
        self._doors = doors
        self._invitations = invitations
        self._quotas = quotas
        self._streams = streams
        self._limits = limits
        self._check_open = check_open
        self._depart = depart
        self._leave = leave
        self._clock = clock
        self._monotonic = monotonic
        self._token = token
        self.refresh: Callable[[str], Awaitable[None]] | None = None
        """Brings what other nodes have made of the room of an id; raises JournalError."""

    async def join(
        self,
        room_id: str,
        name: str,
        *,
        wants_events: bool,
        echo: bool,
        resume: Resume | None = None,
        who: Identity = ANYBODY,
    ) -> Place:
        """Let somebody in, or back; returns once that is stored. `leave` must follow.

        A session that is not known, or whose room is not as it was, is a fresh join.
        Raises RoomIdInvalid, RoomNotFound, RoomFull, ServerFull, NameInvalid, NameTaken,
        SessionMismatch, Removed, RequestInvalid, Draining, JournalUnavailable, TokenRequired,
        GrantMissing, NameFixed, JoinTooOften, AddressFull, IdentityFull.
        """
        arguments = room_id, name, wants_events, echo, resume, who
        if resume is None:
            return await self._let_in(room_id, arguments)
        count = self._quotas.counters
        try:
            place = await self._let_in(room_id, arguments)
        except Refusal:
            count.resume("refused")
            raise
        count.resume(place.recovery.name.lower() if place.recovered else "fresh")
        return place

    async def _let_in(self, room_id: str, arguments: _Arguments) -> Place:
        known = self._rooms.known(room_id)
        tries = 0
        while True:
            try:
                return await self._join(*arguments, again=tries > 0)
            except _OVERTAKEN:
                if self.refresh is None or tries == TRIES - 1:
                    raise
            except _PERHAPS_NOT_SO as refusal:
                if self.refresh is None or tries:
                    raise
                if isinstance(refusal, refusals.RoomNotFound) and not known:
                    raise  # it has been looked for already
            tries += 1
            await _guarded(self.refresh(room_id))

    async def _join(
        self, room_id: str, name: str, wants_events: bool, echo: bool, resume: Resume | None,
        who: Identity, *, again: bool = False,
    ) -> Place:  # fmt: skip
        self._check_open()
        if (
            self.refresh is not None
            and not again
            and (resume is not None or not self._rooms.known(room_id))
        ):
            await _guarded(self.refresh(room_id))
        room = self._doors.enterable(room_id, who)
        tag = self._doors.tag_for(who, name)
        hashed = digest(resume.session) if resume is not None else None
        place = self._sessions.place(resume.session) if resume is not None else None
        stays = place is not None
        if place is not None and goes_by(place.member.record(), tag, who, self._limits):
            tag = place.member.tag  # it may have been given a name of before
        self._doors.check(room, tag, who, hashed)
        if not again:
            self._quotas.join(who, resumes=stays)
        if await self._doors.reserve(tag, who):
            room = self._doors.enterable(room_id, who)  # it may have been deleted meanwhile
            self._doors.check(room, tag, who, hashed)
        if resume is None:
            return await self._enter(room, tag, wants_events, echo, who=who)
        if not wants_events:
            raise refusals.RequestInvalid(
                "resume", "only a join with FEATURE_EVENTS has a session to resume"
            )
        known = await _guarded(self._sessions.find(resume.session))
        if self.refresh is not None and known is not None and known.place is not None:
            known = await self._once_claimed(known.place, resume)
        if self.refresh is not None and known is not None and self._is_news(room, known):
            await _guarded(self.refresh(room_id))
        self._check_open()
        room = self._doors.enterable(room_id, who)  # likewise; or somebody was banned
        self._doors.check(room, tag, who, hashed)
        if known is None or not self._still_holds(known, room, tag, resume, who):
            if stays and not again:
                self._quotas.join(who)  # or else anybody could come anew as often as they like
            return await self._enter(room, tag, wants_events, echo, Recovery.PARTIAL, who=who)
        if known.place is not None:
            return self._take_over(known.place, resume, echo, who)
        if known.elsewhere is not None:
            return await self._move_here(known.elsewhere, resume, echo, who)
        tag = names.name_tag(known.record.name, characters=self._limits.name_characters)
        self._doors.check(room, tag, who, hashed)  # likewise
        return await self._enter(room, tag, wants_events, echo, back=(known, resume), who=who)

    async def _once_claimed(self, place: Place, resume: Resume) -> Known | None:
        """What is known of a session once it is stored that this node serves its member.

        Another one may be about to store that it does, for a stream that was given up. While
        nothing can be stored, that cannot be either: so whoever was here already comes back.
        """
        place.room.changed.setdefault(place.member.author, place.member)
        self._commits.touch(place.room)
        await self._commits.stored()
        known = await _guarded(self._sessions.find(resume.session))
        if known is not None and known.place is place and place.adopted:
            raise refusals.JournalUnavailable("it could not be stored who serves this session")
        return known

    def _is_news(self, room: Room, known: Known) -> bool:
        """Whether a session has ended of whose member that is not known here yet."""
        inside = known.place is not None or known.elsewhere is not None
        return not inside and room.by_author(known.record.author) is not None

    def _still_holds(
        self, known: Known, room: Room, tag: NameTag, resume: Resume, who: Identity
    ) -> bool:
        """Whether a session goes on where it was; raises SessionMismatch, Removed.

        If not, its member leaves: whoever has the session is somebody else from here on.
        """
        record, place = known.record, known.place
        if known.key != room.facts.key:
            if self._rooms.has(known.key):
                raise refusals.SessionMismatch("room_id")
            return False  # that room is gone, with its sessions
        if not self._invitations.holds(who, record.subject, record.invitation):
            raise refusals.SessionMismatch("identity")
        if not goes_by(record, tag, who, self._limits):
            raise refusals.SessionMismatch("name")
        if record.removed:
            raise refusals.Removed
        if resume.epoch == room.facts.epoch and resume.after <= room.newest:
            return True
        if place is not None:
            self._sessions.forget(place.member)
            place.member.session = None
            self._depart(room, place.member, LeaveReason.LOST, refusals.SessionReplaced())
        return False

    def _take_over(self, old: Place, resume: Resume, echo: bool, who: Identity) -> Place:
        """Go on, silently, on another stream."""
        room = old.room
        after, recovery = self._from_where(old, resume, who)
        self._sessions.resumed(old.member)
        member = room.take_over(
            old.member, events=True, echo=echo, after=after, address=who.address
        )
        newest = room.newest
        place = Place(
            room, member, resume.session, recovery, newest, through=newest, recovered=True,
            first=old.first,
        )  # fmt: skip
        self._sessions.enter(place)
        self._streams.add(place)
        return place

    async def _move_here(self, old: Place, resume: Resume, echo: bool, who: Identity) -> Place:
        """Go on, silently, at this node; the one where they were learns of it."""
        room = old.room
        self._quotas.check(who, len(self._streams) + self._sessions.waiting)
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def undo() -> None:
            stay_elsewhere(room, member, old.member)
            self._sessions.forget(member)

        member = move_here(
            room, old.member, echo=echo, address=who.address, settle=into(settled, undo)
        )
        place = Place(
            room, member, resume.session, recovered=True, first=old.first, arrival=settled
        )
        self._sessions.enter(place)
        self._streams.add(place)
        self._commits.touch(room)
        try:
            await settled
            member.cursor, place.recovery = self._from_where(place, resume, who)
        except BaseException:
            self._leave(place)
            raise
        finally:
            place.arrival = None
        place.newest = place.through = room.newest
        return place

    async def _enter(
        self,
        room: Room,
        tag: NameTag,
        wants_events: bool,
        echo: bool,
        recovery: Recovery = Recovery.FRESH,
        *,
        back: tuple[Known, Resume] | None = None,
        who: Identity = ANYBODY,
    ) -> Place:
        """Let somebody in, with an arrival; `back`: who had departed, as the same member."""
        if not back:
            self._doors.check_newcomer(room, tag, who)
        self._quotas.check(who, len(self._streams) + self._sessions.waiting)
        session = ""
        if wants_events:
            session = back[1].session if back else self._token(16).hex()
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def undo() -> None:
            room.retract(member)
            self._sessions.forget(member)
            if not back:
                self._invitations.give_back(who)

        member = room.admit(
            tag, now=self._clock(), monotonic=self._monotonic(), events=wants_events, echo=echo,
            settle=into(settled, undo), session=digest(session) if session else None,
            author=back[0].record.author if back else None,
            former=back[0].record.former if back else (),
            subject=who.subject, invitation=who.invitation, address=who.address,
        )  # fmt: skip
        if not back:
            self._invitations.take(who)
        place = Place(room, member, session, recovery, recovered=back is not None, arrival=settled)
        self._sessions.enter(place)
        self._streams.add(place)
        self._commits.touch(room)
        try:
            arrival = await settled
        except BaseException:
            self._leave(place)
            raise
        finally:
            place.arrival = None
        if back:  # until now it would leave at once, and come back anew
            room.welcome(member)
        member.arrival = arrival.envelope
        place.newest = arrival.sequence - 1 if arrival.sequence else room.newest
        place.through = arrival.sequence or room.newest
        place.first = place.newest + 1
        member.cursor = place.through
        if back:
            member.cursor, place.recovery = self._from_where(place, back[1], who)
        return place

    def _from_where(self, place: Place, resume: Resume, who: Identity) -> tuple[int, Recovery]:
        """The cursor from which somebody reads on, and whether that is all of it.

        Without the right to read history it is nothing from before they came in, whatever the
        client says that it has.
        """
        oldest = place.room.log.oldest
        if not who.grant.gives(Right.HISTORY):
            oldest = max(oldest, place.first)
        if resume.after + 1 >= oldest:
            return resume.after, Recovery.COMPLETE
        return oldest - 1, Recovery.PARTIAL


async def _guarded(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except JournalError as error:
        raise refusals.JournalUnavailable(str(error)) from error
