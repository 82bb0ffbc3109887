"""Plays a script against a server: in its order, at its speed, and not before its answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatroom.chatwire.decode import Decoder, records
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.passage import Side
from chatroom.chatwire.replay.altering import Altering
from chatroom.chatwire.replay.connection import Connection
from chatroom.chatwire.replay.script import Act, Answer, Answers
from chatroom.wire.http2 import frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from chatroom.chatwire.decode.records import Field, Frame
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Passage
    from chatroom.chatwire.replay.carrying import Carrying
    from chatroom.chatwire.replay.script import Place, Script
    from chatroom.wire.addresses import Address

PATIENCE = 5.0
"""Seconds that an answer, or a window, may come later than it did in the recording."""
LAST_SECONDS = 0.2
"""After the last answer: for what a server says that was not recorded."""
MISSES = 3
"""Answers that are waited for in vain on one stream before it is waited for no more."""
ENDED_EARLY = "the server has ended it: what was left is not sent"
SECOND = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a script is played."""

    to: Address
    tls: ssl.SSLContext | None = None
    speed: float | None = 1.0
    """Times the recorded one; None: as fast as answers come."""
    patience: float = PATIENCE


@dataclass(slots=True)
class Played:
    """What came of it."""

    sent: int = 0
    """Messages."""
    received: int = 0
    put_in: int = 0
    """Values of answers that stood in for recorded ones."""
    connections: int = 0
    streams: int = 0
    seconds: float = 0.0
    parted: int = 0
    """Where it did not go as recorded; each was said."""


class Player:
    """Plays one script. Everything that passes goes to `passed` with the frames made of it.

    What the server should have said before something was sent is waited for: as many heads,
    messages and ends on each stream as in the recording. What does not come within the patience
    is said and waited for no more.
    """

    def __init__(
        self,
        script: Script,
        how: How,
        *,
        carrying: Carrying,
        schema: Schema | None = None,
        passed: Callable[[Passage, Sequence[Frame]], None] = lambda _passage, _frames: None,
        say: Callable[[str], object] = lambda _sentence: None,
    ) -> None:
        self._script = script
        self._how = how
        self._carrying = carrying
        self._passed = passed
        self._say = say
        self._decoder = Decoder(schema)
        self._answers = Answers()
        self._connections: dict[int, Connection] = {}
        self._needed: Counter[Place] = Counter()
        self._got: Counter[Place] = Counter()
        self._owed: dict[Place, int] = {}
        """When, in the recording, the last of the answers came that have not come yet."""
        self._misses: Counter[Place] = Counter()
        self._begun = (0, 0.0)
        """When the recording began, and when this."""
        self._given_up: set[Place] = set()
        """Of which it was said that nothing more is sent."""
        self._altering = Altering(carrying)
        self._first_settings: dict[int, records.Settings] = {}
        """By connection: sent with its preface, before anything is acknowledged (RFC 9113, 3.4)."""
        for step in script.steps:
            if isinstance(step, Act) and isinstance(step.frame.detail, records.Settings):
                self._first_settings.setdefault(step.place[0], step.frame.detail)
        self._changed = asyncio.Event()
        self._played = Played()

    async def play(self) -> Played:
        """Do it all; what came of it. Raises OSError where the server cannot be reached."""
        begin = time.monotonic()
        try:
            await self._steps()
        finally:
            for connection in self._connections.values():
                await connection.close()
        played = self._played
        played.seconds = time.monotonic() - begin
        played.put_in = self._carrying.put_in
        return played

    async def _steps(self) -> None:
        steps = self._script.steps
        if not steps:
            return
        loop = asyncio.get_running_loop()
        # This moment of the recording is that moment of now.
        recorded, now = self._begun = steps[0].frame.time, loop.time()
        for step in steps:
            if isinstance(step, Answer):
                self._await(step)
                continue
            at = step.frame.time
            if self._how.speed is not None:
                due = now + (at - recorded) / SECOND / self._how.speed
                await asyncio.sleep(max(0.0, due - loop.time()))
            if self._owed:
                await self._answered()
                recorded, now = at, loop.time()
            await self._do(step)
        await self._answered()
        await asyncio.sleep(LAST_SECONDS)

    # ---- Answers -----------------------------------------------------------------------

    def _await(self, answer: Answer) -> None:
        place = answer.place
        self._needed[place] += answer.count
        connection = self._connections.get(place[0])
        if connection is None or self._got[place] >= self._needed[place]:
            return
        if self._misses[place] >= MISSES or connection.over:
            return
        if place[1] and connection.is_over(place[1]):
            self._give_up(place, "it has ended earlier than recorded")
        else:
            self._owed[place] = answer.frame.time

    async def _answered(self) -> None:
        """Wait for what is owed: until the time at which it came, and the patience.

        Also when more is sent in less time: what a server does after ten seconds, it does then.
        """
        if not self._owed:
            return
        now = asyncio.get_running_loop().time()
        recorded, begun = self._begun
        latest = begun + (max(self._owed.values()) - recorded) / SECOND
        if await self._until(lambda: not self._owed, max(now, latest) - now + self._how.patience):
            return
        for place in sorted(self._owed):
            missing = self._needed[place] - self._got[place]
            self._misses[place] += 1
            last = self._misses[place] == MISSES
            more = "; no more is waited for on it" if last else ""
            self._part(place, f"{missing} of the recorded answers did not come{more}")
            self._got[place] = self._needed[place]
        self._owed.clear()

    async def _until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Whether it was so in time."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _observe(self, passage: Passage) -> None:
        frames = self._decoder.take(passage)
        self._passed(passage, frames)
        for frame in frames:
            if frame.sender is Side.SERVER:
                self._came(frame)

    def _came(self, frame: Frame) -> None:
        connection = self._connections[frame.connection]
        place = frame.connection, connection.recorded(frame.stream)
        connection.take(frame)
        self._played.received += len(frame.messages)
        for message in frame.messages:
            self._carrying.came(place, message)
        if count := self._answers.count(frame):
            self._got[place] += count
            if self._got[place] >= self._needed[place]:
                self._owed.pop(place, None)
        for owed in [owed for owed in self._owed if owed[0] == frame.connection]:
            # Where nothing more can come, nothing is waited for.
            if connection.over or (owed[1] and connection.is_over(owed[1])):
                del self._owed[owed]
                self._give_up(owed, "it has ended earlier than recorded")
        self._changed.set()

    def _part(self, place: Place, what: str) -> None:
        connection, stream = place
        on = (
            f"stream {stream} of connection #{connection}"
            if stream
            else f"connection #{connection}"
        )
        self._played.parted += 1
        self._say(f"{on}: {what}")

    # ---- Acts --------------------------------------------------------------------------

    async def _do(self, act: Act) -> None:
        frame = act.frame
        if frame.kind is Kind.OPENED:
            await self._open(act)
            return
        connection = self._connections.get(frame.connection)
        if connection is None:
            connection = await self._open(act)
        if not await self._may(act, connection):
            return
        _, stream = act.place
        match frame.detail:
            case records.Headers():
                self._head(act, connection)
            case records.Data():
                await self._data(act, connection, frame.detail.payload)
            case records.Reset(code=code):
                connection.reset(stream, code)
            case records.Settings(values=values):
                if act.frame.detail is not self._first_settings[act.place[0]]:
                    connection.settings(values)
            case records.WindowUpdate(increment=increment):
                connection.window_update(stream, increment)
            case records.Ended(reset=reset):
                connection.finish(reset=reset)
            case detail:
                connection.send(_plain(detail))
        await connection.drain()

    def _head(self, act: Act, connection: Connection) -> None:
        fields = self._fields(act.fields)
        connection.headers(act.place[1], fields, end=act.ends)
        if _begins(act):
            self._played.streams += 1
            kind = {one.name: one.value for one in fields}.get("content-type", "")
            self._altering.begin(act.place, kind)

    async def _open(self, act: Act) -> Connection:
        number = act.frame.connection
        connection = Connection(number, self._how.to, self._observe)
        first = self._first_settings.get(number)
        await connection.open(self._how.tls, () if first is None else first.values)
        self._connections[number] = connection
        self._played.connections += 1
        # Its limits are in force from then on; nothing is sent that they forbid.
        if not await self._until(lambda: connection.greeted or connection.over, self._how.patience):
            self._part((number, 0), "the server's SETTINGS did not come: does it speak HTTP/2?")
        return connection

    async def _may(self, act: Act, connection: Connection) -> bool:
        """Whether it can be done; if not, that is said once for its stream."""
        place, kind = act.place, act.frame.kind
        if connection.over:
            if kind is not Kind.ENDED:
                self._give_up((place[0], 0), ENDED_EARLY)
            return kind is Kind.ENDED
        if _begins(act):
            most = connection.most_streams
            if most is None or await self._until(
                lambda: connection.streams < most, self._how.patience
            ):
                return True
            self._give_up(place, f"not begun: the server takes {most} streams at once")
            return False
        if not place[1] or kind in (Kind.WINDOW_UPDATE, Kind.PRIORITY):
            return True
        if kind is Kind.RST_STREAM:
            return not connection.is_over(place[1])
        if not connection.is_open(place[1]):
            self._give_up(place, ENDED_EARLY)
            return False
        return True

    def _give_up(self, place: Place, what: str) -> None:
        if place not in self._given_up:
            self._given_up.add(place)
            self._part(place, what)

    # ---- Content -----------------------------------------------------------------------

    def _fields(self, fields: Sequence[Field]) -> list[Field]:
        """The recorded ones, for this server."""
        mine = {
            ":authority": str(self._how.to),
            ":scheme": "https" if self._how.tls else "http",
        }
        kept = []
        for one in fields:
            value = mine.get(one.name) or self._carrying.field(one.name, one.value)
            # Of a body whose messages may be altered the length is not known before.
            if not (self._carrying and one.name == "content-length"):
                kept.append(replace(one, value=value))
        return kept

    async def _data(self, act: Act, connection: Connection, payload: bytes) -> None:
        place, messages = act.place, act.frame.messages
        self._played.sent += len(messages)
        payload = self._altering.data(place, payload, messages, end=act.ends)
        if not payload and act.frame.length and not act.ends:
            return
        while True:
            piece = payload[: connection.room(place[1])]
            rest = payload[len(piece) :]
            if piece or not payload:
                connection.data(place[1], piece, end=act.ends and not rest)
                await connection.drain()
            if not (payload := rest):
                return
            if not await self._until(
                lambda: not connection.is_open(place[1]) or connection.room(place[1]) > 0,
                self._how.patience,
            ):
                self._give_up(place, f"{len(payload)} bytes are not sent: the window stays closed")
                connection.reset(place[1], 8)
                return
            if connection.over or not connection.is_open(place[1]):
                self._give_up(place, ENDED_EARLY)
                return


def _begins(act: Act) -> bool:
    """Whether it is the head of a call."""
    return bool(act.fields) and act.fields[0].name.startswith(":")


def _plain(detail: object) -> bytes:
    """A frame that needs nothing of its connection; nothing for one that is not sent again."""
    match detail:
        case records.Ping(opaque=opaque):
            return frames.ping(opaque)
        case records.Goaway(last_stream=last, code=code, debug=debug):
            return frames.goaway(last, code, debug)
    return b""
