"""WINDOW_UPDATE of one side, on its way to the other: all of it, less, later or never."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from chatroom.chatwire.faults.telling import Touch
from chatroom.chatwire.passage import Doing, How, Side
from chatroom.wire.http2 import frames

if TYPE_CHECKING:
    from chatroom.chatwire.faults.choosing import Choosing
    from chatroom.chatwire.faults.grammar import Rule
    from chatroom.chatwire.faults.telling import Emit, Tell
    from chatroom.chatwire.faults.windows import Account


STREAMS = 10_000
"""Of which it is known that nothing is to be kept any more; of more, the oldest are forgotten."""


class Kept:
    """What is kept of a stream's window, or of the connection's."""

    def __init__(self, rule: Rule, until: float) -> None:
        self.rule = rule
        self.until = until
        self.increment = 0
        self.account: Account | None = None


class Updates:
    """Passes them on unless a rule keeps them; each rule keeps those of a stream once."""

    def __init__(self, side: Side, choosing: Choosing, emit: Emit, tell: Tell) -> None:
        self._side = side
        self._choosing = choosing
        self._emit = emit
        self._tell = tell
        self._kept: dict[int, Kept] = {}
        self._any = choosing.withholds(side)
        self._done: OrderedDict[int, None] = OrderedDict()
        """Streams of which enough was kept, or nothing is to be."""

    def take(
        self,
        stream: int,
        raw: bytes,
        increment: int,
        given: int,
        account: Account | None,
        path: str | None,
        now: float,
    ) -> None:
        """One has come; `given`: how much of it is for the other side."""
        kept = self._kept.get(stream)
        if self._any and kept is None and stream not in self._done and increment:
            rule = self._choosing.withheld(self._side, stream, path)
            if rule is None:
                self._finish(stream)
            else:
                seconds = getattr(rule.fault, "seconds", None)
                until = math.inf if seconds is None else now + seconds
                kept = self._kept[stream] = Kept(rule, until)
        if kept is not None:
            kept.increment += given
            kept.account = account
            self._tell(self._side, Doing.WITHHOLDS, kept.rule.text, f"+{increment}", stream)
            return
        self._pass(stream, raw, increment, given, account)

    def _pass(
        self, stream: int, raw: bytes, increment: int, given: int, account: Account | None
    ) -> None:
        if account is not None:
            account.sender += given
        if given == increment:
            self._emit(raw)
        elif given:
            note = f"+{increment}, less what the tap has used of it"
            self._emit(frames.window_update(stream, given), Touch(How.ALTERED, note=note))
        else:
            note = f"+{increment}: the tap has used it already"
            self._tell(self._side, Doing.WITHHOLDS, "", note, stream)

    @property
    def plain(self) -> bool:
        """Whether none is ever kept."""
        return not self._any

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return bool(self._kept)

    @property
    def timer(self) -> float:
        """When something is due."""
        if not self._kept:
            return math.inf
        return min(kept.until for kept in self._kept.values())

    def tick(self, now: float) -> None:
        """Pass on what was kept long enough, as one."""
        for stream, kept in list(self._kept.items()):
            if kept.until > now:
                continue
            del self._kept[stream]
            self._finish(stream)
            if kept.increment:
                if kept.account is not None:
                    kept.account.sender += kept.increment
                increment = min(kept.increment, frames.LARGEST_WINDOW)
                touch = Touch(How.HELD, kept.rule.text)
                self._emit(frames.window_update(stream, increment), touch)

    def close(self, stream: int) -> None:
        """A stream is over."""
        self._kept.pop(stream, None)

    def _finish(self, stream: int) -> None:
        self._done[stream] = None
        if len(self._done) > STREAMS:
            self._done.popitem(last=False)
