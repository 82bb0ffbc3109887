"""Members' streams without a network, and a journal that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import Append, Journal, JournalError, NewRoom, StoredRoom
from chatroom.journal.memory import MemoryJournal
from chatroom.server import encode
from chatroom.server.hub import Hub
from chatroom.server.stream import MemberStream


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

    def __init__(self, hub: Hub, name: str, *features: pb.Feature, history: int = 10) -> None:
        self.stream = MemberStream(hub)
        self.join = pb.JoinChat(room_id="lobby", name=name, features=features, history=history)
        self.requests: asyncio.Queue[pb.ChatMessage] = asyncio.Queue()
        self.writes: list[int] = []
        """The bytes of each write so far."""
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
            self._messages = [pb.Message.FromString(each) for each in encode.payloads(chunk)]
        return self._messages.pop(0)

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
async def lobby(journal: Journal, limits: Limits | None = None) -> AsyncIterator[Hub]:
    """A hub with a room called lobby."""
    hub = Hub(journal, encode.entry, limits or Limits(message_rate=0))
    await hub.open()
    committing = asyncio.create_task(hub.run())
    await hub.create_room(room_id="lobby")
    try:
        yield hub
    finally:
        await hub.stop()
        await committing
        await hub.close()
