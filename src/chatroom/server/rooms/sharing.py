"""Sharing: turns of the commit loop where other nodes append to the same rooms.

A turn is stored against the rooms as this node knows them. If others were quicker, it takes in
what they have stored, and stores the turn again while nobody else can: so every node comes to it,
in the order of a line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence

from chatroom.core.learning import Learned, Learning, ReadEvent
from chatroom.core.member import Member
from chatroom.core.news import News
from chatroom.core.notes import SERVER, Note
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import Append, JournalConflict, JournalError, JournalFenced
from chatroom.journal.sharing import Asked, SharedJournal

CONTESTED_SECONDS = 1.0
"""For so long after others were quicker, a room's turns are stored while nobody else can: that
costs a round trip more than a turn that is stored at once, and less than one that was not. Turns
that store nothing take in what others have stored, as ever."""

LOST = (
    "the database has not all that it had acknowledged: was an older copy of it put in its place? "
    "End all servers, run chatserver new-epochs, and start them again"
)

Store = Callable[[Sequence[Append]], Awaitable[None]]


class Sharing:
    """What this node knows of rooms that others append to as well."""

    def __init__(
        self,
        journal: SharedJournal,
        *,
        monotonic: Callable[[], float],
        read_notes: Callable[[Room | None, Sequence[Note]], None],
        read: ReadEvent,
        on_learned: Callable[[Room, Learned, int], None],
        on_closed: Callable[[Room], None],
    ) -> None:
        """`monotonic` is in seconds. What to call when news are taken in.

        `read_notes` gets those of a room, or (None) of the server, before the rest is taken in;
        `on_learned` gets the bytes by which the room has grown.
        """
        self._journal = journal
        self._monotonic = monotonic
        self._learning = Learning(read, monotonic=monotonic)
        self._read_notes = read_notes
        self._on_learned = on_learned
        self._on_closed = on_closed
        self._stale: set[Room] = set()
        self._contested: dict[Room, float] = {}
        """Until when, in seconds."""
        self._rooms: dict[int, Room] = {}
        self.failures = 0
        """How often news could not be read."""
        self.ended = 0
        """How many rooms have ended since this node serves."""
        self.of_server = 0
        """The version of the notes of the server."""

    def give_up(self, room: Room, node: int) -> list[Member]:
        """See `Learning.give_up`."""
        return self._learning.give_up(room, node)

    def add(self, room: Room) -> None:
        """A room that is shared from now on."""
        self._rooms[room.facts.key] = room

    def outdated(self, key: int, version: int | None = None) -> Room | None:
        """Others have appended to a room; returns it if it is to be touched.

        `version`: the one that it has there, if it is known.
        """
        room = self._rooms.get(key)
        if room is None or room.version == version:
            return None
        self._stale.add(room)
        return room

    @property
    def keys(self) -> Collection[int]:
        """Of the rooms that are known."""
        return self._rooms.keys()

    async def turn(
        self, rooms: list[Room], store: Callable[[list[Room], Store], Awaitable[list[Room]]]
    ) -> list[Room]:
        """Store what rooms have drafted; which of them have something new.

        `store` takes the turns of rooms and has them stored. Raises JournalError if what others
        have stored cannot be read; then nothing was taken.
        """
        new: dict[Room, None] = {}
        contested = self._are_contested([room for room in rooms if room.waiting])
        if not contested:
            with self._reading([room for room in rooms if room in self._stale]) as stale:
                if stale:
                    news = await self._journal.news(_asked(stale))
                    new.update(dict.fromkeys(await self._take_in_alive(news)))
            try:
                new.update(dict.fromkeys(await store(rooms, self._journal.append)))
            except JournalConflict as conflict:
                until = self._monotonic() + CONTESTED_SECONDS
                for room in rooms:
                    if not conflict.keys or room.facts.key in conflict.keys:
                        self._contested[room] = until
            else:
                return list(new)
        with contextlib.ExitStack() as reading:
            reading.enter_context(self._reading(rooms))
            async with self._journal.held(_asked(rooms)) as held:
                learned = await self._take_in_alive(held.news)
                reading.close()
                if learned:  # it goes on for as long as others are there
                    until = self._monotonic() + CONTESTED_SECONDS
                    still = self._contested.keys() & set(learned)
                    self._contested.update(dict.fromkeys(still, until))
                new.update(dict.fromkeys(learned))
                try:
                    new.update(dict.fromkeys(await store(rooms, held.append)))
                except JournalConflict as conflict:  # although nobody else could append
                    raise JournalError(LOST) from conflict
        return list(new)

    @contextlib.contextmanager
    def _reading(self, rooms: list[Room]) -> Iterator[list[Room]]:
        """Rooms whose news are read in the block; if they cannot be, they are to be read again.

        What is told of them meanwhile may be newer than what is read.
        """
        self._stale.difference_update(rooms)
        try:
            yield rooms
        except BaseException:
            self.failures += 1
            self._stale.update(room for room in rooms if room.facts.key in self._rooms)
            raise

    async def _take_in_alive(self, news: Sequence[News]) -> list[Room]:
        """Take in news, unless they are of others who took this node for dead; JournalFenced.

        Whom it serves would look as if they had come back elsewhere. They have not: they are to.
        """
        if any(self._moves(each) for each in news):
            nodes = await self._journal.nodes()
            if not any(each.number == self._journal.node for each in nodes):
                raise JournalFenced("other servers serve whom this one served")
        return self.take_in(news)

    def _moves(self, news: News) -> bool:
        """Whether somebody who is served here is at another node by these news."""
        room = self._rooms.get(news.key)
        if room is None:
            return False
        own = self._journal.node
        members = [room.by_author(record.author) for record, node in news.members if node != own]
        return any(m is not None and m.standing is not Standing.ELSEWHERE for m in members)

    def _are_contested(self, rooms: Iterable[Room]) -> bool:
        if not self._contested:
            return False
        now = self._monotonic()
        found = False
        for room in rooms:
            until = self._contested.get(room)
            if until is None:
                continue
            if until > now:
                found = True
            else:
                del self._contested[room]
        return found

    def take_in(self, news: Iterable[News]) -> list[Room]:
        """Have rooms learn; which of them have something for their readers."""
        learned: list[Room] = []
        for each in news:
            if each.key == SERVER:
                self.of_server = each.version
                self._read_notes(None, each.notes)
                continue
            room = self._rooms.get(each.key)
            if room is None or room.version >= each.version:
                continue
            before = room.log.size
            if each.notes:
                self._read_notes(room, each.notes)
            found = self._learning.learn(room, each, self._journal.node)
            self._on_learned(room, found, room.log.size - before)
            if each.closed:
                self._on_closed(room)
            learned.append(room)
        return learned

    def drop(self, room: Room) -> None:
        """It has ended."""
        self.ended += 1
        self._rooms.pop(room.facts.key, None)
        self._stale.discard(room)
        self._contested.pop(room, None)


def _asked(rooms: Iterable[Room]) -> list[Asked]:
    return [
        Asked(room.facts.key, room.version, room.newest if room.readers else None) for room in rooms
    ]
