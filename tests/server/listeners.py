"""Members' streams without a network, and a journal that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.core.refusals import Refusal
from chatroom.journal import Append, Journal, JournalError, NewRoom, StoredRoom
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls import encode
from chatroom.server.calls.stream import MemberStream
from chatroom.server.rooms.hub import Hub
from chatroom.wire.envelopes import payloads


class TamedJournal(MemoryJournal):
    """Works until it is told not to, or to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
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
    ) -> None:
        self.hub = hub
        self.stream = MemberStream(hub)
        self.join = pb.JoinChat(
            room_id=room, name=name, features=features, history=history, resume=resume
        )
        self.joined: pb.Joined | None = None
        self.requests: asyncio.Queue[pb.ChatMessage] = asyncio.Queue()
        self.writes: list[int] = []
        """The bytes of each write so far."""
        self.last = 0
        """The highest sequence that was read."""
        self._messages: list[pb.Message] = []

    async def open(self, *, arrive: bool = True) -> Listener:
        """Join, and read up to the own arrival, or nothing."""
        await self.stream.open(self.join)
        self._chunks = self.stream.chunks()
        self._listening = asyncio.create_task(self.stream.listen(self._upwards(), None))
        while arrive and not (await self.next()).HasField("entered"):
            pass
        return self

    async def _upwards(self) -> AsyncIterator[pb.ChatMessage]:
        while True:
            yield await self.requests.get()

    async def next(self) -> pb.Message:
        while not self._messages:
            chunk = await anext(self._chunks)
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
            return None
        except Refusal as refusal:
            return refusal

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
        self.requests.put_nowait(pb.ChatMessage(message=pb.Message(message=text, nonce=nonce)))

    async def unread(self) -> int:
        """How many requests wait, once nobody reads them any more."""
        before = -1
        while (waiting := self.requests.qsize()) != before:
            before = waiting
            for _ in range(20):
                await asyncio.sleep(0)
        return waiting

    async def close(self) -> None:
        self._listening.cancel()
        await self._chunks.aclose()
        self.stream.close()


@contextlib.asynccontextmanager
async def lobby(
    journal: Journal, limits: Limits | None = None, **clocks: Any
) -> AsyncIterator[Hub]:
    """A hub with a room called lobby."""
    hub = Hub(journal, encode.entry, limits or Limits(message_rate=0), **clocks)
    await hub.open()
    committing = asyncio.create_task(hub.run())
    await hub.rooms.create(room_id="lobby")
    try:
        yield hub
    finally:
        await hub.stop()
        await committing
        await hub.close()
