"""Plays scenes: conversations of named clients, written as scripts.

A script is one step a line; `#` begins a comment, and the first comment says what the
scene shows. Names have no spaces. The steps:

    create ROOM [capacity N]        an admin creates a room, or deletes one
    delete ROOM [REASON]
    remove NAME from ROOM [REASON]
    grace SECONDS                   first of all: how long a lost member keeps its place
    restart                         the server ends in order and starts again
    NAME joins ROOM [as TAG] [with events echo history=N]
    NAME subscribes ROOM …          the same, with Subscribe and SendMessage
    NAME: TEXT                      somebody says something
    NAME [(NONCE)] is now TAG       somebody takes another name
    NAME types | NAME stops typing
    NAME (NONCE): TEXT              the same with a nonce
    NAME does: TEXT                 somebody does something, as `/me` says; or answers an entry
    NAME answers N: TEXT
    NAME has seen an action | an answer to N | plain words      of the last line that it saw
    NAME leaves | NAME vanishes | NAME only listens
    NAME loses the connection       as vanishing, but it will be back
    NAME resumes                    on a new stream, from the last entry that it has
    NAME recovers COMPLETE|PARTIAL  the joined event that answers that
    NAME sees LINE                  the next line somebody is shown, as `name: message`
    NAME is told EVENT              the next event that is no line: joined, live, …
    NAME ends CODE [REASON]         how the stream of somebody ends, with nothing before
    ROOM has N members | ROOM has N entries
    QUERY finds N N … in ROOM | QUERY finds nothing in ROOM     sequences, the newest first

At the end everybody left leaves, and must not have been shown anything more but that
others have left.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import re
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from tests.carriers import CARRIERS, SECONDS, Carrier, Ended, Stream

FEATURES = {"events": pb.FEATURE_EVENTS, "echo": pb.FEATURE_ECHO}


def line_of(message: pb.Message) -> str | None:
    """What a person is shown; None for events that are no line."""
    if message.WhichOneof("event") in {"joined", "live", "typing", "heartbeat"}:
        return None
    return f"{message.name}: {message.message}"


@dataclass
class Actor:
    stream: Stream
    subscribed: bool
    join: pb.JoinChat
    session: str = ""
    epoch: str = ""
    seen: dict[int, pb.Message] = field(default_factory=dict)
    live: bool = False
    held: list[pb.Message] = field(default_factory=list)
    line: pb.Message = field(default_factory=pb.Message)
    """The last that it was shown."""

    @property
    def last(self) -> int:
        return max(self.seen, default=0)

    async def next(self) -> pb.Message:
        if self.held:
            return self.held.pop(0)
        message = await self.stream.receive()
        if message.HasField("joined"):
            self.session, self.epoch = message.joined.session, message.joined.epoch
        self.live = self.live or message.HasField("live")
        if 0 < message.sequence <= self.last:
            assert message.nonce or message.renamed.nonce, f"out of order: {message}"
            assert message == self.seen[message.sequence], "a repeated echo is the first one"
        elif message.sequence:
            if self.live and len(self.join.features) == len(FEATURES):
                assert self.last + 1 == message.sequence, f"a gap before {message}"
            self.seen[message.sequence] = message
        return message


class Player:
    """Plays one scene against a server of its own, or several nodes.

    Then each stream and each call goes to the next one.
    """

    def __init__(self, carrier: str, settings: Settings, *, nodes: int = 1) -> None:
        self._carrier_name = carrier
        self._settings = settings
        self._actors: dict[str, Actor] = {}
        self._lost: dict[str, Actor] = {}
        self._count = nodes
        self._services: list[Service] = []
        self._carriers: list[Carrier] = []
        self._turns = itertools.count()

    @property
    def _carrier(self) -> Carrier:
        return self._carriers[next(self._turns) % self._count]

    async def play(self, script: str) -> None:
        if found := re.search(r"^grace (\S+)$", script, re.MULTILINE):
            limits = dataclasses.replace(self._settings.limits, grace=float(found[1]))
            self._settings = dataclasses.replace(self._settings, limits=limits)
        try:
            await self._start()
            for number, text in enumerate(script.splitlines(), 1):
                step = text.partition("#")[0].strip()
                if not step:
                    continue
                try:
                    await self._step(step)
                except (AssertionError, Ended, TimeoutError) as error:
                    raise AssertionError(f"line {number}: {step}\n{error!r}") from error
            await self._curtain()
        finally:
            await self._stop()

    async def _start(self) -> None:
        for _ in range(self._count):
            service = Service(self._settings)
            await service.start()
            self._services.append(service)
            self._carriers.append(CARRIERS[self._carrier_name](service.addresses[0].port))

    async def _stop(self) -> None:
        while self._carriers:
            await self._carriers.pop().close()
        while self._services:
            await self._services.pop().stop()

    async def _step(self, step: str) -> None:
        for pattern, play in _STEPS:
            if match := re.fullmatch(pattern, step):
                await play(self, **match.groupdict())
                return
        raise ValueError(f"no such step: {step}")

    async def _curtain(self) -> None:
        for name, actor in self._actors.items():
            await self._send(actor, leave=pb.Leave())
            while True:
                try:
                    line = line_of(await actor.next())
                except Ended as ended:
                    assert "OK" == ended.code, f"{name} ended with {ended}"
                    break
                assert line is None or line.endswith(": Has left the chat"), f"{name}: {line}"

    async def _send(self, actor: Actor, **fields: object) -> None:
        if actor.subscribed:
            await self._session(actor)
            request = pb.SendMessageRequest(session=actor.session, **fields)  # type: ignore[arg-type]
            await self._carrier.call("SendMessage", request)
        else:
            await actor.stream.send(pb.ChatMessage(**fields))  # type: ignore[arg-type]

    async def _session(self, actor: Actor) -> None:
        """A speaker needs its session first: read on to `joined`, keep what came."""
        kept = []
        while not actor.session:
            kept.append(await actor.next())
        actor.held.extend(kept)

    # ---- The steps ----------------------------------------------------------------

    async def nothing(self) -> None:
        """What was read before the server started."""

    async def create(self, room: str, capacity: str | None) -> None:
        request = pb.CreateChatRoomRequest(room_id=room, capacity=int(capacity or 0))
        assert room == (await self._carrier.call("CreateChatRoom", request)).room_id

    async def delete(self, room: str, why: str | None) -> None:
        await self._carrier.call(
            "DeleteChatRoom", pb.DeleteChatRoomRequest(room_id=room, reason=why or "")
        )

    async def remove(self, name: str, room: str, why: str | None) -> None:
        await self._carrier.call(
            "RemoveMember", pb.RemoveMemberRequest(room_id=room, name=name, reason=why or "")
        )

    async def restart(self) -> None:
        for name in list(self._actors):
            await self.lose(name)
        await self._stop()
        await self._start()

    async def join(
        self, name: str, how: str, room: str, tag: str | None, wishes: str | None
    ) -> None:
        join = pb.JoinChat(room_id=room, name=shlex.split(tag)[0] if tag else name)
        for wish in (wishes or "").split():
            if wish.startswith("history="):
                join.history = int(wish.partition("=")[2])
            else:
                join.features.append(FEATURES[wish])
        subscribed = how == "subscribes"
        self._actors[name] = Actor(await self._open(join, subscribed), subscribed, join)

    async def _open(self, join: pb.JoinChat, subscribed: bool) -> Stream:
        if subscribed:
            return self._carrier.subscribe(join)
        stream = self._carrier.chat()
        await stream.send(pb.ChatMessage(join=join))
        return stream

    async def lose(self, name: str) -> None:
        actor = self._lost[name] = self._actors.pop(name)
        await actor.stream.cancel()

    async def resume(self, name: str) -> None:
        actor = self._actors[name] = self._lost.pop(name)
        actor.held.clear()
        actor.live = False
        join = pb.JoinChat()
        join.CopyFrom(actor.join)
        join.resume.CopyFrom(pb.Resume(session=actor.session, epoch=actor.epoch, after=actor.last))
        actor.stream = await self._open(join, actor.subscribed)

    async def recover(self, name: str, how: str) -> None:
        actor = self._actors[name]
        message = await actor.next()
        assert message.HasField("joined"), message
        assert pb.Recovery.Value(f"RECOVERY_{how}") == message.joined.recovery

    async def say(
        self, name: str, text: str, nonce: str | None = None, how: str = "", which: str | None = ""
    ) -> None:
        text = text.encode().decode("unicode_escape") if "\\" in text else text
        message = pb.Message(
            message=text, nonce=nonce or "", action=how == "does", in_reply_to=int(which or 0)
        )
        try:
            await self._send(self._actors[name], message=message)
        except Ended as ended:
            if not self._actors[name].subscribed:
                raise
            # A refusal of SendMessage is its status; a stream is told in a line.
            self._actors[name].held.append(pb.Message(name="chat server", message=ended.message))

    async def rename(self, name: str, tag: str, nonce: str | None) -> None:
        await self._send(self._actors[name], rename=pb.Rename(name=tag, nonce=nonce or ""))

    async def type(self, name: str, active: str) -> None:
        await self._send(self._actors[name], typing=pb.Typing(active=active == "types"))

    async def leave(self, name: str) -> None:
        await self._send(self._actors[name], leave=pb.Leave())

    async def vanish(self, name: str) -> None:
        await self._actors.pop(name).stream.cancel()

    async def listen(self, name: str) -> None:
        await self._actors[name].stream.half_close()

    async def see(self, name: str, line: str) -> None:
        actor = self._actors[name]
        while (found := line_of(message := await actor.next())) is None:
            pass
        assert line == found
        actor.line = message

    async def have_seen(self, name: str, what: str, which: str | None) -> None:
        line = self._actors[name].line
        assert (what == "an action", int(which or 0)) == (line.action, line.in_reply_to)

    async def hear(self, name: str, event: str, who: str | None) -> None:
        message = await self._actors[name].next()
        assert event == message.WhichOneof("event"), message
        if who:
            assert who == message.name

    async def end(self, name: str, code: str, reason: str | None) -> None:
        actor = self._actors.pop(name)
        try:
            message = await actor.next()
        except Ended as ended:
            assert (code, reason or "") == (ended.code, ended.reason), ended
        else:
            raise AssertionError(f"{name} is shown {line_of(message) or message}")

    async def count_members(self, room: str, count: str) -> None:
        async def members() -> int:
            response = await self._carrier.call("ListMembers", pb.ListMembersRequest(room_id=room))
            return len(response.members)

        await _becomes(int(count), members)

    async def count_entries(self, room: str, count: str) -> None:
        async def entries() -> int:
            request = pb.ListMessagesRequest(room_id=room, page_size=1000)
            sequences = [
                message.sequence
                for message in (await self._carrier.call("ListMessages", request)).messages
            ]
            assert list(range(1, len(sequences) + 1)) == sequences
            return len(sequences)

        await _becomes(int(count), entries)

    async def search(self, query: str, room: str, found: str) -> None:
        request = pb.SearchMessagesRequest(room_id=room, query=query)
        messages = (await self._carrier.call("SearchMessages", request)).messages
        for message in messages:
            assert message == self._shown(message.sequence), "as it was shown"
        expected = [int(number) for number in found.split() if number != "nothing"]
        assert expected == [message.sequence for message in messages]

    def _shown(self, sequence: int) -> pb.Message:
        return next(a.seen[sequence] for a in self._actors.values() if sequence in a.seen)


async def _becomes(expected: int, count: Callable[[], Awaitable[int]]) -> None:
    """What members said may still be on its way: ask until it is there, or too much is."""
    async with asyncio.timeout(SECONDS):
        while (found := await count()) != expected:
            await asyncio.sleep(0.01)
    assert expected == found


_WHO = r"(?P<name>\w+)"
_ROOM = r"(?P<room>\S+)"
_TAG = r"(?: as (?P<tag>'[^']*'|\S+))?"
_STEPS = (
    (r"(?P<query>.+) finds (?P<found>nothing|[\d ]+) in (?P<room>\S+)", Player.search),
    (r"create (?P<room>\S+)(?: capacity (?P<capacity>\d+))?", Player.create),
    (r"delete (?P<room>\S+)(?: (?P<why>.+))?", Player.delete),
    (rf"remove {_WHO} from (?P<room>\S+)(?: (?P<why>.+))?", Player.remove),
    (r"grace \S+", Player.nothing),
    (r"restart", Player.restart),
    (rf"{_WHO} (?P<how>joins|subscribes) {_ROOM}{_TAG}(?: with (?P<wishes>.+))?", Player.join),
    (rf"{_WHO}(?: \((?P<nonce>\w+)\))?: ?(?P<text>.*)", Player.say),
    (
        rf"{_WHO}(?: \((?P<nonce>\w+)\))? (?P<how>does|answers (?P<which>\d+)): (?P<text>.*)",
        Player.say,
    ),
    (
        rf"{_WHO} has seen (?P<what>an action|an answer to (?P<which>\d+)|plain words)",
        Player.have_seen,
    ),
    (rf"{_WHO}(?: \((?P<nonce>\w+)\))? is now (?P<tag>\S+)", Player.rename),
    (rf"{_WHO} loses the connection", Player.lose),
    (rf"{_WHO} resumes", Player.resume),
    (rf"{_WHO} recovers (?P<how>COMPLETE|PARTIAL)", Player.recover),
    (rf"{_WHO} (?P<active>types|stops typing)", Player.type),
    (rf"{_WHO} leaves", Player.leave),
    (rf"{_WHO} vanishes", Player.vanish),
    (rf"{_WHO} only listens", Player.listen),
    (rf"{_WHO} sees (?P<line>.+)", Player.see),
    (rf"{_WHO} is told (?P<event>\w+)(?: of (?P<who>.+))?", Player.hear),
    (rf"{_WHO} ends (?P<code>[A-Z_]+)(?: (?P<reason>[A-Z_]+))?", Player.end),
    (r"(?P<room>\S+) has (?P<count>\d+) members?", Player.count_members),
    (r"(?P<room>\S+) has (?P<count>\d+) entries", Player.count_entries),
)  # fmt: skip


def scripts() -> list[Path]:
    """Every scene there is."""
    return sorted(Path(__file__).parent.glob("*.scene"))
