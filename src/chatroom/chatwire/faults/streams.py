"""What is remembered of the streams of a connection, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from chatroom.chatwire.faults.choosing import Call

KEPT = 10_000
"""Paths, and streams that the tap has ended; of more, the oldest are forgotten."""


class Streams:
    """Streams by number."""

    def __init__(self) -> None:
        self.calls: dict[int, Call] = {}
        """Those that rules are about."""
        self.ended: dict[int, set[Side]] = {}
        """Of these: the sides whose end the other was sent."""
        self.paths: OrderedDict[int, str] = OrderedDict()
        self.over: OrderedDict[int, None] = OrderedDict()
        """Streams that the tap has ended: what still comes on them goes nowhere."""

    @property
    def plain(self) -> bool:
        """Whether rules are about none, and none was ended by the tap."""
        return not self.calls and not self.over

    def begin(self, stream: int, path: str) -> None:
        """A request has come."""
        self.paths[stream] = path
        _bound(self.paths)

    def follow(self, call: Call) -> None:
        """Rules are about this call."""
        self.calls[call.stream] = call
        self.ended[call.stream] = set()

    def forget(self, stream: int) -> None:
        """The tap ends a stream."""
        self.over[stream] = None
        _bound(self.over)

    def end(self, side: Side, stream: int) -> bool:
        """A side's end was sent to the other; whether the stream is over with that."""
        if (ended := self.ended.get(stream)) is None:
            return False
        ended.add(side)
        return len(ended) == len(Side)

    def close(self, stream: int) -> None:
        """A stream is over."""
        self.calls.pop(stream, None)
        self.ended.pop(stream, None)
        self.paths.pop(stream, None)


def _bound(kept: OrderedDict[int, str] | OrderedDict[int, None]) -> None:
    if len(kept) > KEPT:
        kept.popitem(last=False)
