"""A server that can be restarted and killed, and clients that keep what they were shown.

A client checks each message as it comes against what the contract promises a member
with both features, and against what others were shown. Killing is starting another
server on a copy of the journal as it was at that moment: of a SQLite file and its
write-ahead log that is what a killed process leaves behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import shutil
from pathlib import Path
from typing import Any

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal.memory import MemoryJournal
from chatroom.journal.sqlite import redo
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import CARRIERS, SECONDS, Carrier, Ended, Stream

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)


class World:
    """One server after another on one journal, and what any client was ever shown."""

    def __init__(self, carrier: str, data: Path | None, limits: Limits) -> None:
        self.carrier_name = carrier
        self.limits = limits
        self.shown: dict[tuple[str, int], bytes] = {}
        """By (epoch, sequence): the message."""
        self.texts: dict[tuple[str, str], int] = {}
        """By (epoch, text): its one sequence."""
        self.problems: list[str] = []
        self.said_again: frozenset[str] = frozenset()
        """Reasons of refusals after which a client comes back and says it again."""
        self.refusals: frozenset[str] = frozenset()
        """Reasons for which a message may be refused, while its stream goes on."""
        self.refused: set[tuple[str, str]] = set()
        """(epoch, text) of those that were: nobody is shown them."""
        self.carrier: Carrier
        self.service: Service
        self._data = data
        self._memory = MemoryJournal()
        self._copies = itertools.count(1)

    async def start(self) -> None:
        settings = Settings(bind=(Address("127.0.0.1", 0),), data=self._data, limits=self.limits)
        self.service = Service(settings, None if self._data else self._memory)
        await self.service.start()
        self.carrier = CARRIERS[self.carrier_name](self.service.addresses[0].port)

    async def stop(self) -> None:
        await self.carrier.close()
        await self.service.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        """What clients and the old server do from here on, the next one knows nothing of."""
        if self._data is None:
            self._memory = copy.deepcopy(self._memory)
        else:
            new = self._data.with_name(f"data-{next(self._copies)}")
            new.mkdir()
            for suffix in ("", "-wal", *redo.SUFFIXES):
                name = f"chatroom.db{suffix}"
                if (self._data / name).exists():
                    shutil.copy(self._data / name, new / name)
            self._data = new
        old, carrier = self.service, self.carrier
        await carrier.close()
        await old.stop()
        await self.start()

    def note(self, epoch: str, message: pb.Message) -> None:
        """Compare a message with what others were shown in its place."""
        known = self.shown.setdefault((epoch, message.sequence), message.SerializeToString())
        if known != message.SerializeToString():
            self.problems.append(f"two messages at {message.sequence}: {message}")
        if message.WhichOneof("event") is None:
            if (epoch, message.message) in self.refused:
                self.problems.append(f"{message.message!r} was refused, and is shown")
            first = self.texts.setdefault((epoch, message.message), message.sequence)
            if first != message.sequence:
                self.problems.append(
                    f"{message.message!r} is stored twice: {first}, {message.sequence}"
                )

    async def all(self, room: str) -> tuple[str, list[pb.Message]]:
        """The epoch of a room, and everything that it keeps."""
        found: list[pb.Message] = []
        while True:
            request = pb.ListMessagesRequest(
                room_id=room, after=found[-1].sequence if found else 0, page_size=1000
            )
            response = await self.carrier.call("ListMessages", request)
            found += response.messages
            if not response.more:
                return response.epoch, found


class Client:
    """A member with both features that resumes, and sends again what was not echoed."""

    def __init__(self, world: World, room: str, name: str, *, subscribes: bool = False) -> None:
        self.world = world
        self.room = room
        self.name = name
        self.subscribes = subscribes
        self.session = ""
        self.epoch = ""
        self.last = 0
        self.unacknowledged: dict[str, str] = {}
        """Text by nonce, in the order of sending."""
        self.acknowledged: dict[str, str] = {}
        self.names = {name}
        """Every name tag that it may have had."""
        self.had = {name}
        """Those that its session has had for sure: it resumes under any of them."""
        self.called = name
        """The one that it has, as of the newest entry."""
        self.renaming: dict[str, str] = {}
        """The new name by the nonce of its rename, one at most, until it is told of it."""
        self.called_at = 0
        """The sequence of the entry as of which that is so."""
        self.resends = True
        """Off: a control that must lose messages."""
        self.skips = 0
        """A control that must fail: entries that it drops at the beginning of each replay."""
        self.own_carrier: Carrier | None = None
        """A connection of its own; else it shares the world's."""
        self._expected: int | None = None
        self._stream: Stream | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._live = False
        self._dropping = 0
        self.ended: Ended | None = None

    @property
    def carrier(self) -> Carrier:
        return self.own_carrier or self.world.carrier

    # ---- What it does -----------------------------------------------------------------

    async def connect(self, name: str = "") -> None:
        """Join, or resume; then send again what was not acknowledged."""
        join = pb.JoinChat(room_id=self.room, name=name or self.called, features=BOTH)
        if self.session:
            join.resume.CopyFrom(pb.Resume(session=self.session, epoch=self.epoch, after=self.last))
        self.ended, self._live = None, False
        if self.subscribes:
            self._stream = self.carrier.subscribe(join)
        else:
            self._stream = self.carrier.chat()
            await self._stream.send(pb.ChatMessage(join=join))
        self._reading = asyncio.create_task(self._read(self._stream))
        await self._until(lambda: self._live or self.ended is not None)
        if self.resends:
            for nonce, new in list(self.renaming.items()):
                await self._send_rename(nonce, new)
            for nonce, text in list(self.unacknowledged.items()):
                await self._send(nonce, text)

    async def say(self, nonce: str, text: str) -> None:
        """Send; the echo may come whenever it does."""
        self.unacknowledged[nonce] = text
        await self._send(nonce, text)

    async def say_again(self, nonce: str, text: str) -> None:
        """Send under a nonce that was used."""
        await self._send(nonce, text)

    async def rename(self, nonce: str, name: str) -> None:
        """Take another name, which nobody else wants; the entry may come whenever it does."""
        self.renaming[nonce] = name
        self.names.add(name)
        await self._send_rename(nonce, name)

    async def _send_rename(self, nonce: str, name: str) -> None:
        rename = pb.Rename(name=name, nonce=nonce)
        if not self.subscribes:
            assert self._stream is not None
            await self._stream.send(pb.ChatMessage(rename=rename))
            return
        request = pb.SendMessageRequest(session=self.session, rename=rename)
        with contextlib.suppress(Ended):
            stored = await self.carrier.call("SendMessage", request)
            self._renamed(stored)

    async def _send(self, nonce: str, text: str) -> None:
        message = pb.Message(message=text, nonce=nonce)
        if not self.subscribes:
            assert self._stream is not None
            await self._stream.send(pb.ChatMessage(message=message))
            return
        request = pb.SendMessageRequest(session=self.session, message=message)
        try:
            stored = await self.carrier.call("SendMessage", request)
        except Ended:
            return
        self._acknowledge(stored)

    async def acknowledgement(self) -> None:
        """Wait until everything that was sent has come back, or the stream has ended.

        Who fell behind what is kept comes back at once, as any client would.
        """
        while True:
            await self._until(
                lambda: not (self.unacknowledged or self.renaming) or self.ended is not None
            )
            if not self.slow:
                return
            await self.cut()
            await self.connect()

    @property
    def slow(self) -> bool:
        """Whether the stream has ended since it fell behind."""
        return self.ended is not None and (
            self.ended.reason == "SLOW_CONSUMER"
            # grpc.aio makes this up when a write meets the end of the stream.
            or self.ended.message == "Internal error from Core"
        )

    async def end(self) -> None:
        """Wait until the stream has ended; `ended` says how."""
        await self._until(lambda: self.ended is not None)

    def stop_listening(self) -> None:
        """Take nothing more from this stream, whatever comes."""
        if self._reading is not None:
            self._reading.cancel()

    async def cut(self) -> None:
        """Lose the connection."""
        if self._stream is not None and self._reading is not None:
            await self._stream.cancel()
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._stream = None

    async def leave(self) -> None:
        await self._leave()
        while self.slow:
            await self.cut()
            await self.connect()
            await self._leave()
        if self.ended is not None and self.ended.code != "OK":
            self._wrong(f"left with {self.ended}")
        await self.cut()
        self.session = ""

    async def _leave(self) -> None:
        assert self._stream is not None
        if self.subscribes:
            request = pb.SendMessageRequest(session=self.session, leave=pb.Leave())
            with contextlib.suppress(Ended):
                await self.carrier.call("SendMessage", request)
        else:
            await self._stream.send(pb.ChatMessage(leave=pb.Leave()))
        await self.end()

    async def _until(self, true: Any) -> None:
        async with asyncio.timeout(SECONDS):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    # ---- What it is shown -----------------------------------------------------------------

    async def _read(self, stream: Stream) -> None:
        try:
            while True:
                self._take(await stream.receive())
                self._changed.set()
        except Ended as ended:
            self.ended = ended
            self._changed.set()

    def _take(self, message: pb.Message) -> None:
        if message.HasField("joined"):
            self._join(message.joined)
        elif message.HasField("live"):
            self._live = True
            self._expected = self.last + 1
        elif message.refused.reason in self.world.said_again:
            self.ended = Ended("UNAVAILABLE", message.refused.reason)
        elif message.refused.reason in self.world.refusals:
            self._refused(message.refused.nonce)
        elif message.HasField("refused"):
            self._wrong(f"was refused: {message}")
        elif message.sequence and self._dropping:
            self._dropping -= 1
        elif message.sequence:
            self._entry(message)
        elif message.HasField("renamed"):
            self._renamed(message)

    def _refused(self, nonce: str) -> None:
        text = self.unacknowledged.pop(nonce, None)
        if text is None:
            self.renaming.pop(nonce, None)
            return
        self.world.refused.add((self.epoch, text))
        if (self.epoch, text) in self.world.texts:
            self._wrong(f"{text!r} was shown, and is refused")

    def _join(self, joined: pb.Joined) -> None:
        self._dropping = self.skips
        if joined.recovery == pb.RECOVERY_COMPLETE:
            self._expected = self.last + 1
            if joined.session != self.session or joined.epoch != self.epoch:
                self._wrong("COMPLETE with another session")
        else:
            self._expected = None  # what is missing is missing, and was said to be
        known = self.session
        if joined.session != known:
            self.last = 0
        self.session, self.epoch = joined.session, joined.epoch
        if joined.session != known:
            self.had.clear()
        self.had.add(joined.name)
        self.called_at, self.called = joined.sequence, joined.name
        if joined.name not in self.names:
            self._wrong(f"is called {joined.name}")

    def _entry(self, message: pb.Message) -> None:
        self.world.note(self.epoch, message)
        if message.sequence <= self.last:
            sent = self.acknowledged.keys() | self.unacknowledged.keys() | self.renaming.keys()
            nonce = message.nonce or message.renamed.nonce
            if message.name not in self.names or nonce not in sent:
                self._wrong(f"again: {message}")
        else:
            if self._expected is not None and message.sequence != self._expected:
                self._wrong(f"{message.sequence} in place of {self._expected}")
            if self._expected is not None or not self._fresh:
                self._expected = message.sequence + 1
            self.last = message.sequence
        self._acknowledge(message)
        if message.HasField("renamed") and message.name in self.names:
            self._renamed(message)

    def _renamed(self, message: pb.Message) -> None:
        new = self.renaming.pop(message.renamed.nonce, None)
        if new is not None and new != message.renamed.name:
            self._wrong(f"wanted to be {new!r}, is {message.renamed.name!r}")
        self.acknowledged.setdefault(message.renamed.nonce, "")
        if message.sequence > self.called_at:
            if message.name != self.called:
                self._wrong(f"was {self.called!r}, and not {message.name!r}")
            self.called_at, self.called = message.sequence, message.renamed.name
        self.had.add(message.renamed.name)
        self._changed.set()

    @property
    def _fresh(self) -> bool:
        """Whether history comes: what was said, without what is between."""
        return not self._live

    def _acknowledge(self, message: pb.Message) -> None:
        text = self.unacknowledged.pop(message.nonce, None) if message.name in self.names else None
        if text is not None:
            self.acknowledged[message.nonce] = text
            if text != message.message:
                self._wrong(f"sent {text!r}, stored {message.message!r}")
        self._changed.set()

    def _wrong(self, what: str) -> None:
        self.world.problems.append(f"{self.name}: {what}")
