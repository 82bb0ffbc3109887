"""The open streams of a connection."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.calls import Call

if TYPE_CHECKING:
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Side

STREAMS = 10_000
"""Open streams that are followed on one connection; of more, the oldest are forgotten."""


@dataclass(slots=True)
class Stream:
    """What is known of a stream. `closed`: the sides that will send no more on it."""

    call: Call
    closed: set[Side] = field(default_factory=set)


@dataclass(slots=True)
class Streams:
    """Streams by number. At most STREAMS are kept."""

    schema: Schema
    all_seen: bool = True
    """Whether a stream that is not known here was never opened, or is over."""
    known: OrderedDict[int, Stream] = field(default_factory=OrderedDict)
    """Of a plain dictionary, the oldest key takes ever longer to find once many are gone."""
    _highest: list[int] = field(default_factory=lambda: [0, 0])
    """The newest stream opened by the server (even numbers) and by the client (odd)."""

    def get(self, number: int) -> Stream | None:
        """The open stream of this number."""
        return self.known.get(number)

    def open(self, number: int) -> Stream:
        """The stream of this number, new if there is none.

        One that is over stays over: then what is returned is kept by nobody.
        """
        if stream := self.known.get(number):
            return stream
        stream = Stream(Call(self.schema))
        if number > self._highest[number % 2]:
            self._highest[number % 2] = number
        elif self.all_seen:
            return stream
        self.known[number] = stream
        return stream

    def close(self, number: int) -> None:
        """It is over."""
        self.known.pop(number, None)

    def surplus(self) -> int | None:
        """The oldest stream, if there are too many."""
        return next(iter(self.known)) if len(self.known) > STREAMS else None
