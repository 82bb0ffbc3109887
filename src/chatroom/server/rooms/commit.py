"""The commit loop: one turn, one batch, durable before visible.

Whatever was drafted while the last batch was being stored is the next batch, for all
rooms together: group commit and group broadcast are one thing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from chatroom.core.broadcast import hand_out
from chatroom.core.entry import Draft, Encode, Entry, Kind, Passage, Settle
from chatroom.core.limits import Limits
from chatroom.core.log import Turn
from chatroom.core.member import Member
from chatroom.core.record import MemberRecord
from chatroom.core.refusals import JournalUnavailable, Refusal
from chatroom.core.room import Room
from chatroom.core.standing import Standing
from chatroom.journal import (
    Append,
    Journal,
    JournalConflict,
    JournalError,
    JournalFenced,
    NonceUsed,
)
from chatroom.server.counters import Counters

from .outage import Outage
from .sharing import Sharing

READS = 5
"""Turns of the event loop in which more may come before a batch is taken. A storm of joins goes at
680 to 820 a second in place of 550, and 20 rooms of 10 in a flood cost some hundredths less: larger
batches are fewer writes."""
FEW = 2
"""So many drafts, and a turn that brings none, are taken at once: it is no storm, and turns of the
loop for nothing were a fiftieth of what a message cost."""
SLICE = 250
"""Readers that are handed something before others have their turn: 1 to 2 ms."""


@dataclass(slots=True)
class _Part:
    """What one room contributes to a turn."""

    room: Room
    turn: Turn
    entries: list[Entry]

    @property
    def appended(self) -> bool:
        """Whether there is something to store."""
        return bool(self.entries or self.turn.changed or self.turn.beside)


class CommitLoop:
    """Takes drafts from rooms, has them stored, publishes the entries.

    `touch` says that a room has drafts. `room_to_read` is where streams wait while
    more than `pending_bytes` wait for the journal: that is the back-pressure.
    """

    def __init__(
        self,
        journal: Journal,
        encode: Encode,
        limits: Limits,
        *,
        outage: Outage,
        on_stored: Callable[[Room, list[Member], int], None],
        on_closed: Callable[[Room], None],
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        counters: Counters | None = None,
    ) -> None:
        """What to call after a room's part of a turn was published.

        `on_stored` gets the members whose records were stored, and the bytes by which
        the room has grown; `on_closed` is called after the closing entry. `clock` is in ns since
        1970, `monotonic` in seconds.
        """
        self._monotonic = monotonic
        self._counters = counters or Counters()
        self._published = 0.0
        """When the newest turn was."""
        self._appending: float | None = None
        """Since when the journal stores a turn, if it does."""
        self._journal = journal
        self._encode = encode
        self._limits = limits
        self._on_stored = on_stored
        self._on_closed = on_closed
        self._clock = clock
        self._dirty: dict[Room, None] = {}
        self._wake = asyncio.Event()
        self._turned = asyncio.Event()
        self._turning = False
        self._taken = 0
        """Turns that have begun; `_done` of them are over."""
        self._done = 0
        self._readers: list[Callable[[], None]] = []
        """Streams that are read again when less waits for the journal."""
        self._retrying: set[Room] = set()
        """Rooms that a timer will touch again."""
        self._drafted = 0
        self._touched = 0
        """How often rooms got drafts since a batch was taken."""
        self._pending_bytes = limits.pending_bytes
        self.full = False
        """Whether so much waits for the journal that streams are not read."""
        self._stopping = False
        self._outage = outage
        self.sharing: Sharing | None = None
        """Where other nodes append to the same rooms."""
        self.on_fenced: Callable[[], None] = lambda: None
        """Called when others have taken this node for dead."""

    def touch(self, room: Room, size: int = 0) -> None:
        """Note that `room` has drafts; `size` bytes of text came with the latest."""
        self._touched += 1
        if size:
            self._drafted += size
            self.full = self._drafted > self._pending_bytes
        if room not in self._dirty:
            self._dirty[room] = None
            self._wake.set()

    @property
    def appending_seconds(self) -> float:
        """How long the journal has had the turn that it stores now; 0: it stores none."""
        began = self._appending
        return self._monotonic() - began if began is not None else 0.0

    async def room_to_read(self) -> None:
        """Return once little enough waits for the journal."""
        while self.full:
            self._turned.clear()
            await self._turned.wait()

    def when_room_to_read(self, callback: Callable[[], None]) -> None:
        """As `room_to_read`, for who does not wait: the callback is called once, then."""
        self._readers.append(callback)

    async def stored(self) -> None:
        """Return once what is drafted by now is stored, or could not be."""
        last = self._taken + bool(self._dirty)
        while self._done < last:
            self._turned.clear()
            await self._turned.wait()

    async def flush(self) -> None:
        """Return once everything that was drafted is stored, or could not be."""
        while self._dirty or self._turning:
            self._turned.clear()
            await self._turned.wait()

    async def stop(self) -> None:
        """Commit what is drafted, then let `run` return."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Take turns until `stop`.

        The next batch is handed to the journal before the last one is fanned out: while its
        thread stores, the loop writes.
        """
        storing: asyncio.Task[list[Room]] | None = None
        while True:
            if storing is not None:
                stored = await storing
            elif self._dirty:
                await self._gather()
                stored = await self._store(self._take_dirty())
            elif self._stopping:
                return
            else:
                await self._wake.wait()
                self._wake.clear()
                continue
            storing = None
            published = self._published
            if self._dirty and stored:
                storing = asyncio.create_task(self._store(self._take_dirty()), name="store")
                await asyncio.sleep(0)  # so that it begins
            for room in stored:
                await self._fan_out(room)
            if stored:
                self._counters.fan_out_seconds.note(self._monotonic() - published)
            self._done += 1
            self._turning = storing is not None
            self._turned.set()
            if self._readers and not self.full:
                readers, self._readers = self._readers, []
                for go_on in readers:
                    go_on()

    async def _gather(self) -> None:
        """Let more come before a batch is taken."""
        for _ in range(READS):
            touched = self._touched
            await asyncio.sleep(0)
            if touched == self._touched <= FEW:
                return

    def _take_dirty(self) -> list[Room]:
        rooms, self._dirty = self._dirty, {}
        self._drafted = self._touched = 0
        self.full = False
        self._taken += 1
        self._turning = True
        return list(rooms)

    async def _store(self, rooms: list[Room]) -> list[Room]:
        """One turn: what is stored then can be read, and is to be fanned out."""
        if self.sharing is None:
            return await self._store_by(rooms, self._journal.append)
        try:
            return await self.sharing.turn(rooms, self._store_by)
        except JournalFenced as error:
            self._outage.failed(error)
            self.on_fenced()
            return []
        except JournalError as error:  # what others have stored could not be read
            self._failed([_Part(room, room.take(), []) for room in rooms if room.waiting], error)
            return []

    async def _store_by(
        self, rooms: list[Room], append: Callable[[Sequence[Append]], Awaitable[None]]
    ) -> list[Room]:
        """Have taken what rooms have drafted; raises JournalConflict when it was put back."""
        turns = [(room, room.take()) for room in rooms if room.waiting]
        while True:
            now = self._clock()
            batch = [
                _Part(room, turn, room.log.stamp(turn.drafts, now, self._encode))
                for room, turn in turns
            ]
            appends = [_append(part) for part in batch if part.appended]
            if not appends:
                break
            began = self._appending = self._monotonic()
            try:
                await append(appends)
            except NonceUsed as error:
                repeated = [room.repeated(turn, error.used) for room, turn in turns]
                if any(repeated):
                    continue  # without those; the others have other sequences now
                self._failed(batch, error)
                return []
            except (JournalConflict, JournalFenced) as error:
                if self.sharing is None:
                    self._failed(batch, error)
                    return []
                for room, turn in turns:
                    room.put_back(turn)
                raise
            except JournalError as error:
                self._failed(batch, error)
                return []
            finally:
                self._appending = None
            self._outage.worked()
            self._counters.append_seconds.note(self._monotonic() - began)
            self._counters.turn_entries.note(sum([len(part.entries) for part in batch]))
            break
        self._published = self._monotonic()
        for part in batch:
            self._publish(part)
        return [part.room for part in batch]

    def _publish(self, part: _Part) -> None:
        room, turn = part.room, part.turn
        before = room.log.size
        room.version += part.appended
        room.publish(turn, part.entries, [self._unlogged(draft) for draft in turn.unlogged])
        self._on_stored(room, turn.changed, room.log.size - before)
        if room.closed is not None:
            self._on_closed(room)

    async def _fan_out(self, room: Room) -> None:
        """Hand out what is new to every reader; others have their turn between slices."""
        readers = tuple(room.readers)
        for begin in range(0, len(readers), SLICE):
            if begin:
                await asyncio.sleep(0)
            hand_out(room, readers[begin : begin + SLICE])

    def _unlogged(self, draft: Draft) -> Entry:
        """What only one member of a big room is shown; it has no place in the log."""
        sent = draft.event.since if isinstance(draft.event, Passage) else self._clock()
        (enveloped,) = self._encode([draft], 0, sent)
        return Entry(0, sent, draft.kind, draft.author, enveloped, draft.nonce)

    # ---- A journal that does not work ------------------------------------------------

    def _failed(self, batch: list[_Part], error: JournalError) -> None:
        self._outage.failed(error)
        self._counters.append_failures += 1
        for part in batch:
            room = part.room
            room.fail(part.turn, JournalUnavailable(str(error)))
            if room.waiting and room not in self._retrying and not self._stopping:
                self._retrying.add(room)
                asyncio.get_running_loop().call_later(self._limits.journal_retry, self._retry, room)

    def _retry(self, room: Room) -> None:
        self._retrying.discard(room)
        self.touch(room)


def _append(part: _Part) -> Append:
    if not part.turn.changed:
        members: list[MemberRecord] = []
        gone: list[int] = []
        nodes: dict[int, int] = {}
    else:
        records = [(member.author, member.record()) for member in part.turn.changed]
        members = [record for _, record in records if record is not None]
        gone = [author for author, record in records if record is None]
        elsewhere = Standing.ELSEWHERE
        nodes = {m.author: m.node for m in part.turn.changed if m.standing is elsewhere}
    append = Append(
        part.room.facts.key,
        part.entries,
        members,
        gone,
        nodes=nodes,
        version=part.room.version,
        closes=bool(part.entries) and part.entries[-1].kind is Kind.CLOSED,
    )
    beside = part.turn.beside
    if beside is not None:
        append = replace(
            append,
            notes=list(beside.notes.values()),
            facts=beside.facts,
            replaced=beside.replaced,
        )
    return append


def into(future: asyncio.Future[Entry], undo: Callable[[], None] = lambda: None) -> Settle:
    """Settle a future with the entry; a refusal becomes its result's exception, after `undo`.

    That is called whether somebody still waits or not.
    """

    def settle(result: Entry | Refusal) -> None:
        if isinstance(result, Refusal):
            undo()
        if future.done():  # whoever waited has gone
            return
        if isinstance(result, Refusal):
            future.set_exception(result)
        else:
            future.set_result(result)

    return settle
