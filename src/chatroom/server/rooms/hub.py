"""The hub: how people come into the rooms of a server and go, and how it ends.

It knows no protocol; its encoder is handed in. Rooms are found and made in `rooms`, who
may come back is known in `sessions`, what members say is for `talk`.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable

from chatroom.core import events, names, refusals
from chatroom.core.clock import Clock
from chatroom.core.entry import Encode, Entry
from chatroom.core.grants import ANYBODY, Identity, Right
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import NameTag
from chatroom.core.refusals import Refusal
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import Journal, JournalError

from .banning import Banning
from .commit import CommitLoop, into
from .doors import Doors
from .invitations import Invitations
from .moderation import Moderation
from .outage import Outage
from .quotas import Quotas
from .replay import Replay
from .reserved_names import ReservedNames
from .retention import Retention
from .rooms import Rooms
from .sessions import Known, Place, Recovery, Resume, Sessions, digest, goes_by
from .streaming import Streaming
from .talk import Talk


class Hub:
    """All members of a server."""

    def __init__(
        self,
        journal: Journal,
        encode: Encode,
        limits: Limits,
        *,
        quotas: Quotas | None = None,
        on_storing: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        token: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`clock` is in ns since 1970, `monotonic` in seconds; `token` gives secret bytes.

        The clock is believed as `Clock` says. `on_storing` hears when nothing can be stored
        any more, and when it can again: see `Outage`.
        """
        clock = Clock(clock, monotonic)
        self.limits = limits
        self.draining = False
        self.newcomers: set[Callable[[], None]] = set()
        """Called when `drain` begins: of whoever waits to become a member."""
        rng = rng or random.SystemRandom()
        self.rooms = Rooms(journal, limits, clock=clock, rng=rng, token=token)
        self.quotas = quotas or Quotas(limits, monotonic)
        counters = self.quotas.counters
        self.sessions = Sessions(journal, self._lost, self.quotas, grace=limits.grace, clock=clock)
        self.replay = Replay(journal, limits, encode)
        self._outage = Outage(journal.probe, on_storing, limits, monotonic)
        self.commits = CommitLoop(
            journal, encode, limits,
            outage=self._outage, on_stored=self._stored, on_closed=self._closed, clock=clock,
        )  # fmt: skip
        self.talk = Talk(self.commits, limits, self.check_open, monotonic, counters)
        self.invitations = Invitations(
            journal, limits, clock=clock, token=token, stored=self.commits.stored
        )
        self._reserved = ReservedNames(journal, clock, characters=limits.name_characters)
        self._retention = Retention(
            journal, limits, self.rooms.every, clock, counters, sweep=self._reserved.sweep
        )
        self.doors = Doors(
            self.rooms, self.invitations, self._reserved, limits, clock=clock, remove=self._remove
        )
        self.banning = Banning(
            journal, self.rooms, limits, self.doors.bans,
            remove=self._remove, clock=clock, token=token,
        )  # fmt: skip
        self.moderation = Moderation(self.rooms, self.commits, limits, encode, remove=self._remove)
        self._journal = journal
        self._clock = clock
        self._monotonic = monotonic
        self._token = token
        self._streams = Streaming(self.quotas)

    # ---- Life -------------------------------------------------------------------

    async def open(self) -> None:
        """Take over what the journal has; raises JournalUnusable.

        Whoever is inside may resume, or is lost after the grace; without a session at once,
        since nobody could come back to such a place and its name would be taken.
        """
        stored_rooms = await self._journal.open()
        of_server = await self._journal.server_notes()
        self.banning.restore(None, of_server)
        self._reserved.restore(of_server)
        for stored in stored_rooms:
            room = self.rooms.take_over(stored)
            for each in (self.moderation, self.banning, self.invitations):
                each.restore(room, stored.notes)
            self._retention.grown(room, room.log.size)
            for record in stored.inside:
                restored = room.restore(record, monotonic=self._monotonic())
                place = Place(room, restored, first=room.newest + 1)
                if record.session is None:
                    self._depart(room, place.member, LeaveReason.LOST)
                    continue
                place.member.ended = self._clock()
                self.sessions.enter(place)
                self.sessions.wait(place, LeaveReason.LOST)

    async def run(self) -> None:
        """Commit until `stop`; what fails unexpectedly is raised."""
        async with asyncio.TaskGroup() as group:
            retention = group.create_task(self._retention.run(), name="retention")
            await self.commits.run()
            retention.cancel()

    async def drain(self) -> None:
        """From here on nobody joins or speaks, and every stream ends with DRAINING.

        What was accepted before is stored and shown first. Members with a session stay in
        the room: after a start they may resume.
        """
        self.draining = True
        for turn_away in tuple(self.newcomers):
            turn_away()
        self.sessions.stop()
        going = refusals.Draining()
        for place in self._streams:
            if place.member.events:
                place.member.tell(events.Draining(refusals.Draining.retry_after))
        await self.commits.flush()
        for place in list(self._streams):
            room, member = place.room, place.member
            if not member.present:
                continue  # about to end in its own way
            unknown = member.session is None or member.standing is Standing.ARRIVING
            room.dismiss(member, going)
            if unknown:
                self._depart(room, member, LeaveReason.LOST, going)

    async def stop(self) -> None:
        """Commit what was accepted; `run` returns then."""
        await self.commits.stop()

    async def close(self) -> None:
        """Let go of the journal."""
        self.sessions.stop()
        self._outage.stop()
        await self.rooms.close()
        for each in (self.moderation, self.banning, self.invitations):
            await each.close()
        await self._journal.close()

    def check_open(self) -> None:
        """Raise Draining once the server is going away."""
        if self.draining:
            raise refusals.Draining

    # ---- Coming -------------------------------------------------------------------

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
        self.check_open()
        room = self.doors.enterable(room_id, who)
        tag = self.doors.tag_for(who, name)
        hashed = digest(resume.session) if resume is not None else None
        place = self.sessions.place(resume.session) if resume is not None else None
        stays = place is not None
        if place is not None and goes_by(place.member.record(), tag, who, self.limits):
            tag = place.member.tag  # it may have been given a name of before
        self.doors.check(room, tag, who, hashed)
        self.quotas.join(who, resumes=stays)
        if await self.doors.reserve(tag, who):
            room = self.doors.enterable(room_id, who)  # it may have been deleted meanwhile
            self.doors.check(room, tag, who, hashed)
        if resume is None:
            return await self._enter(room, tag, wants_events, echo, who=who)
        if not wants_events:
            raise refusals.RequestInvalid(
                "resume", "only a join with FEATURE_EVENTS has a session to resume"
            )
        try:
            known = await self.sessions.find(resume.session)
        except JournalError as error:
            raise refusals.JournalUnavailable(str(error)) from error
        self.check_open()
        room = self.doors.enterable(room_id, who)  # likewise; or somebody was banned
        self.doors.check(room, tag, who, hashed)
        if known is None or not self._still_holds(known, room, tag, resume, who):
            if stays:
                self.quotas.join(who)  # or else anybody could come anew as often as they like
            return await self._enter(room, tag, wants_events, echo, Recovery.PARTIAL, who=who)
        if known.place is not None:
            return self._take_over(known.place, resume, echo, who)
        tag = names.name_tag(known.record.name, characters=self.limits.name_characters)
        self.doors.check(room, tag, who, hashed)  # likewise
        return await self._enter(room, tag, wants_events, echo, back=(known, resume), who=who)

    def _still_holds(
        self, known: Known, room: Room, tag: NameTag, resume: Resume, who: Identity
    ) -> bool:
        """Whether a session goes on where it was; raises SessionMismatch, Removed.

        If not, its member leaves: whoever has the session is somebody else from here on.
        """
        record, place = known.record, known.place
        if known.key != room.facts.key:
            if self.rooms.has(known.key):
                raise refusals.SessionMismatch("room_id")
            return False  # that room is gone, with its sessions
        if not self.invitations.holds(who, record.subject, record.invitation):
            raise refusals.SessionMismatch("identity")
        if not goes_by(record, tag, who, self.limits):
            raise refusals.SessionMismatch("name")
        if record.removed:
            raise refusals.Removed
        if resume.epoch == room.facts.epoch and resume.after <= room.newest:
            return True
        if place is not None:
            self.sessions.forget(place.member)
            place.member.session = None
            self._depart(room, place.member, LeaveReason.LOST, refusals.SessionReplaced())
        return False

    def _take_over(self, old: Place, resume: Resume, echo: bool, who: Identity) -> Place:
        """Go on, silently, on another stream."""
        room = old.room
        after, recovery = self._from_where(old, resume, who)
        self.sessions.resumed(old.member)
        member = room.take_over(
            old.member, events=True, echo=echo, after=after, address=who.address
        )
        newest = room.newest
        place = Place(
            room, member, resume.session, recovery, newest, through=newest, recovered=True,
            first=old.first,
        )  # fmt: skip
        self.sessions.enter(place)
        self._streams.add(place)
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
            self.doors.check_newcomer(room, tag, who)
        self.quotas.check(who, len(self._streams) + self.sessions.waiting)
        session = ""
        if wants_events:
            session = back[1].session if back else self._token(16).hex()
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def undo() -> None:
            room.retract(member)
            self.sessions.forget(member)
            if not back:
                self.invitations.give_back(who)

        member = room.admit(
            tag, now=self._clock(), monotonic=self._monotonic(), events=wants_events, echo=echo,
            settle=into(settled, undo), session=digest(session) if session else None,
            author=back[0].record.author if back else None,
            former=back[0].record.former if back else (),
            subject=who.subject, invitation=who.invitation, address=who.address,
        )  # fmt: skip
        if not back:
            self.invitations.take(who)
        place = Place(room, member, session, recovery, recovered=back is not None, arrival=settled)
        self.sessions.enter(place)
        self._streams.add(place)
        self.commits.touch(room)
        try:
            arrival = await settled
        except BaseException:
            self.leave(place)
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

    # ---- Going --------------------------------------------------------------------

    def leave(self, place: Place, reason: LeaveReason = LeaveReason.LOST) -> None:
        """End the stream of a place, however it ended.

        Its member leaves with it; if it has a session, after the grace.
        """
        room, member = place.room, place.member
        self._streams.discard(place)
        if room.closed is not None:
            self.sessions.forget(member)
        elif member.present:
            if member.session is None or member.standing is Standing.ARRIVING:
                self._depart(room, member, reason)
            elif not self.draining:
                member.ended = self._clock()
                self.talk.type(place, active=False)
                self.sessions.wait(place, reason)
        room.detach(member)
        if room.closed is not None and not room.readers:
            self.rooms.purge(room)

    def quit(self, place: Place) -> None:
        """The member says goodbye; its stream ends with OK once that is stored."""
        self.sessions.forget(place.member)
        self._depart(place.room, place.member, LeaveReason.QUIT)

    def _remove(self, room: Room, member: Member, outcome: Refusal) -> None:
        self.sessions.resumed(member)
        self._depart(room, member, LeaveReason.REMOVED, outcome)

    def _lost(self, place: Place, reason: LeaveReason) -> None:
        """The grace of a member is over."""
        self._depart(place.room, place.member, reason)

    def _depart(
        self, room: Room, member: Member, reason: LeaveReason, outcome: Refusal | None = None
    ) -> None:
        if room.depart(member, reason, now=self._clock(), outcome=outcome):
            self.commits.touch(room)

    def _stored(self, room: Room, changed: list[Member], size: int) -> None:
        for member in changed:
            if not member.present:
                self.sessions.forget(member)
        self._retention.grown(room, size)

    def _closed(self, room: Room) -> None:
        self.sessions.drop(room)
        self.invitations.drop_room(room)
        self._retention.dropped(room)
        self.rooms.retire(room)
