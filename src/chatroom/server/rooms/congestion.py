"""Congestion: rooms in which more is said than may be, and whose turn it is there.

Who waits for a room's rate waits in a line, and not for a time: a thousand who all came back
when the next token is there would be a thousand callbacks for one message.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from chatroom.core.exhausted import RoomBusy
from chatroom.core.room import Room


class Line:
    """Those who wait for one room's rate."""

    __slots__ = ("called", "timer", "waiting")

    def __init__(self) -> None:
        self.waiting: OrderedDict[Turn, None] = OrderedDict()
        self.called = False
        """It is the turn of who was just called: of one message."""
        self.timer: asyncio.TimerHandle | None = None


class Turn:
    """A place in a line; `cancel` leaves it."""

    __slots__ = ("_line", "call")

    def __init__(self, line: Line, call: Callable[[], None]) -> None:
        self._line = line
        self.call = call

    def cancel(self) -> None:
        """Be called no more."""
        self._line.waiting.pop(self, None)


class Congestion:
    """The lines of all rooms that are above their rate; the others have none."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """`monotonic` is in seconds."""
        self._monotonic = monotonic
        self._lines: dict[Room, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def take_some(self, room: Room, wanted: int) -> int:
        """How many of so many messages may be said now by who does not stand in line: they are."""
        if self._lines and room in self._lines:
            return 0
        return room.bucket.take_some(wanted, self._monotonic())

    def take(self, room: Room) -> None:
        """One message is said whose `turn` it was."""
        room.bucket.take_some(1, self._monotonic())
        line = self._lines.get(room)
        if line is not None:
            line.called = False

    def turn(self, room: Room, call: Callable[[], None]) -> Turn | None:
        """None: one message may be said now. Else `call` is called when it may."""
        line = self._lines.get(room)
        if line is None:
            if room.bucket.ready(self._monotonic()):
                return None
            line = self._lines[room] = Line()
        elif line.called:
            return None
        turn = Turn(line, call)
        line.waiting[turn] = None
        if line.timer is None:
            self._call_later(room, line)
        return turn

    async def admit(self, room: Room, patience: float) -> None:
        """Wait until one message may be said, and take it as said.

        Raises RoomBusy if that would take longer than `patience`, in seconds.
        """
        line = self._lines.get(room)
        before = len(line.waiting) if line is not None else 0
        wait = room.bucket.wait(self._monotonic(), before + 1)
        if wait > patience:
            raise RoomBusy(wait)
        mine = asyncio.get_running_loop().create_future()

        def called() -> None:
            if not mine.done():
                self.take(room)
                mine.set_result(None)

        turn = self.turn(room, called)
        if turn is None:
            self.take(room)
            return
        try:
            await mine
        finally:
            turn.cancel()

    def _call_later(self, room: Room, line: Line) -> None:
        wait = room.bucket.wait(self._monotonic())
        line.timer = asyncio.get_running_loop().call_later(wait, self._call, room, line)

    def _call(self, room: Room, line: Line) -> None:
        """Call those at the head of a line, as many as have something to say."""
        while line.waiting and room.bucket.ready(self._monotonic()):
            turn, _ = line.waiting.popitem(last=False)
            line.called = True
            turn.call()
            line.called = False
        if line.waiting:
            self._call_later(room, line)
        else:
            del self._lines[room]
