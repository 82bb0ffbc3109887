"""The hub: all rooms, who may enter them, and what the methods ask of them.

It knows no protocol; its encoder is handed in. It is the only owner of rooms, and of
the sessions by which a sender that cannot stream upwards is recognised.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatroom.core import names, refusals, room_ids
from chatroom.core.entry import Encode, Entry, LeaveReason, Settle
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.refusals import Refusal
from chatroom.core.room import Room
from chatroom.core.text import checked_line
from chatroom.journal import Journal, JournalError, NewRoom, StoredRoom

from .commit import CommitLoop
from .replay import Replay

log = logging.getLogger(__name__)

DRAFT_BYTES = 200
"""What a draft costs beside its text (measured with sys.getsizeof)."""
SEND_WAIT_SECONDS = 2.0
"""How long a SendMessage above the rate waits before it is refused."""


@dataclass(slots=True)
class Place:
    """Somebody's place in a room: what a stream needs to speak and listen."""

    room: Room
    member: Member
    session: str
    arrived: int
    """The sequence of the newest entry before the arrival."""


class Hub:
    """All rooms of a server."""

    def __init__(
        self,
        journal: Journal,
        encode: Encode,
        limits: Limits,
        *,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        token: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`clock` is in ns since 1970, `monotonic` in seconds; `token` gives secret bytes."""
        self.limits = limits
        self.draining = False
        self.drained = asyncio.Event()
        """Set when `drain` begins, for whoever waits to become a member."""
        self.replay = Replay(journal, limits)
        self._journal = journal
        self._encode = encode
        self._clock = clock
        self._monotonic = monotonic
        self._rng = rng or random.SystemRandom()
        self._token = token
        self._rooms: dict[str, Room] = {}
        self._claimed: set[str] = set()
        """Ids of rooms that are being created."""
        self._places: dict[str, Place] = {}
        self._left = asyncio.Event()
        self._background: set[asyncio.Task[Any]] = set()
        self.commits = CommitLoop(journal, encode, limits, on_closed=self._retire, clock=clock)

    # ---- Life -------------------------------------------------------------------

    async def open(self) -> None:
        """Take over the journal's rooms; raises JournalUnusable."""
        for stored in await self._journal.open():
            self._rooms[stored.facts.room_id] = self._room(stored)

    async def run(self) -> None:
        """Commit until `stop`."""
        await self.commits.run()

    def drain(self) -> None:
        """From here on nobody joins, and every stream ends with DRAINING."""
        self.draining = True
        self.drained.set()
        for place in list(self._places.values()):
            place.room.depart(place.member, LeaveReason.LOST, outcome=refusals.Draining())
            self.commits.touch(place.room)

    async def deserted(self) -> None:
        """Return once no stream is left."""
        while self._places:
            self._left.clear()
            await self._left.wait()

    async def stop(self) -> None:
        """Commit what was accepted; `run` returns then."""
        await self.commits.stop()

    async def close(self) -> None:
        """Let go of the journal."""
        if self._background:
            await asyncio.wait(self._background)
        await self._journal.close()

    # ---- Rooms --------------------------------------------------------------------

    def room(self, room_id: str) -> Room:
        """The open room of this id; raises RoomIdInvalid, RoomNotFound."""
        room = self._rooms.get(room_id)
        if room is None or room.closing:
            raise refusals.RoomNotFound(room_ids.checked_room_id(room_id))
        return room

    def rooms(self, *, after: str = "", count: int = 0) -> list[Room]:
        """Rooms that are not private, in order of id, above `after`; count 0: all."""
        found = sorted(
            (
                room
                for room in self._rooms.values()
                if not room.facts.private and not room.closing and room.room_id > after
            ),
            key=lambda room: room.room_id,
        )
        return found[:count] if count else found

    async def create_room(
        self, *, room_id: str = "", private: bool = False, title: str = "", capacity: int = 0,
        history: int = 0,
    ) -> Room:  # fmt: skip
        """Add a room. Raises RoomIdInvalid, RoomExists, RequestInvalid, ServerFull."""
        limits = self.limits
        if self.draining:
            raise refusals.Draining
        if len(self._rooms) + len(self._claimed) >= limits.server_rooms:
            raise refusals.ServerFull(
                f"the server has {limits.server_rooms} rooms; delete one first"
            )
        if private and room_id:
            raise refusals.RequestInvalid(
                "room_id", "a private room's id is made by the server; leave room_id out"
            )
        title = checked_line("title", title, limits.title_characters)
        if capacity > limits.room_capacity:
            raise refusals.RequestInvalid(
                "capacity", f"a room may have {limits.room_capacity} members"
            )
        if history > limits.history_entries:
            raise refusals.RequestInvalid(
                "history", f"a room may keep {limits.history_entries} entries"
            )
        if room_id:
            room_ids.checked_room_id(room_id)
            if self._taken(room_id):
                raise refusals.RoomExists(room_id)
        elif private:
            room_id = room_ids.new_private_room_id(self._token)
        else:
            room_id = room_ids.new_room_id(self._taken, self._rng)
        self._claimed.add(room_id)
        new = NewRoom(
            room_id=room_id,
            epoch=self._token(8).hex(),
            created=self._clock(),
            title=title,
            private=private,
            capacity=capacity,
            history=history,
        )
        # Whoever asked may go away meanwhile: the room must not be in the journal alone.
        creating = asyncio.get_running_loop().create_task(self._create(new))
        self._background.add(creating)
        creating.add_done_callback(self._background.discard)
        return await asyncio.shield(creating)

    async def _create(self, new: NewRoom) -> Room:
        try:
            stored = await self._journal.create_room(new)
        except JournalError as error:
            raise refusals.JournalUnavailable(str(error)) from error
        finally:
            self._claimed.discard(new.room_id)
        room = self._rooms[new.room_id] = self._room(stored)
        return room

    async def delete_room(self, room_id: str, *, reason: str, successor: str) -> Room:
        """Close a room: a final entry, then the end of every stream. The room as it was.

        Raises RoomNotFound, RequestInvalid, JournalUnavailable.
        """
        room = self.room(room_id)
        reason = checked_line("reason", reason, self.limits.reason_characters)
        if successor:
            room_ids.checked_room_id(successor)
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        room.close(reason, successor, _into(settled))
        self.commits.touch(room)
        await settled
        return room

    def _taken(self, room_id: str) -> bool:
        return room_id in self._rooms or room_id in self._claimed

    def _room(self, stored: StoredRoom) -> Room:
        return Room(
            stored.facts,
            newest=stored.newest,
            last_sent=stored.last_sent,
            limits=self.limits,
            rng=self._rng,
        )

    async def _retire(self, room: Room) -> None:
        """A closed room's id is free; its entries go when its last reader has."""
        del self._rooms[room.room_id]
        if not room.readers:
            self._purge(room)

    def _purge(self, room: Room) -> None:
        async def purge() -> None:
            try:
                await self._journal.purge(room.facts.key)
            except JournalError as error:
                log.warning("room %s is purged at the next start: %s", room.room_id, error)

        task = asyncio.get_running_loop().create_task(purge())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # ---- Members ------------------------------------------------------------------

    async def join(self, room_id: str, name: str, *, wants_events: bool, echo: bool) -> Place:
        """Let somebody in; returns once the arrival is stored. `leave` must follow.

        Raises RoomIdInvalid, RoomNotFound, RoomFull, ServerFull, NameInvalid,
        NameTaken, Draining, JournalUnavailable.
        """
        if self.draining:
            raise refusals.Draining
        room = self.room(room_id)
        tag = names.name_tag(name, characters=self.limits.name_characters)
        if len(self._places) >= self.limits.server_members:
            raise refusals.ServerFull(
                f"the server has {self.limits.server_members} members; try again later"
            )
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        member = room.admit(
            tag,
            now=self._clock(),
            monotonic=self._monotonic(),
            events=wants_events,
            echo=echo,
            settle=_into(settled),
        )
        session = self._token(16).hex()
        place = self._places[session] = Place(room, member, session, 0)
        try:
            if member.logged:
                self.commits.touch(room)
                arrival = await settled
                member.cursor = arrival.sequence
                member.arrival = arrival.envelope
                place.arrived = arrival.sequence - 1
            else:
                draft = room.unlogged_arrival(member)
                member.arrival = self._encode(draft, 0, member.since)
                place.arrived = member.cursor
        except Refusal:
            room.retract(member)
            self._forget(place)
            raise
        except BaseException:
            self.leave(place)
            raise
        return place

    def leave(self, place: Place) -> None:
        """End a place whose stream is over, whatever the reason."""
        room, member = place.room, place.member
        if room.depart(member, LeaveReason.LOST):
            self.commits.touch(room)
        self._forget(place)
        room.detach(member)
        if room.closed is not None and not room.readers:
            self._purge(room)

    def quit(self, place: Place) -> None:
        """The member says goodbye; its stream ends with OK once that is stored."""
        if place.room.depart(place.member, LeaveReason.QUIT):
            self.commits.touch(place.room)

    async def remove_member(self, room_id: str, name: str, reason: str) -> Member:
        """Take somebody out of a room. Raises RoomNotFound, MemberNotFound, NameInvalid."""
        room = self.room(room_id)
        reason = checked_line("reason", reason, self.limits.reason_characters)
        member = room.member_called(name)
        if member is None:
            raise refusals.MemberNotFound(name, room_id)
        room.depart(member, LeaveReason.REMOVED, outcome=refusals.Removed(reason))
        self.commits.touch(room)
        return member

    def place(self, session: str) -> Place:
        """The place of an open stream; raises SessionUnknown."""
        place = self._places.get(session)
        if place is None or not place.member.events:
            raise refusals.SessionUnknown
        return place

    def _forget(self, place: Place) -> None:
        if self._places.pop(place.session, None) is not None:
            self._left.set()

    # ---- What members do ------------------------------------------------------------

    def token_wait(self, member: Member) -> float:
        """Take a token of the member's rate: seconds to wait, 0 if it was taken."""
        return member.bucket.take(self._monotonic())

    def say(self, place: Place, text: str, nonce: str) -> None:
        """Draft a message of a stream; if it cannot be stored, that stream is told."""
        place.room.post(place.member, text, nonce)
        self.commits.touch(place.room, len(text) + DRAFT_BYTES)

    async def send(self, place: Place, text: str, nonce: str) -> Entry:
        """Draft a message and wait for its entry.

        Above the rate it waits up to 2 s. Raises RateLimited, TextInvalid, TextTooLong,
        NonceInvalid, JournalUnavailable, or how the member's stream has ended.
        """
        await self.pace(place)
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        place.room.post(place.member, text, nonce, _into(settled))
        self.commits.touch(place.room, len(text) + DRAFT_BYTES)
        return await settled

    async def pace(self, place: Place) -> None:
        """Wait for a token, 2 s at most; raises RateLimited."""
        waited = 0.0
        while wait := self.token_wait(place.member):
            if waited + wait > SEND_WAIT_SECONDS:
                raise refusals.RateLimited(wait)
            await asyncio.sleep(wait)
            waited += wait
        await self.commits.room_to_read()

    def type(self, place: Place, active: bool) -> None:
        """Note that a member types, or has stopped."""
        room, member = place.room, place.member
        if not member.present:
            return
        before = room.typing.version
        wait = room.typing.notice(member.author, member.name, active, self._monotonic())
        if wait is not None:
            asyncio.get_running_loop().call_later(wait, self._release_typing, room, member)
        if room.typing.version != before:
            room.wake_all()

    def _release_typing(self, room: Room, member: Member) -> None:
        if room.typing.release(member.author, self._monotonic()):
            room.wake_all()

    def read_later(self, member: Member) -> bool:
        """Whether a member's stream is not to be read for now: its outbox is full."""
        return len(member.outbox) >= self.limits.outbox


def _into(future: asyncio.Future[Entry]) -> Settle:
    """Settle a future with the entry; a refusal becomes its result's exception."""

    def settle(result: Entry | Refusal) -> None:
        if future.done():  # whoever waited has gone
            return
        if isinstance(result, Refusal):
            future.set_exception(result)
        else:
            future.set_result(result)

    return settle
