"""A member's stream: what `Chat` and `Subscribe` do, whatever carries them.

No task serves a stream: what comes is pushed into it, and who publishes hands out what it
is to get. Only while it joins, and while it reads pages of the journal, has it one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core import events, refusals
from chatroom.core.grants import Right, demand, demand_in, is_for
from chatroom.core.member import takes_nothing
from chatroom.core.rate import TokenBucket
from chatroom.core.refusals import Refusal
from chatroom.server.access.access import OPEN, Visit
from chatroom.server.port.rota import Turn, next_turn
from chatroom.server.rooms.congestion import Turn as RoomTurn
from chatroom.server.rooms.hub import Hub
from chatroom.server.rooms.sessions import Place, Resume
from chatroom.wire.grpc import Code

from .delivery import Delivery, Stage
from .said import bytes_of, manner_of, said_in
from .statuses import EnvelopeInvalid
from .stream_call import FAILED, StreamCall

log = logging.getLogger(__name__)


Message = Any
"""A ChatMessage, or the JoinChat of `Subscribe`."""

_CHAT_FIELDS = ("join", "message", "typing", "heartbeat", "leave", "rename")


def the_one_field(message: pb.ChatMessage, *, joined: bool = False) -> str | None:
    """Name the one field that is set; None if none is. Raises OneField.

    Once `joined`, a join is not a field that may be set.
    """
    has = message.HasField
    if has("message") and not (
        has("join") or has("typing") or has("heartbeat") or has("leave") or has("rename")
    ):
        return "message"  # what almost every message is, in half the time
    found = [field for field in _CHAT_FIELDS if has(field)]
    if len(found) > 1:
        raise refusals.OneField(
            f"a ChatMessage carries one field; this one has {' and '.join(found)}"
        )
    if joined and found == ["join"]:
        raise refusals.OneField("a stream joins one room, with its first message")
    return found[0] if found else None


class MemberStream(Delivery):
    """One member's stream, from its first message to its end.

    What comes is pushed into `hear`, what goes is handed out by `pump`: whenever there may
    be something new, and whenever there is room again. A stream that cannot take bytes stays
    where it is; a place in the log and a `Stage` are all that it has.
    """

    __slots__ = (
        "_asked", "_began", "_empty", "_heartbeat_due", "_pace", "_patient",
        "_quiet_at", "_quiet_since", "_silent_since", "_speaks", "_spoke", "_subscribe",
        "_subscription", "_talks", "_turn", "_visit",
    )  # fmt: skip

    def __init__(
        self,
        hub: Hub,
        call: StreamCall,
        *,
        subscribe: bool,
        turn: Turn = next_turn,
        visit: Visit | None = None,
    ) -> None:
        """`subscribe`: the one message is a JoinChat, and nothing follows it.

        It joins when it is its `turn`. `visit` says who it is; None: anybody, who may everything.
        """
        super().__init__(hub, call)
        self._visit = visit or Visit(OPEN, "")
        self._speaks = False
        """It has joined, and may say something."""
        self._turn = turn
        self._subscribe = subscribe
        self._subscription: pb.JoinChat | None = None
        self._began = self._loop.time()
        self._talks = False
        """It has joined, and messages may follow."""
        self._heartbeat_due = 0.0
        self._quiet_since = 0.0
        self._quiet_at = -1
        """Where the cursor stood at the last check."""
        self._patient = False
        """It has sent a heartbeat: from then on silence ends it."""
        self._silent_since = 0.0
        self._spoke = False
        """Something came, or could not be read, since the last check."""
        self._empty: TokenBucket | None = None
        self._asked = False
        """Somebody has been asked to have it read on: nobody else is to be."""
        self._pace: asyncio.TimerHandle | RoomTurn | None = None
        """The last who was asked because it, or its room, is above its rate."""
        hub.newcomers.add(self._turn_away)

    # ---- Upwards ------------------------------------------------------------------

    def hear(self, message: Message) -> bool:
        """Take a message, or say that it is to come again when `go_on` was called.

        Not taking it is how a member over its rate, or all while the journal is behind, are
        slowed down: HTTP/2 flow control carries it to the sender. Raises Refusal.
        """
        if not self._talks:
            return self._hear_early(message)
        hub, place = self._hub, self._place
        assert place is not None
        member = place.member
        field = the_one_field(message, joined=True)
        self._spoke = True
        if self._asked:
            return False
        if hub.commits.full:
            self._asked = True
            hub.commits.when_room_to_read(self._read_on)
            return False
        if member.outbox and hub.talk.read_later(member):
            self._outbox_full = True
            return False
        if (field == "message" or field == "rename") and place.room.bucket.limited:
            turn = hub.talk.room_turn(place.room, self._read_on)
            if turn is not None:
                hub.quotas.counters.room_pauses += 1
                self._asked = True
                self._pace = turn
                return False
        if field == "message" or field == "typing" or field == "rename":
            wait = hub.talk.token_wait(member)
        else:
            wait = self._pace_empty()
        if wait:
            hub.quotas.counters.member_pauses += 1
            self._asked = True
            self._pace = self._loop.call_later(wait, self._read_on)
            return False
        if field == "message":
            if not member.over:  # else it is too late, and its stream is about to say why
                self._say(place, message.message)
        elif field == "typing":
            if self._speaks:
                hub.talk.type(place, message.typing.active)
        elif field == "heartbeat":
            self._answer_heartbeat()
        elif field == "rename":
            if not member.over:  # likewise
                self._rename(place, message.rename)
        elif field == "leave":
            hub.quit(place)
        return True

    def hear_run(self, run: bytes) -> int:
        """Take messages that say something and nothing else, as many as can be taken at once."""
        place = self._place
        if not self._talks or place is None:
            return 0
        hub = self._hub
        if hub.commits.full or hub.draining or place.member.outbox or not self._speaks:
            return 0
        said, size = said_in(run)
        if not said:
            return 0
        self._spoke = True
        taken = hub.talk.say_all(place, said)
        self._call.streamed.heard += taken
        return size if taken == len(said) else bytes_of(run, taken)

    def _read_on(self) -> None:
        self._asked = False
        self._call.go_on()

    def _hear_early(self, message: Message) -> bool:
        """Take a message of a stream that does not talk: not yet, not any more, or never."""
        stage = self._stage
        if stage is Stage.WAITING:
            self._first(message)
        elif stage is Stage.JOINING:
            return False
        elif stage is not Stage.OVER:
            raise EnvelopeInvalid("the request has more than one message", Code.UNIMPLEMENTED)
        return True

    def _first(self, message: Message) -> None:
        if isinstance(message, pb.JoinChat):
            if self._subscription is not None:
                raise EnvelopeInvalid("the request has more than one message", Code.UNIMPLEMENTED)
            self._subscription = message  # it joins when the request has ended
            return
        if the_one_field(message) != "join":
            raise refusals.JoinRequired("the first message of a stream must be a join")
        self._begin(message.join)

    def _pace_empty(self) -> float:
        """Seconds to wait, if what says nothing comes in a flood: reading it costs others time."""
        now = self._loop.time()
        if self._empty is None:
            limits = self._hub.limits
            self._empty = TokenBucket(limits.empty_rate, limits.empty_burst, now)
        return self._empty.take(now)

    def half_closed(self) -> None:
        """No more comes. Who has half-closed can send no heartbeats, but reads on."""
        self._patient = False
        if self._stage is Stage.WAITING:
            if self._subscription is not None:
                self._begin(self._subscription)
            elif self._subscribe:
                raise EnvelopeInvalid("the request has no message", Code.UNIMPLEMENTED)
            else:
                raise refusals.JoinRequired("the first message of a stream must be a join")

    def _turn_away(self) -> None:
        self._call.refuse(refusals.Draining())

    def _say(self, place: Place, message: pb.Message) -> None:
        try:
            self._demand_to_speak(place)
            self._hub.talk.say(place, message.message, message.nonce, manner_of(message))
        except Refusal as refusal:
            self._tell_refused(place, message.nonce, refusal)

    def _rename(self, place: Place, rename: pb.Rename) -> None:
        hub = self._hub
        try:
            self._demand_to_speak(place)
            tag = hub.doors.new_name(place.room, place.member, self._visit.who, rename.name)
            hub.talk.rename(place, tag, rename.nonce)
        except Refusal as refusal:
            self._tell_refused(place, rename.nonce, refusal)

    def _demand_to_speak(self, place: Place) -> None:
        if not self._speaks:
            demand(self._visit.who, Right.SEND)
            demand_in(self._visit.who, Right.SEND, place.room.facts)

    def _tell_refused(self, place: Place, nonce: str, refusal: Refusal) -> None:
        if isinstance(refusal, refusals.RoomClosed):
            return  # its stream is about to say so
        place.member.tell_refused(nonce[:64], refusal)

    def _answer_heartbeat(self) -> None:
        now = self._loop.time()
        self._patient = True
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + self._hub.limits.heartbeat_interval
            place = self._here
            place.member.tell(events.Heartbeat(place.room.newest))

    def _heard(self, heartbeat: bool) -> None:
        """Something came from the member by a method beside the stream."""
        if heartbeat:
            self._answer_heartbeat()
        self._spoke = True

    # ---- Joining -------------------------------------------------------------------

    def _begin(self, join: pb.JoinChat) -> None:
        # Not before: a client that still writes its join would be told of a lost stream.
        self._visit.begin()
        self._hub.newcomers.discard(self._turn_away)
        self._stage = Stage.JOINING
        self._task = self._loop.create_task(self._enter(join), name="join")

    async def _enter(self, join: pb.JoinChat) -> None:
        """Join the room, hand out what comes first, and go live."""
        if join.HasField("history"):
            self._history = join.history
        if not self._visit.who.grant.gives(Right.HISTORY):
            self._history = 0
        try:
            turn, self._turn = self._turn, next_turn  # many members keep one function
            await turn()
            self._place = await self._open(join)
            await turn()  # one commit lets many in, and each is told of all the others
            self._stage = Stage.REPLAYING
            self._talks = not self._subscribe
            self._call.begin()
            await self._beginning(self._place)
        except Refusal as refusal:
            if self._stage is Stage.JOINING:
                self._stage = Stage.REPLAYING  # it has no place that could go on
            self._call.refuse(refusal)
        except asyncio.CancelledError:
            raise
        except Exception:
            where, place = self._call.log_name, self._place
            inside = {"room": place.room.room_id} if place is not None else {}
            log.exception("%s failed", where, extra=where.known(**inside))
            self._stage = Stage.REPLAYING
            self._call.finish(FAILED)
        else:
            self._go_live()

    async def _open(self, join: pb.JoinChat) -> Place:
        resume = join.resume
        place = await self._hub.join(
            join.room_id,
            join.name,
            wants_events=pb.FEATURE_EVENTS in join.features,
            echo=pb.FEATURE_ECHO in join.features,
            resume=Resume(resume.session, resume.epoch, resume.after)
            if join.HasField("resume")
            else None,
            who=self._visit.who,
        )
        who = self._visit.who
        self._speaks = who.grant.gives(Right.SEND) and is_for(who, place.room.facts)
        place.streamed = self._call.streamed
        place.streamed.begin(place.member.cursor)
        place.member.wake = self.pump
        place.member.heard = self._heard
        return place

    # ---- Time ------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Heartbeats, and what has waited too long. Raises Refusal."""
        limits = self._hub.limits
        if self._stage is Stage.WAITING:
            if now - self._began >= limits.join_seconds:
                raise refusals.JoinRequired(
                    "the first message of a stream is a join; "
                    f"none came within {limits.join_seconds:g} s"
                )
            return
        place = self._place
        if place is None:
            return
        ends = self._visit.ends_soon()
        if ends is not None and place.member.events:
            place.member.tell(events.Expiring(ends))
        cursor = place.member.cursor
        if self._wrote or cursor != self._quiet_at or not self._call.idle:
            self._wrote = False
            self._quiet_at = cursor
            self._quiet_since = now
        elif place.member.events and now - self._quiet_since >= limits.heartbeat_silence:
            place.member.tell(events.Heartbeat(place.room.newest))
        if self._spoke or self._call.waits or not self._silent_since:
            self._spoke = False
            self._silent_since = now
        elif self._patient and now - self._silent_since >= limits.heartbeat_patience:
            raise refusals.HeartbeatLost(limits.heartbeat_patience)

    def leaving(self) -> None:
        """The connection is to close: a member with a session may come back by another."""
        if self._place is not None and self._place.member.events:
            self._place.member.tell(events.Draining(refusals.Draining.retry_after))

    # ---- The end ---------------------------------------------------------------------

    def gone(self) -> bool:
        """The call is over, in whatever way. False while the hub still lets it in."""
        joining = self._stage is Stage.JOINING
        self._stage = Stage.OVER
        self._talks = False
        if self._pace is not None:
            self._pace.cancel()  # at a low rate it would keep all this for long
        self._hub.newcomers.discard(self._turn_away)
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            if joining:
                self._task = self._loop.create_task(self._release(task), name="release")
                return False
        self._close()
        return True

    async def _release(self, joining: asyncio.Task[None]) -> None:
        """Keep the call's place until what its join has begun is stored (CVE-2023-44487)."""
        await asyncio.wait((joining,))
        self._close()
        await self._hub.commits.stored()
        self._call.release()

    def _close(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            self._count(place)
            place.member.offer = takes_nothing
            self._hub.leave(place, self._reason)
