"""Faults on one connection, whatever it speaks: bytes and times in, what to do out.

It has no sockets and no clock. Time is in seconds of any clock that never goes back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.beginnings import settings_begin
from chatroom.chatwire.faults.choosing import Choosing, Meaning
from chatroom.chatwire.faults.kinds import ON_BYTES, Cut, Delay, Inject, StopReading, Vanish
from chatroom.chatwire.faults.loosely import Ahead, LooselyHttp2
from chatroom.chatwire.faults.shaping import Shaping
from chatroom.chatwire.passage import Doing, Mark, Side
from chatroom.wire.http2.frames import HEADER_BYTES, PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.faults.grammar import Rule
    from chatroom.chatwire.faults.plan import Plan
    from chatroom.chatwire.faults.telling import Touch


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send these bytes to the other side of `sender`."""

    sender: Side
    content: bytes
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """Something happens that is no bytes; the fields are those of `passage.Faulted`."""

    sender: Side
    doing: Doing
    rule: str
    note: str
    stream: int | None
    content: bytes
    unpassed: int


@dataclass(frozen=True, slots=True)
class Finish:
    """End the direction of `sender` (FIN to the other side), once what was delivered is sent."""

    sender: Side


@dataclass(frozen=True, slots=True)
class Break:
    """End the connection on both sides; by a reset, or once what was delivered is sent."""

    reset: bool


Action = Deliver | Told | Finish | Break


class Faults:
    """One connection under a plan. After each call `take` has what is to be done."""

    def __init__(self, plan: Plan, connection: int, meaning: Meaning, now: float) -> None:
        """`connection` counts from 1; `meaning` reads messages."""
        self._choosing = Choosing(plan, connection, meaning)
        self._shaping = {side: Shaping(*self._choosing.shaping(side)) for side in Side}
        self._actions: list[Action] = []
        self._out: dict[Side, list[tuple[bytes, Touch | None, int]]] = {side: [] for side in Side}
        self._held: dict[Side, bytes] = dict.fromkeys(Side, b"")
        """Until it is known whether HTTP/2 is spoken."""
        self._http2: LooselyHttp2 | None = None
        self.ahead = {side: Ahead(self._look) for side in Side}
        """What may pass, or has, before it is given to `receive`."""
        self._known = not self._choosing.reads_frames
        self._opened = self._last = self._now = now
        self._moments = self._choosing.moments()
        self._early: list[Rule] = []
        """What is to be injected and waits for HTTP/2."""
        self._stopped: dict[Side, float] = {}
        """Sides that are not read, and until when."""
        self._vanished: set[Side] = set()
        self._ending: set[Side] = set()
        self._finished: set[Side] = set()
        self._quick = not (
            any(shaping.active for shaping in self._shaping.values())
            or any(rule.where.idle is not None for rule in self._moments)
        )
        """Whether bytes may pass without the time being known. Only a fault changes that."""
        self.over = False
        """Whether a fault has ended the connection: nothing is to be fed any more."""
        self.tick(now)

    # ---- In -----------------------------------------------------------------------------

    def receive(self, side: Side, content: bytes, now: float) -> None:
        """Bytes that a side sent."""
        self._now = self._last = now
        if self.over:
            return
        if self._http2 is not None:
            self._http2.feed(side, content, now)
        elif self._known:
            self._out[side].append((content, None, 0))
        else:
            self._held[side] += content
            self._recognise(now)
        self._flush(now)
        if not self._quick:
            self.ahead[Side.SERVER].room = 0

    def passes(self, side: Side, content: bytes) -> int:
        """How many of these bytes pass at once and as they are, with nothing else to be done.

        The rest, if any, goes to `receive`. Never any while there is anything that waits.
        """
        if not self._quick or self._http2 is None:
            return 0
        return self._http2.passes(side, content)

    @property
    def calm(self) -> bool:
        """Whether nothing waits, so that timers and who is read are as they were."""
        return self._quick and self._http2 is not None and self._http2.calm

    def end(self, side: Side, now: float) -> None:
        """A side will send nothing more."""
        self._now = now
        if self.over:
            return
        self._ending.add(side)
        if not self._known:
            self._as_bytes()
        self._finish(side, now)

    def release(self, key: str, now: float) -> int:
        """Let go the messages that wait for this key; how many."""
        self._now = now
        if self._http2 is None or self.over:
            return 0
        count = self._http2.release(key, now)
        self._flush(now)
        self._finish_all(now)
        return count

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        if self.over:
            return
        for rule in [rule for rule in self._moments if self._due(rule) <= now]:
            self._moments.remove(rule)
            if not self._moment(rule):
                return
        for side in [side for side, until in self._stopped.items() if until <= now]:
            del self._stopped[side]
            self._tell(side, Doing.READS, "")
        if self._http2 is not None:
            self._http2.tick(now)
        self._flush(now)
        self._finish_all(now)

    def _look(self) -> None:
        """Look at what has passed ahead, so that more may."""
        if self._quick and self._http2 is not None:
            self._http2.look()

    # ---- Out ----------------------------------------------------------------------------

    def take(self) -> list[Action]:
        """What is to be done, in order, since the last call."""
        actions, self._actions = self._actions, []
        return actions

    @property
    def timer(self) -> float:
        """When `tick` is to be called; infinite: no need."""
        if self.over:
            return math.inf
        due: list[float] = []
        if self._moments:
            due += map(self._due, self._moments)
        if self._stopped:
            due += self._stopped.values()
        for shaping in self._shaping.values():
            if shaping.waiting:
                due.append(shaping.timer)
        if self._http2 is not None:
            due.append(self._http2.timer)
        return min(due, default=math.inf)

    def reads(self, side: Side) -> bool:
        """Whether this side is to be read now."""
        full = self._http2 is not None and self._http2.full(side)
        return not (full or side in self._stopped or self._shaping[side].full)

    def vanished(self, side: Side) -> bool:
        """Whether nothing of this side passes any more, not even its end."""
        return side in self._vanished

    def _due(self, rule: Rule) -> float:
        if rule.where.idle is not None:
            return self._last + rule.where.idle
        return self._opened + (rule.where.after or 0.0)

    # ---- What it speaks -------------------------------------------------------------------

    def _recognise(self, now: float) -> None:
        client, server = self._held[Side.CLIENT], self._held[Side.SERVER]
        if client.startswith(PREFACE):
            self._known = True
            self._http2 = LooselyHttp2(
                self._choosing, self._send, self._tell_all, self._moment, self.ahead[Side.SERVER]
            )
            self._held = dict.fromkeys(Side, b"")
            self._out[Side.CLIENT].append((PREFACE, None, 0))
            for rule in self._early:
                self._http2.at_once(rule)
            self._early = []
            for side, held in ((Side.CLIENT, client[len(PREFACE) :]), (Side.SERVER, server)):
                if held and not self.over:
                    self._http2.feed(side, held, now)
        elif not PREFACE.startswith(client) or not _perhaps_settings(server):
            self._as_bytes()

    def _as_bytes(self) -> None:
        """It is no HTTP/2: only what is about bytes can be done."""
        self._known = True
        for side in Side:
            if held := self._held[side]:
                self._out[side].append((held, None, 0))
        self._held = dict.fromkeys(Side, b"")
        kinds = dict.fromkeys(
            rule.text.split(maxsplit=1)[0].rstrip(":")
            for rule in self._choosing.rules
            if not isinstance(rule.fault, (*ON_BYTES, Delay)) or _of_calls(rule)
        )
        if kinds:
            self._tell(
                Side.CLIENT, Doing.IDLE, "",
                f"this is no HTTP/2 with its preface; of calls and frames there is no "
                f"{', '.join(kinds)} here",
            )  # fmt: skip

    # ---- What happens -----------------------------------------------------------------------

    def _moment(self, rule: Rule) -> bool:
        """Have something happen to the connection; whether it goes on."""
        fault, sender = rule.fault, rule.where.sender
        side = sender or Side.CLIENT
        if isinstance(fault, Inject):
            if self._http2 is not None:
                self._http2.at_once(rule)
            elif not self._known or self._choosing.reads_frames:
                self._early.append(rule)
        elif isinstance(fault, StopReading):
            until = math.inf if fault.seconds is None else self._now + fault.seconds
            self._stopped[side] = until
            self._slow()
            note = "" if fault.seconds is None else f"for {fault.seconds:g} s"
            self._tell(side, Doing.STOPS, rule.text, note)
        elif isinstance(fault, Vanish):
            self._slow()
            gone = [sender] if sender else list(Side)
            for one in gone:
                self._tell(one, Doing.VANISHES, rule.text)
                self._vanished.add(one)
                self._stopped[one] = math.inf
                self._shaping[one].clear()
                self._out[one].clear()
            return len(self._vanished) < len(Side)
        elif isinstance(fault, Cut):
            self._cut(rule, fault, side)
            return False
        return True

    def _slow(self) -> None:
        """From here on nothing passes before it is looked at."""
        self._quick = False
        self.ahead[Side.SERVER].room = 0

    def _cut(self, rule: Rule, fault: Cut, side: Side) -> None:
        self._tell(side, Doing.CUTS, rule.text, "by a reset" if fault.reset else "in order")
        self.over = True
        self._slow()
        for one in Side:
            if not fault.reset:
                for content, marks in self._shaping[one].flush():
                    self._actions.append(Deliver(one, content, marks))
            self._shaping[one].clear()
        self._actions.append(Break(fault.reset))

    def _finish(self, side: Side, now: float) -> None:
        if side in self._finished or side in self._vanished:
            return
        gone = self._http2 is None or self._http2.end(side, now)
        self._flush(now)
        if gone and not self._shaping[side].waiting:
            self._finished.add(side)
            self._actions.append(Finish(side))

    def _finish_all(self, now: float) -> None:
        for side in [side for side in Side if side in self._ending]:
            self._finish(side, now)

    # ---- Towards the actions ------------------------------------------------------------------

    def _send(self, side: Side, raw: bytes, touch: Touch | None = None, unsent: int = 0) -> None:
        self._out[side].append((raw, touch, unsent))

    def _tell(self, side: Side, doing: Doing, rule: str, note: str = "") -> None:
        self._tell_all(side, doing, rule, note)

    def _tell_all(
        self,
        side: Side,
        doing: Doing,
        rule: str,
        note: str = "",
        stream: int | None = None,
        content: bytes = b"",
        unpassed: int = 0,
    ) -> None:
        self._flush(self._now)  # what went before is seen before
        self._actions.append(Told(side, doing, rule, note, stream, content, unpassed))

    def _flush(self, now: float) -> None:
        for side, parts in self._out.items():
            shaping = self._shaping[side]
            if parts:
                self._out[side] = []
                if side in self._vanished:
                    continue
                content, marks = _joined(parts)
                if not shaping.active:
                    self._actions.append(Deliver(side, content, marks))
                    continue
                shaping.put(content, marks, now)
            if shaping.waiting:
                for content, marks in shaping.take(now):
                    self._actions.append(Deliver(side, content, marks))


def _joined(parts: list[tuple[bytes, Touch | None, int]]) -> tuple[bytes, tuple[Mark, ...]]:
    """Bytes in one piece, with a mark for each part that was touched."""
    if len(parts) == 1 and parts[0][1] is None:
        return parts[0][0], ()
    marks = []
    place = 0
    for raw, touch, unsent in parts:
        if touch is not None:
            marks.append(
                Mark(
                    begin=place, end=place + len(raw), how=touch.how, rule=touch.rule,
                    note=touch.note, unsent=unsent,
                )
            )  # fmt: skip
        place += len(raw)
    return b"".join([raw for raw, _, _ in parts]), tuple(marks)


def _of_calls(rule: Rule) -> bool:
    return rule.where.of_calls or rule.where.of_messages


def _perhaps_settings(beginning: bytes) -> bool:
    """Whether a server that has said this may speak HTTP/2."""
    if len(beginning) < HEADER_BYTES:
        return b"\0\0".startswith(beginning[:2])
    return settings_begin(bytearray(beginning[:HEADER_BYTES]))
