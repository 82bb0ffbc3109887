"""Nodes: the servers that share a journal, and what each does about the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence

from chatroom.core.learning import Learned
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.member import Member
from chatroom.core.notes import SERVER
from chatroom.core.refusals import JournalUnavailable
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import JournalError, StoredRoom
from chatroom.journal.sharing import Asked, Node, SharedJournal

from .commit import CommitLoop
from .rooms import Rooms
from .sessions import Place, Sessions, digest
from .sharing import Sharing

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""From one look at all rooms to the next: nodes tell each other what they append, but what is told
may be lost."""


class Nodes:
    """Follows what other nodes store, and takes over from those that die."""

    def __init__(
        self,
        journal: SharedJournal,
        rooms: Rooms,
        sessions: Sessions,
        commits: CommitLoop,
        sharing: Sharing,
        *,
        restore: Callable[[StoredRoom], Room],
        depart: Callable[[Room, Member, LeaveReason], None],
        show_typing: Callable[[Room, Member, bool], None],
        on_serving: Callable[[bool], None],
        monotonic: Callable[[], float],
        clock: Callable[[], int],
    ) -> None:
        """`restore` adds a room with its notes; `depart` takes a member off the roster.

        `on_serving` hears False when this node may not serve, and True when it may again.
        `monotonic` is in seconds, `clock` in ns since 1970.
        """
        self._journal = journal
        self._rooms = rooms
        self._sessions = sessions
        self._commits = commits
        self._sharing = sharing
        self._restore = restore
        self._depart = depart
        self._on_serving = on_serving
        self._monotonic = monotonic
        self._clock = clock
        self._fenced = False
        self._look = asyncio.Event()
        self._look.set()
        self.others: Sequence[Node] = ()
        """Those that were alive when they were last looked at."""
        self._show_typing = show_typing
        journal.hear(self._appended, self._told)

    @property
    def count(self) -> int:
        """How many live, as far as this one knows, with itself."""
        return 1 + len(self.others)

    def __str__(self) -> str:
        """Which of how many this one is, for people."""
        many = f"{self.count} nodes share" if self.others else "no other node shares"
        return f"this is node {self._journal.node}; {many} the rooms now"

    async def meet(self) -> None:
        """Know the others, before this node serves; those that cannot be read are met later."""
        with contextlib.suppress(JournalError):
            own = self._journal.node
            nodes = await self._journal.nodes()
            self.others = [each for each in nodes if each.alive and each.number != own]

    # ---- Following ----------------------------------------------------------------

    def _appended(self, keys: Collection[int]) -> None:
        """Others have told that they appended to rooms."""
        for key in keys:
            if key == SERVER or key not in self._sharing.keys:
                self._look.set()
            elif (room := self._sharing.outdated(key)) is not None:
                self._commits.touch(room)

    def tell_typing(self, room: Room, member: Member, active: bool) -> None:
        """Have the other nodes hear that somebody types, or has stopped."""
        self._journal.tell(f"typing {room.facts.key} {member.author} {active:d}")

    def _told(self, told: str) -> None:
        """What another node has told; what is not known is of a newer version."""
        what, _, rest = told.partition(" ")
        if what != "typing":
            return
        key, author, active = map(int, rest.split())
        if key in self._sharing.keys:
            room = self._rooms.of_key(key)
            member = room.by_author(author)
            if member is not None and member.standing is Standing.ELSEWHERE:
                self._show_typing(room, member, bool(active))

    async def run(self) -> None:
        """Look at all rooms and nodes until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._look.wait()
            self._look.clear()
            try:
                await self.look()
            except JournalError as error:
                log.debug("what other nodes have stored cannot be read: %s", error)

    async def look(self) -> None:
        """Learn of every room that others have made, changed or deleted; and who has died."""
        if self._fenced:
            await self._start_anew()
        versions = await self._journal.versions()
        for key, version in versions.items():
            if key == SERVER:
                await self._look_at_server(version)
            elif key not in self._sharing.keys:
                await self._find(key)
            elif (room := self._sharing.outdated(key, version)) is not None:
                self._commits.touch(room)
        for key in set(self._sharing.keys) - versions.keys():
            if (room := self._sharing.outdated(key)) is not None:
                self._commits.touch(room)
        await self._look_at_nodes()

    async def _look_at_server(self, version: int) -> None:
        known = self._sharing.of_server
        if known != version:
            self._sharing.take_in(await self._journal.news([Asked(SERVER, known, None)]))

    async def _find(self, key: int) -> None:
        """Know a room that may be new; raises JournalError."""
        while True:
            ended = self._sharing.ended
            stored = await self._journal.room(key)
            if stored is None:
                return
            if ended == self._sharing.ended:  # or it may be this one, which was read before that
                self.found(stored)
                return

    def found(self, stored: StoredRoom) -> Room:
        """A room that others have made, or that was there when this node came."""
        if stored.facts.key in self._sharing.keys:
            return self._rooms.of_key(stored.facts.key)
        room = self._restore(stored)
        self._sharing.add(room)
        for record in stored.inside:
            member = room.restore(record, monotonic=self._monotonic())
            member.standing = Standing.ELSEWHERE
            member.node = stored.nodes.get(record.author, 0)
            self._sessions.put_elsewhere(room, member)
        return room

    def learned(self, room: Room, learned: Learned) -> None:
        """Members are served elsewhere, or not any more."""
        for member in learned.left:
            self._sessions.forget(member)
        for member in learned.elsewhere:
            self._sessions.put_elsewhere(room, member)

    # ---- The death of others --------------------------------------------------------

    async def _look_at_nodes(self) -> None:
        # Only of these: while others are asked for, members come to nodes that are newer still.
        serving = {member.node for _, member in self._elsewhere()}
        nodes = await self._journal.nodes()
        own = self._journal.node
        known = {each.number: each.name for each in self.others}
        self.others = [each for each in nodes if each.alive and each.number != own]
        for each in nodes:
            if each.alive or each.number == own:
                continue
            if await self._journal.declare_dead(each.number):
                known.pop(each.number, None)
                log.warning("node %d (%s) is dead: its lease has passed", each.number, each.name)
            else:  # it has renewed its lease since the list was read: whom it serves is not ours
                self.others.append(each)
        self._tell_of_change(known)
        dead = serving - {each.number for each in self.others}
        for room, member in self._elsewhere():
            if member.node in dead:
                self._adopt(room, member)

    def _elsewhere(self) -> list[tuple[Room, Member]]:
        """Whoever is in a room at another node."""
        return [
            (room, member)
            for room in self._rooms.every()
            for member in room.members()
            if member.standing is Standing.ELSEWHERE
        ]

    def _tell_of_change(self, known: dict[int, str]) -> None:
        """Log who has come and gone since others were known, by number."""
        here = {each.number: each.name for each in self.others}
        for number in here.keys() - known.keys():
            log.info("node %d (%s) has come: %s", number, here[number], self._so_many())
        for number in known.keys() - here.keys():
            log.info("node %d (%s) has gone: %s", number, known[number], self._so_many())

    def _so_many(self) -> str:
        return f"{self.count} nodes now" if self.others else "this one alone now"

    def _adopt(self, room: Room, member: Member) -> None:
        """Somebody whose node has died: they have the grace to come back, if they can."""
        self._sessions.forget(member)
        member.node = 0
        member.standing = Standing.AWAY
        member.ended = self._clock()
        if member.session is None:
            self._depart(room, member, LeaveReason.LOST)
            return
        place = Place(room, member, first=room.newest + 1, adopted=True)
        room.changed[member.author] = member
        self._sessions.enter(place)
        self._sessions.wait(place, LeaveReason.LOST)
        self._commits.touch(room)

    # ---- One's own ------------------------------------------------------------------

    def fenced(self) -> None:
        """Others took this node for dead: whom it serves is theirs now, or soon."""
        if self._fenced:
            return
        self._fenced = True
        log.error("other nodes have taken this one for dead: its streams end, and it starts anew")
        self._on_serving(False)
        for room in self._rooms.every():
            for member in self._sharing.give_up(room, self._journal.node):
                self._sessions.forget(member)
            for member in room.members():
                self._sessions.put_elsewhere(room, member)
        self._look.set()

    async def _start_anew(self) -> None:
        await self._journal.rejoin()
        self._fenced = False
        self._on_serving(True)
        for room in self._rooms.every():
            if room.waiting:  # somebody came while nothing could be stored
                self._commits.touch(room)
        log.warning("this node serves again")

    async def refresh(self, room_id: str) -> None:
        """Know what the journal knows of a room now; raises JournalError."""
        if self._rooms.known(room_id):
            await self._refresh(self._rooms.get(room_id).facts.key)
        if not self._rooms.known(room_id):  # it is new, or was made anew
            await self.look()
            if self._rooms.known(room_id):  # perhaps as somebody else has read it, before
                await self._refresh(self._rooms.get(room_id).facts.key)

    async def _refresh(self, key: int) -> None:
        if key not in self._sharing.keys:
            await self._find(key)
            return
        room = self._sharing.outdated(key)
        if room is None:
            return
        failures = self._sharing.failures
        self._commits.touch(room)
        await self._commits.stored()
        if self._sharing.failures != failures:  # who is in there is not known
            raise JournalError("what other servers have stored could not be read")

    async def know(self, *, room_id: str, session: str) -> None:
        """Before a call: know what was stored when it came. Raises JournalUnavailable.

        Of a room, of that of a session, or of all rooms; whoever has been answered by another
        node is to find here what was answered.
        """
        try:
            if room_id:
                await self.refresh(room_id)
            elif not session:
                await self.look()
                await self._commits.stored()
            elif not self._sessions.known(session):
                await self.know_session(session)
        except JournalError as error:
            raise JournalUnavailable(str(error), doing="read") from error

    async def know_session(self, session: str) -> None:
        """Know what the journal knows of the room of a session; raises JournalUnavailable."""
        try:
            found = await self._journal.session(digest(session))
            if found is not None:
                await self._refresh(found[0])
        except JournalError as error:
            raise JournalUnavailable(str(error), doing="read") from error
