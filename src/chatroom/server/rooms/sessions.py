"""Sessions: who may come back to their place in a room.

In memory are the places of those who are in a room, with a stream or in the grace
after one. A session whose member has departed is in the journal alone, until it is
too old.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from chatroom.core.entry import Entry
from chatroom.core.grants import Identity
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import NameTag, name_tag
from chatroom.core.record import MemberRecord
from chatroom.core.refusals import NameInvalid, SessionUnknown
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import SESSION_SECONDS, Journal
from chatroom.server.counters import Streamed

from .quotas import Quotas


class Recovery(IntEnum):
    """What a join replays; the numbers are those of `rpc.Recovery`."""

    FRESH = 0
    COMPLETE = 1
    PARTIAL = 2


@dataclass(slots=True, frozen=True)
class Resume:
    """What a client says of the stream that it had."""

    session: str
    epoch: str
    after: int
    """The sequence of the last entry that it has."""


@dataclass(slots=True, eq=False)
class Place:
    """Somebody's place in a room: what a stream needs to speak and listen."""

    room: Room
    member: Member
    session: str = ""
    """The session as its client has it; empty: it has none, or none has come back yet."""
    recovery: Recovery = Recovery.FRESH
    newest: int = 0
    """The sequence of the newest entry before this stream."""
    through: int = 0
    """Of a resumed stream: the sequence with which it is live."""
    recovered: bool = False
    """Whether this stream goes on where an earlier one ended."""
    first: int = 0
    """The sequence with which its membership began; of whoever was inside when the server
    started, that of the first entry since."""
    arrival: asyncio.Future[Entry] | None = None
    """Until it is stored: what hears of it."""
    adopted: bool = False
    """It was that of a node that has died. Until this is stored another node may have it."""
    streamed: Streamed | None = None
    """While it is handed something: where that is counted."""


@dataclass(slots=True, frozen=True)
class Known:
    """A session that may be resumed."""

    record: MemberRecord
    key: int
    """Of its room."""
    place: Place | None = None
    """If its member is in the room."""
    elsewhere: Place | None = None
    """If it is there at another node."""


def digest(session: str) -> bytes:
    """What is kept of a session, so that a copy of the journal lets nobody in."""
    return hashlib.sha256(session.encode()).digest()


def goes_by(record: MemberRecord | None, tag: NameTag, who: Identity, limits: Limits) -> bool:
    """Whether a session has, or had, a name; only whether it has it if a token fixes that."""
    if record is None:
        return False
    for name in (record.name, *(record.former if not who.name else ())):
        try:
            if name == tag.text or tag.key == name_tag(name, characters=limits.name_characters).key:
                return True
        except NameInvalid:  # by rules that are newer than the name
            continue
    return False


def _inside(place: Place) -> Known | None:
    """What is known of a session whose member is in a room, or leaves it just now."""
    record = place.member.record()
    if record is None:
        return None
    return Known(record, place.room.facts.key, place if place.member.present else None)


class Sessions:
    """The sessions of a server."""

    def __init__(
        self,
        journal: Journal,
        on_lost: Callable[[Place, LeaveReason], None],
        quotas: Quotas,
        *,
        grace: float,
        clock: Callable[[], int],
    ) -> None:
        """`on_lost` hears when the grace (seconds) is over; `clock` is in ns since 1970.

        Whoever is in a room without a stream counts in `quotas` too.
        """
        self._quotas = quotas
        self._journal = journal
        self._on_lost = on_lost
        self._grace = grace
        self._clock = clock
        self._places: dict[bytes, Place] = {}
        self._of_room: dict[Room, set[bytes]] = {}
        """The keys of `_places`: a room that is deleted asks for its own alone."""
        self._elsewhere: dict[bytes, Place] = {}
        """Of those who are in a room at another node."""
        self._waiting: dict[Member, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """How many members are in a room without a stream."""
        return len(self._waiting)

    def enter(self, place: Place) -> None:
        """Note the place of a member; a stream that resumes has a new one."""
        session = place.member.session
        if session is not None:
            self._places[session] = place
            self._of_room.setdefault(place.room, set()).add(session)

    def stored(self, member: Member) -> None:
        """What has changed of a member is stored: if it was adopted, it is ours."""
        place = self._places.get(member.session) if member.session is not None else None
        if place is not None and place.member is member:
            place.adopted = False

    def place(self, session: str) -> Place | None:
        """The place of a member who is in a room."""
        return self._places.get(digest(session))

    def known(self, session: str) -> bool:
        """Whether its member is in a room, here or elsewhere, as far as this node knows."""
        hashed = digest(session)
        return hashed in self._places or self.elsewhere(hashed) is not None

    def put_elsewhere(self, room: Room, member: Member) -> None:
        """Note a member who is in a room at another node."""
        if member.session is not None:
            self._elsewhere[member.session] = Place(room, member)

    def elsewhere(self, session: bytes) -> Place | None:
        """The place of a member who is in a room at another node, by the session's SHA-256."""
        place = self._elsewhere.get(session)
        if place is None or place.member.standing is not Standing.ELSEWHERE:
            return None
        return place

    def speaker(self, session: str, *, streaming: bool = True) -> Place:
        """The place of a session, with an open stream if that is asked for, or SessionUnknown."""
        place = self.place(session) or self.elsewhere(digest(session))
        if place is None or (streaming and place.member.standing is Standing.AWAY):
            raise SessionUnknown
        return place

    async def find(self, session: str) -> Known | None:
        """What is known of a session that somebody wants to resume; raises JournalError."""
        hashed = digest(session)
        while True:
            place = self._places.get(hashed)
            if place is None:
                stored = await self._journal.session(hashed)
                if hashed not in self._places:  # nobody has come back by it meanwhile
                    return self._not_here(hashed, stored)
            elif place.arrival is not None:
                await asyncio.wait((place.arrival,))  # it is in once that is stored, if it is
                await asyncio.sleep(0)  # whoever came by it goes first
            else:
                return _inside(place)

    def _not_here(self, hashed: bytes, stored: tuple[int, MemberRecord] | None) -> Known | None:
        """What is known of a session whose member is at another node, or has departed."""
        if stored is None:
            return None
        key, record = stored
        there = self.elsewhere(hashed)
        if there is not None and not record.ended:
            return Known(record, key, elsewhere=there)
        # Those who are in a room are all in memory: without an end it left in this moment.
        valid = record.ended and self._clock() - record.ended < SESSION_SECONDS * 10**9
        return Known(record, key) if valid else None

    def wait(self, place: Place, reason: LeaveReason) -> None:
        """Begin the grace of a place that has no stream; `reason` is for its end."""
        member = place.member
        member.standing = Standing.AWAY

        def over() -> None:
            del self._waiting[member]
            self._quotas.remove(member)
            self._on_lost(place, reason)

        loop = asyncio.get_running_loop()
        self._waiting[member] = loop.call_later(self._grace, over)
        self._quotas.add(member)

    def resumed(self, member: Member) -> None:
        """End the grace of a member."""
        timer = self._waiting.pop(member, None)
        if timer is not None:
            timer.cancel()
            self._quotas.remove(member)

    def forget(self, member: Member) -> None:
        """Drop what is in memory: the journal has it now, or nothing is to be kept."""
        self.resumed(member)
        if member.session is None:
            return
        there = self._elsewhere.get(member.session)
        if there is not None and there.member is member:
            del self._elsewhere[member.session]
        place = self._places.get(member.session)
        if place is not None and place.member is member:
            del self._places[member.session]
            of_room = self._of_room[place.room]
            of_room.remove(member.session)
            if not of_room:
                del self._of_room[place.room]

    def drop(self, room: Room) -> None:
        """Forget everyone in a room that was deleted, also who left while that was stored."""
        for session in self._of_room.pop(room, ()):
            self.resumed(self._places.pop(session).member)
        for member in room.members():
            self.forget(member)

    def stop(self) -> None:
        """End every grace without a departure: the server goes, its members stay."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
