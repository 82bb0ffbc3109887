"""The rooms of a server: found, listed, created and deleted here, and nowhere else."""

from __future__ import annotations

import logging
import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable

from chatroom.core import refusals, room_ids
from chatroom.core.limits import Limits
from chatroom.core.room import Room
from chatroom.core.text import checked_line
from chatroom.journal import Journal, JournalConflict, JournalError, NewRoom, StoredRoom

from .background import Background

log = logging.getLogger(__name__)


class Rooms:
    """All rooms of a server, each with the journal's number for it."""

    def __init__(
        self,
        journal: Journal,
        limits: Limits,
        *,
        clock: Callable[[], int],
        rng: random.Random,
        token: Callable[[int], bytes],
    ) -> None:
        """`clock` is in ns since 1970; `token` gives secret bytes."""
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._rng = rng
        self._token = token
        self._rooms: dict[str, Room] = {}
        self._public: list[str] = []
        """The ids of those that are not private, in order."""
        self._by_key: dict[int, Room] = {}
        """By the journal's numbers for them."""
        self._claimed: set[str] = set()
        """Ids of rooms that are being created."""
        self._background = Background()
        self.purges = True
        """Whether closed rooms are purged when their last reader has gone: a journal that several
        nodes share does that by itself, when none of them can have any."""
        self.on_created: Callable[[Room], None] = lambda _: None
        """Called with a room that was created here."""

    def take_over(self, stored: StoredRoom) -> Room:
        """Add a room that the journal has.

        One of the same id may be here still: it has ended at another node.
        """
        anew = stored.facts.room_id in self._rooms
        room = self._rooms[stored.facts.room_id] = Room(
            stored.facts,
            newest=stored.newest,
            last_sent=stored.last_sent,
            oldest=stored.oldest,
            size=stored.size,
            limits=self._limits,
            rng=self._rng,
        )
        self._by_key[stored.facts.key] = room
        if not (stored.facts.private or anew):
            insort(self._public, room.room_id)
        room.log.active = stored.active
        return room

    def known(self, room_id: str) -> bool:
        """Whether there is an open room of this id, as far as this node knows."""
        return room_id in self._rooms

    def of_key(self, key: int) -> Room:
        """The open room of this number of the journal's."""
        return self._by_key[key]

    def has(self, key: int) -> bool:
        """Whether the room of this number of the journal's is open."""
        return key in self._by_key

    def every(self) -> Iterable[Room]:
        """All that are open, in no order."""
        return self._rooms.values()

    def get(self, room_id: str) -> Room:
        """The open room of this id; raises RoomIdInvalid, RoomNotFound."""
        room = self._rooms.get(room_id)
        if room is None or room.closing:
            raise refusals.RoomNotFound(room_ids.checked_room_id(room_id))
        return room

    def listed(self, *, after: str = "", count: int = 0) -> list[Room]:
        """Those that are not private, in order of id, above `after`; count 0: all."""
        found: list[Room] = []
        public = self._public
        for index in range(bisect_right(public, after), len(public)):
            room = self._rooms[public[index]]
            if not room.closing:
                found.append(room)
                if len(found) == count:
                    break
        return found

    async def create(
        self, *, room_id: str = "", private: bool = False, title: str = "", capacity: int = 0,
        history: int = 0, creator: str = "",
    ) -> Room:  # fmt: skip
        """Add a room; see `RoomFacts`.

        Raises RoomIdInvalid, RoomExists, RequestInvalid, ServerFull.
        """
        limits = self._limits
        if len(self._rooms) + len(self._claimed) >= limits.server_rooms:
            raise refusals.ServerFull(
                f"the server has {limits.server_rooms} rooms; delete one first"
            )
        if private and room_id:
            raise refusals.RequestInvalid(
                "room_id", "a private room's id is made by the server; leave room_id out"
            )
        title = self.checked(title=title, capacity=capacity, history=history)
        if room_id:
            room_ids.checked_room_id(room_id)
            if room_ids.is_private_form(room_id):
                raise refusals.RoomIdInvalid(
                    "an id of 32 hexadecimal digits is a private room's; choose another one"
                )
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
            creator=creator,
        )
        # Whoever asked may go away meanwhile: the room must not be in the journal alone.
        return await self._background.whole(self._create(new))

    def checked(self, *, title: str, capacity: int, history: int) -> str:
        """The title as it is kept. Raises RequestInvalid for what a room may not have."""
        limits = self._limits
        if capacity > limits.room_capacity:
            raise refusals.RequestInvalid(
                "capacity", f"a room may have {limits.room_capacity} members"
            )
        if history > limits.history_entries:
            raise refusals.RequestInvalid(
                "history", f"a room may keep {limits.history_entries} entries"
            )
        return checked_line("title", title, limits.title_characters)

    async def _create(self, new: NewRoom) -> Room:
        try:
            stored = await self._journal.create_room(new)
        except JournalConflict as error:  # another node was quicker
            raise refusals.RoomExists(new.room_id) from error
        except JournalError as error:
            raise refusals.JournalUnavailable(str(error)) from error
        finally:
            self._claimed.discard(new.room_id)
        room = self.take_over(stored)
        self.on_created(room)
        return room

    def retire(self, room: Room) -> None:
        """Free the id of a closed room; its entries go when its last reader has."""
        self._by_key.pop(room.facts.key, None)
        if self._rooms.get(room.room_id) is room:  # and none that was made anew
            del self._rooms[room.room_id]
            if not room.facts.private:
                del self._public[bisect_left(self._public, room.room_id)]
        if not room.readers:
            self.purge(room)

    def purge(self, room: Room) -> None:
        """Have the journal forget a closed room that nobody reads any more."""
        if not self.purges:
            return

        async def purge() -> None:
            try:
                await self._journal.purge(room.facts.key)
            except JournalError as error:
                log.warning(
                    "room %s is purged at the next start: %s",
                    room.room_id, error, extra={"room": room.room_id},
                )  # fmt: skip

        self._background.begin(purge())

    async def close(self) -> None:
        """Wait for what goes on in the background."""
        await self._background.over()

    def _taken(self, room_id: str) -> bool:
        return room_id in self._rooms or room_id in self._claimed
