"""A server with one room that keeps to the contract, and can be told to misbehave.

It runs in the loop of its test. What a real server does by itself at inconvenient
moments (lose streams, forget, drop entries, refuse) is a method or an attribute here.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import chat_pb2_grpc as rpc


@dataclass(frozen=True)
class Ending:
    """A status with which a stream ends or a call is answered."""

    code: grpc.StatusCode
    reason: str = ""
    retry_after: float | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    async def abort(self, context: grpc.aio.ServicerContext) -> None:
        details = []
        if self.reason:
            info = error_details_pb2.ErrorInfo(
                reason=self.reason, domain="rpc.ChatService", metadata=dict(self.metadata)
            )
            details.append(info)
        if self.retry_after is not None:
            delay = Duration()
            delay.FromNanoseconds(int(self.retry_after * 1e9))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        status = status_pb2.Status(code=self.code.value[0])
        for detail in details:
            packed = Any()
            packed.Pack(detail)
            status.details.append(packed)
        trailing = (("grpc-status-details-bin", status.SerializeToString()),) if details else ()
        await context.abort(self.code, f"{self.code.name} {self.reason}", trailing)


LOST = Ending(grpc.StatusCode.UNAVAILABLE)


@dataclass(eq=False)
class Stream:
    """One member's open stream: what is to be written to it, and how it is to end."""

    name: str
    session: str
    queue: asyncio.Queue[pb.Message | Ending | None] = field(default_factory=asyncio.Queue)


class ScriptedServer(rpc.ChatServiceServicer):
    """One room, "1". `log` is what it keeps; `joins` and `requests` are what it was sent."""

    def __init__(self) -> None:
        self.address = ""
        self.epoch = "epoch 1"
        self.other_epochs: list[str] = []
        """What the next pages of ListMessages say instead: they are from other servers."""
        self.log: list[pb.Message] = []
        self.oldest = 1
        """The oldest sequence that is kept."""
        self.sessions: set[str] = set()
        self.joins: list[pb.JoinChat] = []
        self.joined_at: list[float] = []
        self.requests: list[pb.ChatMessage] = []
        self.streams: list[Stream] = []
        self.refusals: list[Ending] = []
        """Answers to the next joins, one each."""
        self.silent_joins = 0
        """So many of the next joins are not answered."""
        self.plain = False
        """Answer joins as the original does, which has no sessions."""
        self.call_refusals: list[Ending | None] = []
        """Answers to the next calls, one each; None: a good one."""
        self.page_entries = 1000
        """The most entries of a page of ListMessages."""
        self.pages_begin_anew = False
        """Every page of ListMessages is the oldest one."""
        self.calls: list[str] = []
        self.authorizations: list[str | None] = []
        """What each stream and each call was sent as `authorization`."""
        self.lose_echoes = False
        """Store what is said, but end the stream before its sender is told."""
        self.early_echoes = False
        """Answer a repeated nonce at once; what is stored with it follows later."""
        self.leave_ends_with: Ending | None = None
        """How a stream ends whose member leaves; None: with OK."""
        self.replay_breaks_after: int | None = None
        """After so many replayed entries the next stream is lost."""
        self.overlap = 0
        """Entries that a resume replays although they were seen."""
        self.reads = asyncio.Event()
        """While it is not set, nothing that is said is read."""
        self.reads.set()
        self._changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._nonces: dict[tuple[str, str], pb.Message] = {}

    # ---- What a test does ---------------------------------------------------------

    def say(self, name: str, text: str, *, show: bool = True) -> pb.Message:
        """Somebody who is not scripted says something."""
        return self._append(pb.Message(name=name, message=text), show=show)

    def withdraw(self, sequence: int, *, show: bool = True) -> pb.Message:
        """Put a mark in the place of what was said; the entry that tells of it."""
        entry = self.log[sequence - 1]
        entry.message = "(withdrawn)"
        entry.withdrawn.sequence = sequence
        told = pb.Withdrawn(sequence=sequence)
        text = f"a message of {entry.name} was withdrawn"
        return self._append(pb.Message(name="chat server", message=text, withdrawn=told), show=show)

    def end(self, ending: Ending | None = LOST) -> None:
        """End every stream; None: with OK."""
        streams, self.streams = self.streams, []
        for stream in streams:
            stream.queue.put_nowait(ending)

    def forget(self) -> None:
        """Lose all sessions."""
        self.sessions.clear()
        self._nonces.clear()

    def renew(self, keep: int) -> None:
        """Start over in a new epoch with so many of the oldest entries."""
        self.forget()
        del self.log[keep:]
        self.epoch = f"epoch {next(self._numbers)} (new)"

    async def until(self, predicate) -> None:
        """Wait until something is true of what was sent here."""
        while not predicate():
            self._changed.clear()
            await self._changed.wait()

    @property
    def texts(self) -> list[str]:
        """What was said and is kept."""
        return [entry.message for entry in self.log if not entry.HasField("entered")]

    @property
    def said(self) -> list[pb.Message]:
        """The messages that were sent here, with repetitions."""
        return [request.message for request in self.requests if request.HasField("message")]

    # ---- What it serves -------------------------------------------------------------

    async def Chat(self, requests, context):
        self._note_authorization(context)
        join = (await anext(aiter(requests))).join
        self.joins.append(join)
        self.joined_at.append(asyncio.get_running_loop().time())
        self._changed.set()
        if self.refusals:
            await self.refusals.pop(0).abort(context)
        if self.silent_joins:
            self.silent_joins -= 1
            await asyncio.Event().wait()
        if self.plain:
            await context.write(pb.Message(name=join.name, message="Has entered the chat"))
            await asyncio.Event().wait()
        resume = join.resume
        resumes = (
            resume.session in self.sessions
            and resume.epoch == self.epoch
            and resume.after <= len(self.log)
        )
        session = resume.session if resumes else f"session {next(self._numbers)}"
        self.sessions.add(session)
        complete = resumes and resume.after + 1 >= self.oldest
        newest = len(self.log)
        after = max(resume.after - self.overlap, self.oldest - 1)
        recovery = pb.RECOVERY_COMPLETE if complete else pb.RECOVERY_PARTIAL
        joined = pb.Joined(
            session=session,
            epoch=self.epoch,
            sequence=newest,
            name=join.name,
            recovery=recovery if join.HasField("resume") else pb.RECOVERY_UNSPECIFIED,
        )
        stream = Stream(join.name, session)
        if resumes:
            replay = self.log[after:newest]
        else:
            count = join.history if join.HasField("history") else 10
            said = [entry for entry in self.log if not entry.HasField("entered")]
            arrival = pb.Message(entered=pb.Member(name=join.name), name=join.name)
            replay = [*said[max(len(said) - count, 0) :], self._append(arrival)]
        broken, self.replay_breaks_after = self.replay_breaks_after, None
        if broken is None:
            self.streams.append(stream)
        beginning = [pb.Message(joined=joined), *replay[:broken]]
        for message in beginning:
            await context.write(message)
        if broken is not None:
            await LOST.abort(context)
        await context.write(pb.Message(live=pb.Live()))
        listening = asyncio.create_task(self._listen(stream, requests))
        try:
            while isinstance(message := await stream.queue.get(), pb.Message):
                await context.write(message)
            if message is not None:
                await message.abort(context)
        finally:
            listening.cancel()
            if stream in self.streams:
                self.streams.remove(stream)

    async def _listen(self, stream: Stream, requests) -> None:
        with contextlib.suppress(grpc.aio.AbortError, asyncio.InvalidStateError):
            while True:
                request = await anext(aiter(requests), None)
                if request is None:
                    return
                await self.reads.wait()
                self.requests.append(request)
                if request.HasField("message"):
                    self._said(stream, request.message)
                elif request.HasField("heartbeat"):
                    beat = pb.Heartbeat(sequence=len(self.log))
                    stream.queue.put_nowait(pb.Message(heartbeat=beat))
                elif request.HasField("leave"):
                    self.sessions.discard(stream.session)
                    stream.queue.put_nowait(self.leave_ends_with)
                self._changed.set()

    def _said(self, stream: Stream, message: pb.Message) -> None:
        key = (stream.session, message.nonce)
        first = self._nonces.get(key)
        if first is not None:
            stream.queue.put_nowait(first)
            return
        entry = pb.Message(name=stream.name, message=message.message, nonce=message.nonce)
        self._nonces[key] = entry
        if self.lose_echoes:
            self.end()
        if self.early_echoes:
            other = self.say("Other", f"before {message.message}", show=False)
            self._append(entry, show=False)
            for one in (entry, other, entry):
                stream.queue.put_nowait(one)
            return
        self._append(entry)

    def _append(self, entry: pb.Message, *, show: bool = True) -> pb.Message:
        entry.sequence = len(self.log) + 1
        entry.sent.FromNanoseconds(entry.sequence * 1_000)
        self.log.append(entry)
        for stream in self.streams if show else []:
            stream.queue.put_nowait(entry)
        self._changed.set()
        return entry

    async def ListMessages(self, request, context):
        await self._call("ListMessages", context)
        after = 0 if self.pages_begin_anew else request.after
        kept = self.log[max(after, self.oldest - 1) :]
        page = kept[: min(request.page_size, self.page_entries)]
        epoch = self.other_epochs.pop() if self.other_epochs else self.epoch
        return pb.ListMessagesResponse(messages=page, epoch=epoch, more=len(page) < len(kept))

    async def ListChatRooms(self, request, context):
        await self._call("ListChatRooms", context)
        return pb.ListChatRoomsResponse(chat_rooms=[pb.ChatRoom(room_id="1")])

    async def CreateChatRoom(self, request, context):
        await self._call("CreateChatRoom", context)
        return pb.ChatRoom(room_id="2")

    async def RemoveMember(self, request, context):
        await self._call("RemoveMember", context)
        return pb.Member(name=request.name)

    def _note_authorization(self, context) -> None:
        self.authorizations.append(dict(context.invocation_metadata()).get("authorization"))

    async def _call(self, method: str, context) -> None:
        self._note_authorization(context)
        self.calls.append(method)
        refusal = self.call_refusals.pop(0) if self.call_refusals else None
        if refusal is not None:
            await refusal.abort(context)


@contextlib.asynccontextmanager
async def scripted(address: str = "127.0.0.1:0") -> AsyncIterator[ScriptedServer]:
    """A scripted server, listening."""
    service = ScriptedServer()
    server = grpc.aio.server()
    rpc.add_ChatServiceServicer_to_server(service, server)
    service.address = f"127.0.0.1:{server.add_insecure_port(address)}"
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)
