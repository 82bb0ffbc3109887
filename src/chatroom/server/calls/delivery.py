"""Delivery: how a member's stream hands out what there is, from its place in the log on.

Who publishes hands it out, as far as the stream takes it; a stream that takes nothing
stays where it is. A task writes only while pages are read from the journal.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from contextlib import aclosing

from chatroom.core import events, refusals
from chatroom.core.entry import NOBODY
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.member import Member, takes_nothing
from chatroom.core.refusals import Refusal
from chatroom.core.room import Room
from chatroom.core.tail import Tail
from chatroom.server.rooms.hub import Hub
from chatroom.server.rooms.sessions import Place
from chatroom.wire.envelopes import payloads

from . import encode
from .stream_call import FAILED, StreamCall

log = logging.getLogger(__name__)


class Stage(enum.Enum):
    """The life of a member's stream."""

    WAITING = "its join has not come"
    JOINING = "the hub decides, and the arrival is being stored"
    REPLAYING = "a task writes older entries, page by page; nobody else does"
    LIVE = "it is pumped"
    OVER = "it has its status, or its peer is gone"


class Delivery:
    """The half of a stream that writes."""

    __slots__ = (
        "_call", "_history", "_hub", "_loop", "_offer", "_outbox_full", "_place", "_reason",
        "_sent", "_stage", "_task", "_wrote",
    )  # fmt: skip

    def __init__(self, hub: Hub, call: StreamCall) -> None:
        self._hub = hub
        self._call = call
        self._offer = call.offer
        self._loop = asyncio.get_running_loop()
        self._stage = Stage.WAITING
        self._place: Place | None = None
        self._task: asyncio.Task[None] | None = None
        self._sent: asyncio.Future[None] | None = None
        """What `_write_all` waits for."""
        self._history = hub.limits.history_default
        self._reason = LeaveReason.LOST
        self._wrote = False
        """Something was written since the last check that is not in the log."""
        self._outbox_full = False
        """It is read on when its outbox was emptied."""

    @property
    def membership(self) -> Place | None:
        """Its place in a room; None: it has none."""
        return self._place

    @property
    def _here(self) -> Place:
        assert self._place is not None, "it has joined"
        return self._place

    async def _beginning(self, place: Place) -> None:
        """Joined, then what is replayed, the own arrival, live: in this order."""
        room, member = place.room, place.member
        room.welcome(member)
        data = b""
        if member.events:
            data = encode.joined(place, self._hub.limits)
        if place.recovered:
            await self._write_beside(data)
            while member.cursor < place.through and not all_read(member):
                await self._write_all(await self._following(room, member))
            data = b"" if member.logged else member.arrival  # else it was in all the time
            await self._write_beside(data + encode.LIVE)
            return
        before = place.newest + 1
        async with aclosing(
            self._hub.replay.said(room, before=before, count=self._history)
        ) as history:
            async for page in history:
                if data and len(data) + len(page) > self._hub.limits.write_bytes:
                    await self._write_beside(data)
                    data = b""
                data += page
        data += member.arrival + encode.LIVE if member.events else member.arrival
        await self._write_beside(data)

    def _go_live(self) -> None:
        self._task = None
        if self._stage is Stage.REPLAYING:
            self._stage = Stage.LIVE
            self._here.member.offer = self._offer
            self._call.go_on()
            self.pump()

    # ---- Live ------------------------------------------------------------------------

    def pump(self) -> None:
        """Hand out what there is, as far as the stream takes it. The hot path."""
        if self._stage is not Stage.LIVE:
            return
        place = self._place
        assert place is not None
        member, tail = place.member, place.room.tail
        while True:
            if member.outbox:
                if not self._write(self._outbox, member):
                    return
                continue
            cursor = member.cursor
            final = member.final
            if cursor < tail.newest and (final is None or cursor < final):
                if cursor < tail.floor:
                    self._read_back()
                    return
                if final is None:
                    chunk = tail.read(cursor)
                    if (member.echo or member.author not in chunk.authors) and self._offer(
                        chunk.data
                    ):
                        member.cursor = chunk.through
                        continue
                if not self._write_apart(member, tail):
                    return
                continue
            if not self._go_on_at_the_end(place, member):
                return

    def _write_apart(self, member: Member, tail: Tail) -> bool:
        """Hand out what this reader alone is to get, or can take; whether more can go.

        An entry that is longer than the room is handed out whole: the stream knows which
        pieces of it may go, and when (no dribbles, CVE-2019-9511).
        """
        room = self._call.room
        if room <= 0:
            self._call.wait()
            return False
        own = NOBODY if member.echo else member.author
        before = member.cursor
        data, member.cursor = tail.read_apart(before, own, member.final, room)
        self._leave_out(data, member, before)
        if data:
            self._send(data)
        return self._call.idle

    def _go_on_at_the_end(self, place: Place, member: Member) -> bool:
        """Everything in the log is handed out; whether there may be something else."""
        room = place.room
        if room.closed is not None:
            self._call.refuse(room.closed)
        elif all_read(member):
            if member.outcome is not None:
                self._call.refuse(member.outcome)
            else:
                self._call.finish()
        elif member.events and member.typing_seen != room.typing.version:
            return self._write(self._typing, member)
        return False

    def _write(self, take: Callable[[Member], bytes], member: Member) -> bool:
        """Hand out what is not in the log, if there is room for any; whether more can go."""
        if self._call.room <= 0:
            self._call.wait()
            return False
        data = take(member)
        if data:
            self._send(data)
        return self._call.idle

    def _send(self, data: bytes) -> None:
        self._wrote = True
        self._call.send(data)

    def writable(self) -> None:
        """There is room to send."""
        sent, self._sent = self._sent, None
        if sent is None:
            self.pump()
        elif not sent.done():
            sent.set_result(None)

    def _outbox(self, member: Member) -> bytes:
        """Take events out of the outbox, for one write."""
        data = b""
        taken = 0
        for event in member.outbox:
            encoded = encode.outside(event, events=member.events)
            self._call.streamed.beside += bool(encoded)
            if isinstance(event, events.Refused):
                self._hub.quotas.counters.refuse_message(event.refusal)
            if data and len(data) + len(encoded) > self._hub.limits.chunk_bytes:
                break
            data += encoded
            taken += 1
        member.outbox = member.outbox[taken:]
        if self._outbox_full:
            self._outbox_full = False
            self._loop.call_soon(self._call.go_on)
        return data

    def _typing(self, member: Member) -> bytes:
        typing = self._here.room.typing
        changed = typing.since(member.typing_seen, member.author)
        member.typing_seen = typing.version
        self._call.streamed.beside += len(changed)
        return b"".join([encode.typing(name, active) for name, active in changed])

    # ---- Reading older pages ----------------------------------------------------------

    def _read_back(self) -> None:
        self._stage = Stage.REPLAYING
        self._here.member.offer = takes_nothing
        self._task = self._loop.create_task(self._catch_up(), name="catch up")

    async def _catch_up(self) -> None:
        """Hand out pages of the journal until the tail reaches back far enough."""
        place = self._here
        room, member = place.room, place.member
        try:
            while member.cursor < room.tail.floor and not all_read(member):
                await self._write_all(await self._following(room, member))
        except Refusal as refusal:
            self._call.refuse(refusal)
        except asyncio.CancelledError:
            raise
        except Exception:
            where = self._call.log_name
            log.exception("%s failed", where, extra=where.known(room=room.room_id))
            self._call.finish(FAILED)
        else:
            self._go_live()

    async def _following(self, room: Room, member: Member) -> bytes:
        """What follows the cursor, without the member's own unless it wants echoes."""
        tail, before = room.tail, member.cursor
        if before < tail.floor:
            try:
                data = await self._hub.replay.catch_up(room, member)
            except refusals.SlowConsumer:
                self._reason = LeaveReason.TOO_SLOW
                raise
        else:
            own = NOBODY if member.echo else member.author
            data, member.cursor = tail.read_apart(before, own, member.final)
        self._leave_out(data, member, before)
        return data

    async def _write_beside(self, data: bytes) -> None:
        """As `_write_all`, of what no cursor passes."""
        self._call.streamed.beside += len(payloads(data))
        await self._write_all(data)

    def _leave_out(self, data: bytes, member: Member, before: int) -> None:
        """Count what was not handed out of what the cursor has passed: it was their own."""
        if not member.echo:
            self._call.streamed.beside += len(payloads(data)) - (member.cursor - before)

    def _count(self, place: Place) -> None:
        """The stream of a place has ended."""
        self._hub.quotas.counters.end(self._call.ended)
        streamed, place.streamed = place.streamed, None
        if streamed is not None:
            streamed.end(place.member.cursor)

    async def _write_all(self, data: bytes) -> None:
        """Return when the stream has taken all of it, and what was sent before."""
        if data:
            await self._taken()
            self._send(data)
            await self._taken()

    async def _taken(self) -> None:
        while not self._call.idle:
            self._sent = self._loop.create_future()
            await self._sent


def all_read(member: Member) -> bool:
    """Whether a member that goes has everything that it is to get."""
    return member.final is not None and member.cursor >= member.final
