"""The hub: how people come into the rooms of a server and go, and how it ends.

It knows no protocol; its encoder is handed in. Rooms are found and made in `rooms`, who
may come back is known in `sessions`, what members say is for `talk`.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial

from chatroom.core import events, refusals
from chatroom.core.clock import Clock
from chatroom.core.entry import Encode
from chatroom.core.learning import Learned, ReadEvent
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.notes import Note
from chatroom.core.refusals import Refusal
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import Journal, StoredRoom
from chatroom.journal.sharing import SharedJournal
from chatroom.server.traces import Traces

from .banning import Banning
from .commit import CommitLoop
from .doors import Doors
from .entrance import Entrance
from .invitations import Invitations
from .moderation import Moderation
from .nodes import Nodes
from .outage import Outage
from .quotas import Quotas
from .replay import Replay
from .reserved_names import ReservedNames
from .retention import Retention
from .rooms import Rooms
from .sessions import Place, Sessions
from .sharing import Sharing
from .streaming import Streaming
from .talk import Talk
from .traced_commit import TracedCommitLoop


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
        read: ReadEvent = lambda _: None,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        token: Callable[[int], bytes] = secrets.token_bytes,
        traces: Traces | None = None,
    ) -> None:
        """`clock` is in ns since 1970, `monotonic` in seconds; `token` gives secret bytes.

        The clock is believed as `Clock` says. `on_storing` hears when nothing can be stored
        any more, and when it can again: see `Outage`. `read` reads entries of other nodes.
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
        loop = CommitLoop if traces is None else partial(TracedCommitLoop, traces)
        self.commits: CommitLoop = loop(
            journal, encode, limits,
            outage=self._outage, on_stored=self._stored, on_closed=self._closed, clock=clock,
            monotonic=monotonic, counters=counters,
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
        self._on_storing = on_storing
        self._clock = clock
        self._monotonic = monotonic
        self._streams = Streaming(self.quotas)
        self._entrance = Entrance(
            self.rooms, self.sessions, self.commits, self.doors, self.invitations, self.quotas,
            self._streams, limits, check_open=self.check_open, depart=self._depart,
            leave=self.leave, clock=clock, monotonic=monotonic, token=token,
        )  # fmt: skip
        self.join = self._entrance.join
        self.nodes: Nodes | None = None
        """The others, where several share the journal."""
        if isinstance(journal, SharedJournal):
            self._share(journal, read)

    def _share(self, journal: SharedJournal, read: ReadEvent) -> None:
        sharing = Sharing(
            journal, monotonic=self._monotonic, read_notes=self._read_notes, read=read,
            on_learned=self._learned, on_closed=self._closed,
        )  # fmt: skip
        self.commits.sharing = sharing
        self.nodes = Nodes(
            journal, self.rooms, self.sessions, self.commits, sharing,
            restore=self._restore, depart=self._depart, show_typing=self.talk.show_typing,
            on_serving=self._on_storing, monotonic=self._monotonic, clock=self._clock,
        )  # fmt: skip
        self.commits.on_fenced = self.nodes.fenced
        self.rooms.on_created = sharing.add
        self.rooms.purges = False
        self._entrance.refresh = self.nodes.refresh
        self.talk.on_typing = self.nodes.tell_typing

    @property
    def streaming(self) -> int:
        """How many members have a stream here."""
        return len(self._streams)

    def places(self) -> list[Place]:
        """Of the members who have a stream here."""
        return list(self._streams)

    @property
    def kept_bytes(self) -> int:
        """What all rooms keep, and what makes searches quick, in bytes."""
        return self._retention.kept

    @property
    def index_bytes(self) -> int:
        """What makes searches quick, of those."""
        return self._journal.index_bytes

    @property
    def storing(self) -> bool:
        """Whether the newest thing that was to be stored could be."""
        return not self._outage.failing

    @property
    def storing_seconds(self) -> float:
        """How long the journal has had what it stores now; 0: it stores nothing."""
        return self.commits.appending_seconds

    # ---- Life -------------------------------------------------------------------

    async def open(self, address: str = "") -> None:
        """Take over what the journal has; raises JournalUnusable.

        `address`: where this server listens, for people who list the nodes.
        Whoever is inside may resume, or is lost after the grace; without a session at once,
        since nobody could come back to such a place and its name would be taken.
        """
        if isinstance(self._journal, SharedJournal):
            self._journal.listens(address)
        stored_rooms = await self._journal.open()
        of_server = await self._journal.server_notes()
        self._read_notes(None, of_server)
        for stored in stored_rooms:
            if self.nodes is not None:
                self.nodes.found(stored)
                continue
            room = self._restore(stored)
            for record in stored.inside:
                restored = room.restore(record, monotonic=self._monotonic())
                place = Place(room, restored, first=room.newest + 1)
                if record.session is None:
                    self._depart(room, place.member, LeaveReason.LOST)
                    continue
                place.member.ended = self._clock()
                self.sessions.enter(place)
                self.sessions.wait(place, LeaveReason.LOST)
        if self.nodes is not None:
            await self.nodes.meet()

    def _restore(self, stored: StoredRoom) -> Room:
        """Add a room that the journal has, but for who is inside."""
        room = self.rooms.take_over(stored)
        self._read_notes(room, stored.notes)
        self._retention.grown(room, room.log.size)
        return room

    def _read_notes(self, room: Room | None, notes: Sequence[Note]) -> None:
        """What there is of a room, or (None) of the server, or has come by another node."""
        self.banning.restore(room, notes)
        if room is None:
            self._reserved.restore(notes)
        else:
            self.moderation.restore(room, notes)
            self.invitations.restore(room, notes)

    def _learned(self, room: Room, learned: Learned, grown: int) -> None:
        """Other nodes have stored something."""
        assert self.nodes is not None
        self.nodes.learned(room, learned)
        self._retention.grown(room, grown)

    async def run(self) -> None:
        """Commit until `stop`; what fails unexpectedly is raised."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._retention.run(), name="retention")]
            if self.nodes is not None:
                beside.append(group.create_task(self.nodes.run(), name="nodes"))
            await self.commits.run()
            for task in beside:
                task.cancel()

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
            if member.present:
                self.sessions.stored(member)
            else:
                self.sessions.forget(member)
        self._retention.grown(room, size)

    def _closed(self, room: Room) -> None:
        self.sessions.drop(room)
        self.invitations.drop_room(room)
        self._retention.dropped(room)
        if self.commits.sharing is not None:
            self.commits.sharing.drop(room)
        self.rooms.retire(room)
