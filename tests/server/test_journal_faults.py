"""A journal that cannot write: nobody is shown anything, everybody is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import Append, JournalError
from chatroom.journal.memory import MemoryJournal
from chatroom.server import encode
from chatroom.server.hub import Hub
from chatroom.server.stream import MemberStream
from tests.carriers import run


class FaultyJournal(MemoryJournal):
    """Works until it is told not to."""

    broken = False

    def __init__(self) -> None:
        super().__init__()
        self.failed = asyncio.Event()

    async def append(self, appends: Sequence[Append]) -> None:
        await asyncio.sleep(0)
        if self.broken:
            self.failed.set()
            raise JournalError("no space left on device")
        await super().append(appends)


class Listener:
    """A member's stream, without a network."""

    def __init__(self, hub: Hub, name: str, *features: pb.Feature) -> None:
        self.stream = MemberStream(hub)
        self.join = pb.JoinChat(room_id="lobby", name=name, features=features)
        self.requests: asyncio.Queue[pb.ChatMessage] = asyncio.Queue()
        self._messages: list[pb.Message] = []

    async def open(self) -> Listener:
        await self.stream.open(self.join)
        self._chunks = self.stream.chunks()
        self._listening = asyncio.create_task(self.stream.listen(self._upwards(), None))
        while not (await self.next()).HasField("entered"):
            pass
        return self

    async def _upwards(self):  # type: ignore[no-untyped-def]
        while True:
            yield await self.requests.get()

    async def next(self) -> pb.Message:
        while not self._messages:
            chunk = await anext(self._chunks)
            self._messages = [pb.Message.FromString(each) for each in encode.payloads(chunk)]
        return self._messages.pop(0)

    def say(self, text: str, nonce: str = "") -> None:
        self.requests.put_nowait(pb.ChatMessage(message=pb.Message(message=text, nonce=nonce)))

    async def close(self) -> None:
        self._listening.cancel()
        await self._chunks.aclose()
        self.stream.close()


def test_while_the_journal_cannot_write_nothing_is_shown_and_senders_are_told() -> None:
    """Then it works again, without a restart, and sequences have no hole."""

    async def scene() -> None:
        journal = FaultyJournal()
        hub = Hub(journal, encode.entry, Limits())
        await hub.open()
        committing = asyncio.create_task(hub.run())
        await hub.create_room(room_id="lobby")
        alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
        assert (await alice.next()).HasField("live")
        bob = await Listener(hub, "Bob").open()
        assert (await alice.next()).HasField("entered")

        journal.broken = True
        alice.say("lost", nonce="n1")
        refused = (await alice.next()).refused
        assert ("n1", 14, "JOURNAL_UNAVAILABLE") == (refused.nonce, refused.code, refused.reason)
        assert refused.HasField("retry_after")
        bob.say("lost too")
        line = await bob.next()
        assert ("chat server", False) == (line.name, line.HasField("refused"))
        with pytest.raises(Exception, match="cannot store") as refusal:
            await Listener(hub, "Carol").open()
        assert "JOURNAL_UNAVAILABLE" == refusal.value.reason  # type: ignore[attr-defined]
        with pytest.raises(Exception, match="cannot store"):
            await hub.delete_room("lobby", reason="", successor="")

        journal.broken = False
        alice.say("kept")
        shown = await bob.next()
        assert ("Alice", "kept", 3) == (shown.name, shown.message, shown.sequence)
        carol = await Listener(hub, "Carol").open()
        for listener in (alice, bob, carol):
            await listener.close()
        await hub.stop()
        await committing
        stored = await journal.read(1, after=0, entries=99, size=1 << 20)
        assert list(range(1, 8)) == [entry.sequence for entry in stored]
        await hub.close()

    run(scene())


def test_a_departure_is_logged_when_the_journal_works_again() -> None:
    """Nobody stays in the log for ever because the disk was full when they left."""

    async def scene() -> None:
        journal = FaultyJournal()
        hub = Hub(journal, encode.entry, Limits(journal_retry=0.01))
        await hub.open()
        committing = asyncio.create_task(hub.run())
        await hub.create_room(room_id="lobby")
        alice = await Listener(hub, "Alice").open()
        bob = await Listener(hub, "Bob").open()
        assert (await alice.next()).HasField("entered")
        journal.broken = True
        await bob.close()
        await journal.failed.wait()
        journal.broken = False
        assert (await alice.next()).HasField("left")
        await alice.close()
        await hub.stop()
        await committing
        await hub.close()

    run(scene())
