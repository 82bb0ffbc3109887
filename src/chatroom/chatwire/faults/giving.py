"""WINDOW_UPDATE of the tap's own, to a sender whose bytes the receiver has not got."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.faults.telling import Touch
from chatroom.chatwire.passage import How
from chatroom.wire.envelopes import HEAD_BYTES
from chatroom.wire.http2 import frames

if TYPE_CHECKING:
    from chatroom.chatwire.faults.lanes import Lane
    from chatroom.chatwire.faults.telling import Emit
    from chatroom.chatwire.faults.windows import Account, Windows

DROPPED = Touch(How.INVENTED, note="for bytes that do not pass")
LENT = Touch(How.INVENTED, note="to have a message whole")
AHEAD = Touch(How.INVENTED, note="so that more can come")


class Giver:
    """Gives window for one direction; `back` sends frames to its sender."""

    def __init__(self, windows: Windows, back: Emit) -> None:
        self._windows = windows
        self._back = back

    def lend(self, lane: Lane) -> None:
        """Whole messages are judged, and the receiver gives window for what it gets alone."""
        if needed := lane.needed:
            for account in self._windows.of(lane.stream):
                self._give(lane, account, account.lend(needed), LENT)

    def advance(self, lane: Lane, count: int) -> None:
        """So many bytes are kept back for others to go first."""
        for account in self._windows.of(lane.stream):
            self._give(lane, account, account.advance(count), AHEAD)

    def reopen(self) -> None:
        """Something waits for the next message of its stream: that must be able to begin."""
        account = self._windows.connection
        if given := account.lend(HEAD_BYTES):
            self._back(frames.window_update(0, given), AHEAD)

    def credit(self, lane: Lane, count: int) -> None:
        """So many bytes will never reach the receiver."""
        if not count:
            return
        for account in self._windows.of(lane.stream):
            if account is self._windows.connection or not lane.ended:
                self._give(lane, account, account.credit(count), DROPPED)

    def lost(self, count: int) -> None:
        """The same of a stream that is over: only the connection's window is left."""
        if count and (given := self._windows.connection.credit(count)):
            self._back(frames.window_update(0, given), DROPPED)

    def _give(self, lane: Lane, account: Account, given: int, touch: Touch) -> None:
        if given:
            number = 0 if account is self._windows.connection else lane.stream
            self._back(frames.window_update(number, given), touch)
