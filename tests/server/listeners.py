"""Members' streams without a network, and a journal that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.core.refusals import Refusal
from chatroom.journal import Append, Journal, JournalError, NewRoom, StoredRoom
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls import encode
from chatroom.server.calls.listing import Listing, prepared
from chatroom.server.calls.protocols import PROTOCOLS, Rewritten, as_json
from chatroom.server.calls.stream import MemberStream
from chatroom.server.calls.stream_call import StreamCall
from chatroom.server.port.log_names import UNNAMED
from chatroom.server.port.rota import Turn, next_turn
from chatroom.server.rooms.hub import Hub
from chatroom.wire.envelopes import envelope, payloads

TICK_SECONDS = 0.02


class TamedJournal(MemoryJournal):
    """Works until it is told not to, or to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.probed = 0
        self.failed = asyncio.Event()
        self.going = asyncio.Event()
        self.going.set()

    async def create_room(self, room: NewRoom) -> StoredRoom:
        await self.going.wait()
        return await super().create_room(room)

    async def append(self, appends: Sequence[Append]) -> None:
        await self.going.wait()
        if self.broken:
            self.failed.set()
            raise JournalError("no space left on device")
        await super().append(appends)

    async def probe(self) -> None:
        self.probed += 1
        if self.broken:
            raise JournalError("no space left on device")


async def whole(listing: Listing) -> Any:
    """The response of a method that answers with many items."""
    encoded = await prepared(listing, json=False, gzip=False)
    return type(listing.response).FromString(encoded)


class Wire:
    """An exchange whose peer is a test: it reads one write at a time, when asked to.

    Upwards it has room for one request: the next one comes when the last was acknowledged.
    """

    def __init__(self) -> None:
        self.call: StreamCall
        self.requests: deque[bytes] = deque()
        self.written: deque[bytes] = deque()
        self.ended = False
        self.changed = asyncio.Event()
        self._wanted = False
        self._unread = 0

    def request(self, message: pb.ChatMessage) -> None:
        """Send a message upwards, when there is room."""
        self.requests.append(envelope(message.SerializeToString()))
        self._deliver()

    def _deliver(self) -> None:
        while self.requests and not self._unread and not self.ended:
            data = self.requests.popleft()
            self._unread = len(data)
            self.call.hear(data, end=False)

    async def read(self) -> bytes:
        """The next write; raises StopAsyncIteration at the end."""
        while not self.written:
            if self.ended:
                raise StopAsyncIteration
            if self._wanted:
                self._wanted = False
                self.call.writable()
                continue
            self.changed.clear()
            await self.changed.wait()
        return self.written.popleft()

    # What a call does

    @property
    def room(self) -> int:
        return 0 if self.written else 1 << 20

    @property
    def idle(self) -> bool:
        return not self.written

    def offer(self, data: bytes) -> bool:
        if self.written:
            return False
        self.send(data)
        return True

    def begin(self, headers: Any) -> None: ...

    def send(self, data: bytes) -> None:
        self.written.append(data)
        self._wanted = True
        self.changed.set()

    def wait(self, size: int) -> None:
        self._wanted = True
        self.changed.set()

    def end(self, trailers: Any, last: bytes = b"") -> None:
        self.ended = True
        self.changed.set()

    def whole(self, headers: Any) -> None:
        self.end(headers)

    log_name = UNNAMED

    def acknowledge(self, size: int) -> None:
        self._unread -= size
        asyncio.get_running_loop().call_soon(self._deliver)

    def abort(self) -> None:
        self.end(None)

    def release(self) -> None: ...

    def carry(self, call: Any) -> None:
        self.call = call


class RecordedCall(StreamCall):
    """A call that remembers what it was refused with, and how often it was to go on."""

    refusal: Refusal | None = None
    went_on = 0

    def go_on(self) -> None:
        self.went_on += 1
        super().go_on()

    def refuse(self, refusal: Refusal) -> None:
        self.refusal = self.refusal or refusal
        super().refuse(refusal)


class Listener:
    """A member's stream."""

    def __init__(
        self,
        hub: Hub,
        name: str,
        *features: pb.Feature,
        history: int = 10,
        room: str = "lobby",
        resume: pb.Resume | None = None,
        turn: Turn = next_turn,
    ) -> None:
        self.hub = hub
        self.wire = Wire()
        self.call = RecordedCall(
            self.wire,
            PROTOCOLS[b"application/grpc"],
            [],
            pb.ChatMessage,
            limit=hub.limits.envelope_bytes,
            json=Rewritten(as_json),
            extra=[],
            now=asyncio.get_running_loop().time(),
            on_end=lambda: None,
        )
        self.stream = MemberStream(hub, self.call, subscribe=False, turn=turn)
        self.call.serve(self.stream)
        self.wire.carry(self.call)
        self.join = pb.JoinChat(
            room_id=room, name=name, features=features, history=history, resume=resume
        )
        self.joined: pb.Joined | None = None
        self.writes: list[int] = []
        """The bytes of each write so far."""
        self.last = 0
        """The highest sequence that was read."""
        self._messages: list[pb.Message] = []
        self._ticking: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Send the join, and do not wait for what becomes of it."""
        self.wire.request(pb.ChatMessage(join=self.join))

    def go(self) -> None:
        """Be gone, without a word."""
        self.wire.ended = True
        self.call.gone()

    async def open(self, *, arrive: bool = True) -> Listener:
        """Join, and read up to the own arrival, or nothing. Raises what refuses it."""
        self._ticking = asyncio.create_task(self._tick())
        self.ask()
        try:
            while not self.wire.written and not self.wire.ended:
                self.wire.changed.clear()
                await self.wire.changed.wait()
        except asyncio.CancelledError:
            self.go()
            raise
        if not self.wire.written and self.call.refusal is not None:
            raise self.call.refusal
        while arrive and not (await self.next()).HasField("entered"):
            pass
        return self

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.wire.ended:
            self.call.check(loop.time())
            await asyncio.sleep(TICK_SECONDS)

    async def next(self) -> pb.Message:
        while not self._messages:
            chunk = await self.wire.read()
            self.writes.append(len(chunk))
            self._messages = [pb.Message.FromString(each) for each in payloads(chunk)]
        message = self._messages.pop(0)
        if message.HasField("joined"):
            self.joined = message.joined
        self.last = max(self.last, message.sequence)
        return message

    async def next_but(self, event: str) -> pb.Message:
        """The next message that is not such an event."""
        while (message := await self.next()).WhichOneof("event") == event:
            pass
        return message

    async def until_live(self) -> list[pb.Message]:
        """Everything up to `live`, without `joined` and it."""
        found: list[pb.Message] = []
        while not (message := await self.next()).HasField("live"):
            if not message.HasField("joined"):
                found.append(message)
        return found

    async def said(self) -> pb.Message:
        """The next thing that somebody said."""
        while (message := await self.next()).WhichOneof("event") is not None:
            pass
        return message

    async def end(self) -> Refusal | None:
        """Read to the end: how the stream ends."""
        try:
            while True:
                await self.next()
        except StopAsyncIteration:
            return self.call.refusal

    def token(self, after: int | None = None) -> pb.Resume:
        """What it resumes with, from the last sequence that it has read."""
        assert self.joined is not None
        return pb.Resume(
            session=self.joined.session,
            epoch=self.joined.epoch,
            after=(self.last or self.joined.sequence) if after is None else after,
        )

    async def again(self, *features: pb.Feature, after: int | None = None) -> Listener:
        """The same member on another stream."""
        return await Listener(
            self.hub,
            self.join.name,
            *(features or self.join.features),
            room=self.join.room_id,
            resume=self.token(after),
        ).open(arrive=False)

    def say(self, text: str, nonce: str = "") -> None:
        self.wire.request(pb.ChatMessage(message=pb.Message(message=text, nonce=nonce)))

    async def unread(self) -> int:
        """How many requests wait, once nobody reads them any more."""
        before = -1
        while (waiting := len(self.wire.requests)) != before:
            before = waiting
            for _ in range(20):
                await asyncio.sleep(0)
        return waiting

    async def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self.go()


@contextlib.asynccontextmanager
async def lobby(
    journal: Journal, limits: Limits | None = None, **clocks: Any
) -> AsyncIterator[Hub]:
    """A hub with a room called lobby."""
    hub = Hub(journal, encode.entries, limits or Limits(message_rate=0), **clocks)
    await hub.open()
    committing = asyncio.create_task(hub.run())
    await hub.rooms.create(room_id="lobby")
    try:
        yield hub
    finally:
        await hub.stop()
        await committing
        await hub.close()
