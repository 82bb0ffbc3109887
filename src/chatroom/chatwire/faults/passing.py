"""The core with sockets: both sides of one tapped connection under a plan."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from chatroom.chatwire.faults.connection import Break, Deliver, Faults, Finish, Told
from chatroom.chatwire.faults.loosely import Ahead
from chatroom.chatwire.passage import Chunk, Doing, Ended, Faulted, Side
from chatroom.chatwire.relay import Half

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.faults.choosing import Meaning
    from chatroom.chatwire.faults.plan import Plan
    from chatroom.chatwire.passage import Passage


class Passing:
    """What passes between two halves, and what the plan makes of it."""

    def __init__(
        self,
        plan: Plan,
        meaning: Meaning,
        number: int,
        observe: Callable[[Passage], None],
        happened: set[str],
    ) -> None:
        """`happened`: the rules of which something has come are added."""
        self._happened = happened
        self._loop = asyncio.get_running_loop()
        self._number = number
        self._observe = observe
        self._faults = Faults(plan, number, meaning, self._loop.time())
        self._halves: dict[Side, FaultyHalf] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf
        self._blocked: set[Side] = set()
        """Sides that take nothing now."""
        self._calm = False
        """Whether the core was calm when timers and reading were last set."""
        self._over = False

    @property
    def over(self) -> bool:
        """Whether the connection is gone, or a fault has ended it."""
        return self._over or self._faults.over

    def begin(self, *halves: FaultyHalf) -> None:
        """Both sides are there: do what is to be done at the beginning."""
        self._halves = {half.side: half for half in halves}
        self._work()

    def ahead(self, side: Side) -> Ahead:
        """What of a side passes before it is given to `received`."""
        return self._faults.ahead[side]

    def passes(self, side: Side, content: bytes) -> int:
        """See `Faults.passes`."""
        return self._faults.passes(side, content)

    def received(self, side: Side, content: bytes) -> None:
        """Bytes of a side that do not just pass."""
        self._faults.receive(side, content, self._loop.time())
        self._work()

    def ended(self, side: Side) -> None:
        """A side will send nothing more."""
        self._faults.end(side, self._loop.time())
        self._work()

    def stop(self) -> None:
        """The connection is gone."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def silent(self, side: Side) -> bool:
        """Whether nothing of this side passes any more, not even its end."""
        return self._faults.vanished(side)

    def release(self, key: str) -> int:
        """Let go what waits for this key; how many messages did."""
        if self.over or len(self._halves) < len(Side):
            return 0
        count = self._faults.release(key, self._loop.time())
        self._work()
        return count

    def block(self, side: Side, *, blocked: bool) -> None:
        """A side takes nothing more for now, or takes again."""
        (self._blocked.add if blocked else self._blocked.discard)(side)
        self._read()

    def _tick(self) -> None:
        self._timer = None
        self._due = math.inf
        if not self.over:
            self._faults.tick(self._loop.time())
            self._work()

    def _work(self) -> None:
        """Do what the core wants done."""
        for action in self._faults.take():
            if isinstance(action, Deliver):
                self._halves[action.sender.other].write(action.content)
                self._happened.update([mark.rule for mark in action.marks])
                self._observe(
                    Chunk(
                        connection=self._number,
                        time=time.time_ns(),
                        sender=action.sender,
                        content=action.content,
                        marks=action.marks,
                    )
                )
            elif isinstance(action, Told):
                if action.doing is not Doing.IDLE:
                    self._happened.add(action.rule)
                self._observe(faulted(self._number, action))
            elif isinstance(action, Finish):
                self._halves[action.sender].pass_end()
            else:
                self._break(action)
                return
        if self._calm and self._faults.calm:
            return
        self._calm = self._faults.calm
        self._read()
        self._wait()

    def _break(self, action: Break) -> None:
        self.stop()
        for side in (Side.CLIENT, Side.SERVER):
            self._halves[side].end_by_fault(reset=action.reset)

    def _read(self) -> None:
        """Read each side exactly if it is to be read and the other takes what it says."""
        if self.over:
            return
        for side, half in self._halves.items():
            half.reading(self._faults.reads(side) and side.other not in self._blocked)

    def _wait(self) -> None:
        due = self._faults.timer
        if due == self._due or self.over:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due == math.inf else self._loop.call_at(due, self._tick)


def faulted(number: int, told: Told) -> Faulted:
    """What the core tells, as a passage of now."""
    return Faulted(
        connection=number,
        time=time.time_ns(),
        sender=told.sender,
        doing=told.doing,
        rule=told.rule,
        note=told.note,
        stream=told.stream,
        content=told.content,
        unpassed=told.unpassed,
    )


class FaultyHalf(Half):
    """A side of a tapped connection whose bytes go through a plan."""

    def __init__(
        self,
        side: Side,
        accepted: Callable[[Half], None] | None = None,
        *,
        begin: Callable[[int, Callable[[Passage], None]], Passing],
    ) -> None:
        """`begin` makes the one for both sides, once both are there."""
        super().__init__(side, accepted)
        self._begin = begin
        self._passing: Passing | None = None
        self._partner: FaultyHalf | None = None
        self._ahead = Ahead(lambda: None)
        self._wanted = False
        """Whether it is to be read."""
        self._said_end = False

    def join(self, other: Half, number: int, observe: Callable[[Passage], None]) -> None:
        """Begin to read as soon as both have joined."""
        assert isinstance(other, FaultyHalf)
        self._partner = other
        if other._partner is None:
            return
        passing = self._begin(number, observe)
        both = (other, self)
        for half in both:
            half._passing, half._ahead = passing, passing.ahead(half._side)
            half._other, half._number, half._observe = half._partner, number, observe
        passing.begin(*both)

    # ---- for Passing -------------------------------------------------------------------

    def write(self, content: bytes) -> None:
        """Send these bytes, if the connection is still there."""
        if not self._transport.is_closing():
            self._transport.write(content)

    def reading(self, wanted: bool) -> None:
        """Read, or do not; first what has come before it was to."""
        self._wanted = wanted and self._reads and self._other is not None
        if self._wanted:
            early, self._early = self._early, []
            for happened in early:
                happened()  # perhaps something by which it is not to be read any more
        wanted = self._wanted and self._reads
        if not self._transport.is_closing() and wanted != self._transport.is_reading():
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def pass_end(self) -> None:
        """The other side is told that this one sends nothing more."""
        if not super().eof_received():
            self._transport.close()

    def end_by_fault(self, *, reset: bool) -> None:
        """End it: by a reset, or when everything that was written is sent."""
        if not self._ended:
            self._ended = True
            self._observe(
                Ended(
                    connection=self._number,
                    time=time.time_ns(),
                    sender=self._side,
                    reset=reset,
                    why="by a fault",
                )
            )
        if reset:
            self.cut()
        else:
            self._transport.close()

    # ---- called by the event loop ---------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._ahead.take(data):
            Half.data_received(self, data)  # super() would make an object for each read
            return
        passing = self._passing
        passed = len(data) if passing is None else passing.passes(self._side, data)
        if passing is None or passed == len(data):
            super().data_received(data)
        elif not passing.over:
            if passed:
                super().data_received(data[:passed])
            passing.received(self._side, data[passed:])

    def eof_received(self) -> bool:
        passing = self._passing
        if self._other is None or passing is None:
            return super().eof_received()
        self._end_of(passing)
        return self._transport.can_write_eof()  # TLS: asyncio ends both directions

    def pause_writing(self) -> None:
        if self._passing is not None:
            self._passing.block(self._side, blocked=True)

    def resume_writing(self) -> None:
        if self._passing is not None:
            self._passing.block(self._side, blocked=False)

    # ------------------------------------------------------------------------------------

    def _end_of(self, passing: Passing) -> None:
        if not self._said_end and not passing.over and not passing.silent(self._side):
            self._said_end = True
            passing.ended(self._side)

    def _lost(self, *, reset: bool) -> None:
        passing = self._passing
        assert passing is not None
        assert self._other is not None
        if passing.silent(self._side) and not passing.over:
            if self._other.gone.is_set():
                passing.stop()
        elif reset or passing.over or (self._said_end and self._ended):
            passing.stop()
            super()._lost(reset=reset)
        else:
            self._end_of(passing)  # what waits is still to go to the other
