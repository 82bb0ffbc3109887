"""A member's stream: what `Chat` and `Subscribe` do, whatever carries them.

Two tasks serve a stream: `listen` reads requests and posts them, `chunks` hands out
what the member is to get. They share the member, and wake each other through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core import events, refusals
from chatroom.core.entry import NOBODY
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.member import Member
from chatroom.core.rate import TokenBucket
from chatroom.core.refusals import Refusal
from chatroom.core.room import Room
from chatroom.server.port.wake import Wake
from chatroom.server.rooms.hub import Hub
from chatroom.server.rooms.sessions import Place, Resume

from . import encode

JOIN_SECONDS = 10.0
"""How long a new stream may take for its first message."""

_CHAT_FIELDS = ("join", "message", "typing", "heartbeat", "leave")

Gone = Callable[[], Awaitable[None]]
"""Returns never, and raises once the peer is gone; awaited after it has half-closed."""


def the_one_field(message: pb.ChatMessage, *, joined: bool = False) -> str | None:
    """Name the one field that is set; None if none is. Raises OneField.

    Once `joined`, a join is not a field that may be set.
    """
    has = message.HasField
    if has("message") and not (has("join") or has("typing") or has("heartbeat") or has("leave")):
        return "message"  # what almost every message is, in half the time
    found = [field for field in _CHAT_FIELDS if has(field)]
    if len(found) > 1:
        raise refusals.OneField(
            f"a ChatMessage carries one field; this one has {' and '.join(found)}"
        )
    if joined and found == ["join"]:
        raise refusals.OneField("a stream joins one room, with its first message")
    return found[0] if found else None


async def first_join(hub: Hub, requests: AsyncIterator[pb.ChatMessage]) -> pb.JoinChat:
    """The join that begins a stream; raises JoinRequired, OneField, Draining."""
    loop = asyncio.get_running_loop()
    reading = loop.create_task(_first(requests))
    draining = loop.create_task(hub.drained.wait())
    try:
        await asyncio.wait(
            (reading, draining), timeout=JOIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if reading.done():
            message = reading.result()
        elif draining.done():
            raise refusals.Draining
        else:
            raise refusals.JoinRequired(
                f"the first message of a stream is a join; none came within {JOIN_SECONDS:g} s"
            )
    finally:
        reading.cancel()
        draining.cancel()
    if message is None or the_one_field(message) != "join":
        raise refusals.JoinRequired("the first message of a stream must be a join")
    return message.join


async def _first(requests: AsyncIterator[pb.ChatMessage]) -> pb.ChatMessage | None:
    return await anext(requests, None)


class MemberStream:
    """One member's stream, from its join to its end.

    `open` is called first and `close` last. While it is open, `chunks` yields enveloped
    messages, many at a time, and ends as the stream is to end: by returning for status
    OK, or by raising a Refusal or what `listen` met.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._wake = Wake()
        self._drained = Wake()
        self._place: Place | None = None
        self._failure: BaseException | None = None
        self._history = hub.limits.history_default
        self._reason = LeaveReason.LOST
        self._loop = asyncio.get_running_loop()
        self._heartbeat_due = 0.0
        self._beat: asyncio.TimerHandle | None = None
        self._quiet_since: float | None = None
        """Since when nothing was written; None while something is."""
        self._empty: TokenBucket | None = None
        self._patience: asyncio.TimerHandle | None = None
        """Runs from the member's first heartbeat on."""
        self._reading_since: float | None = None
        """Since when nothing has come although we read; None while we do not."""

    async def open(self, join: pb.JoinChat) -> None:
        """Join the room; raises what `Hub.join` raises."""
        if join.HasField("history"):
            self._history = join.history
        resume = join.resume
        self._place = place = await self._hub.join(
            join.room_id,
            join.name,
            wants_events=pb.FEATURE_EVENTS in join.features,
            echo=pb.FEATURE_ECHO in join.features,
            resume=Resume(resume.session, resume.epoch, resume.after)
            if join.HasField("resume")
            else None,
        )
        place.member.wake = self._wake.set
        place.member.heard = self._heard

    def close(self) -> None:
        """Leave the room; anything may have happened before, even nothing."""
        for timer in (self._beat, self._patience):
            if timer is not None:
                timer.cancel()
        if self._place is not None:
            self._hub.leave(self._place, self._reason)

    # ---- Upwards ------------------------------------------------------------------

    async def listen(self, requests: AsyncIterator[pb.ChatMessage], gone: Gone | None) -> None:
        """Post what comes until the peer half-closes; a failure ends `chunks`.

        Then, if the carrier wants it, wait for the peer to be gone.

        Not reading is how a member over its rate, or all while the journal is behind,
        are slowed down: HTTP/2 flow control carries it to the sender.
        """
        hub, place = self._hub, self._here
        talk, member = hub.talk, place.member
        try:
            self._reading_since = self._loop.time()
            async for request in requests:
                field = the_one_field(request, joined=True)
                self._reading_since = None
                if field is None or field in ("heartbeat", "leave"):
                    await self._pace_empty()
                    if field == "heartbeat":
                        self._answer_heartbeat()
                    elif field == "leave":
                        hub.quit(place)
                else:
                    while wait := talk.token_wait(member):  # noqa: ASYNC110 # only time helps
                        await asyncio.sleep(wait)
                    if field == "message":
                        self._say(place, request.message)
                    else:
                        talk.type(place, request.typing.active)
                if hub.commits.full:
                    await hub.commits.room_to_read()
                while talk.read_later(member):
                    await self._drained.wait()
                if self._patience is not None:
                    self._reading_since = self._loop.time()
            self._stop_patience()  # who has half-closed can send no heartbeats
            if gone is not None:
                await gone()
        except asyncio.CancelledError:
            raise
        except BaseException as failure:  # noqa: BLE001 # raised again by `chunks`
            self._fail(failure)

    async def _pace_empty(self) -> None:
        """Wait, if what says nothing comes in a flood: reading it costs others time."""
        if self._empty is None:
            limits = self._hub.limits
            self._empty = TokenBucket(limits.empty_rate, limits.empty_burst, self._loop.time())
        while wait := self._empty.take(self._loop.time()):  # noqa: ASYNC110 # only time helps
            await asyncio.sleep(wait)

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._wake.set()

    def _say(self, place: Place, message: pb.Message) -> None:
        if place.member.over:
            return  # too late, and its stream is about to say why
        try:
            self._hub.talk.say(place, message.message, message.nonce)
        except refusals.RoomClosed:
            return  # likewise
        except refusals.Draining as refusal:
            if place.member.session is None:  # the others say it again when they resume
                place.member.tell(events.Refused(message.nonce[:64], refusal))
        except Refusal as refusal:
            place.member.tell(events.Refused(message.nonce[:64], refusal))

    def _answer_heartbeat(self) -> None:
        now = self._loop.time()
        if self._patience is None:
            self._watch(self._hub.limits.heartbeat_patience)
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + self._hub.limits.heartbeat_interval
            place = self._here
            place.member.tell(events.Heartbeat(place.room.newest))

    def _heard(self, heartbeat: bool) -> None:
        """Something came from the member by a method beside the stream."""
        if heartbeat:
            self._answer_heartbeat()
        self._reading_since = self._loop.time()

    def _watch(self, seconds: float) -> None:
        self._patience = self._loop.call_later(seconds, self._check_silence)

    def _check_silence(self) -> None:
        """End the stream of a member that has sent heartbeats and now sends nothing."""
        patience = self._hub.limits.heartbeat_patience
        silence = 0.0 if self._reading_since is None else self._loop.time() - self._reading_since
        if silence >= patience:
            self._fail(refusals.HeartbeatLost(patience))
        else:
            self._watch(patience - silence)

    def _stop_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    # ---- Downwards ----------------------------------------------------------------

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Everything the member is to get, in writes of up to 64 KiB."""
        place = self._here
        room, member = place.room, place.member
        if member.events:
            self._next_beat(self._hub.limits.heartbeat_silence)
        async with aclosing(self._beginning()) as beginning:
            async for data in beginning:
                yield data
        while True:
            if self._failure is not None:
                raise self._failure
            if member.outbox:
                data = self._outbox(member)
                if data:
                    yield data
                continue
            if member.cursor < room.newest and not self._all_read(member):
                data = await self._following(room, member)
                if data:
                    yield data
                continue
            if room.closed is not None:
                raise room.closed
            if self._all_read(member):
                if member.outcome is not None:
                    raise member.outcome
                return
            if member.events and member.typing_seen != room.typing.version:
                data = self._typing(room, member)
                if data:
                    yield data
                continue
            if member.events:
                self._quiet_since = self._loop.time()
                await self._wake.wait()
                self._quiet_since = None
            else:
                await self._wake.wait()

    async def _beginning(self) -> AsyncGenerator[bytes, None]:
        """Joined, then what is replayed, the own arrival, live: in this order."""
        place = self._here
        room, member = place.room, place.member
        if member.events:
            place.known = True
            yield encode.joined(place, self._hub.limits)
        if place.recovered:
            while member.cursor < place.through and not self._all_read(member):
                data = await self._following(room, member)
                if data:
                    yield data
            if not member.logged and member.arrival:  # else it was in the room all the time
                yield member.arrival
            yield encode.LIVE
            return
        async with aclosing(
            self._hub.replay.said(room, before=place.newest + 1, count=self._history)
        ) as history:
            async for data in history:
                yield data
        yield member.arrival + encode.LIVE if member.events else member.arrival

    async def _following(self, room: Room, member: Member) -> bytes:
        """What follows the cursor, without the member's own unless it wants echoes."""
        tail = room.tail
        if member.cursor < tail.floor:
            try:
                return await self._hub.replay.catch_up(room, member)
            except refusals.SlowConsumer:
                self._reason = LeaveReason.TOO_SLOW
                raise
        if member.final is None:
            chunk = tail.read(member.cursor)
            if member.echo or member.author not in chunk.authors:
                member.cursor = chunk.through
                return chunk.data
        data, member.cursor = tail.read_apart(
            member.cursor, NOBODY if member.echo else member.author, member.final
        )
        return data

    def _next_beat(self, seconds: float) -> None:
        self._beat = self._loop.call_later(seconds, self._beat_if_quiet)

    def _beat_if_quiet(self) -> None:
        """After a silence tell the member that the server is there; then watch on."""
        silence = self._hub.limits.heartbeat_silence
        if self._quiet_since is None:  # a write is under way
            self._next_beat(silence)
            return
        quiet = self._loop.time() - self._quiet_since
        if quiet < silence:
            self._next_beat(silence - quiet)
            return
        place = self._here
        place.member.tell(events.Heartbeat(place.room.newest))
        self._next_beat(silence)

    def _all_read(self, member: Member) -> bool:
        return member.final is not None and member.cursor >= member.final

    def _outbox(self, member: Member) -> bytes:
        """Take events out of the outbox, for one write."""
        data = b""
        taken = 0
        for event in member.outbox:
            encoded = encode.outside(event, events=member.events)
            if data and len(data) + len(encoded) > self._hub.limits.write_bytes:
                break
            data += encoded
            taken += 1
        del member.outbox[:taken]
        self._drained.set()
        return data

    def _typing(self, room: Room, member: Member) -> bytes:
        changed = room.typing.since(member.typing_seen, member.author)
        member.typing_seen = room.typing.version
        return b"".join([encode.typing(name, active) for name, active in changed])

    @property
    def _here(self) -> Place:
        assert self._place is not None, "open() comes first"
        return self._place


@asynccontextmanager
async def conversation(
    hub: Hub,
    join: pb.JoinChat,
    requests: AsyncIterator[pb.ChatMessage],
    gone: Gone | None = None,
) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
    """A whole stream after its first message: `MemberStream.chunks`, to be read in the block."""
    stream = MemberStream(hub)
    try:
        await stream.open(join)
        listener = asyncio.get_running_loop().create_task(stream.listen(requests, gone))
        try:
            async with aclosing(stream.chunks()) as chunks:
                yield chunks
        finally:
            listener.cancel()
    finally:
        stream.close()


async def nothing() -> AsyncGenerator[pb.ChatMessage, None]:
    """The requests of a stream that cannot speak upwards."""
    never: tuple[pb.ChatMessage, ...] = ()
    for message in never:
        yield message
