"""Where a fault is to happen: connections, directions, calls, messages, moments."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from chatroom.chatwire.passage import Side


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which of things that are counted from 1."""

    first: int = 1
    last: int | None = None
    """None: no end."""
    every: int = 1
    """Only these: `first`, `first` + `every`, and so on."""

    def __contains__(self, number: int) -> bool:
        if number < self.first or (self.last is not None and number > self.last):
            return False
        return (number - self.first) % self.every == 0

    def over(self, number: int) -> bool:
        """Whether nothing from this number on is one of them."""
        return self.last is not None and number > self.last


@dataclass(frozen=True, slots=True)
class FieldIs:
    """A field of a message has this value, written as in protobuf's text format or JSON."""

    path: tuple[str, ...]
    """Names, or numbers as digits, from the outermost message in."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """All that is said must hold; what is None, or empty, says nothing."""

    sender: Side | None = None
    connection: int | None = None
    stream: int | None = None
    method: str | None = None
    """A pattern for the path of a call, with * and ? as in names of files."""
    call: Numbers | None = None
    """Among the calls of the connection that fit `method`, by their order."""
    message: Numbers | None = None
    """Of those that one side sends on a stream."""
    fields: tuple[FieldIs, ...] = ()
    text: str | None = None
    """Is in the bytes of the message, decompressed, as UTF-8."""
    chance: float = 1.0
    """Of each thing that fits: of a message, a call, a connection."""
    after: float | None = None
    """Seconds since the connection was opened."""
    idle: float | None = None
    """Seconds since a byte passed, in either direction."""

    @property
    def of_messages(self) -> bool:
        """Whether it speaks of messages."""
        return self.message is not None or self.by_content

    @property
    def by_content(self) -> bool:
        """Whether a message must be known to tell."""
        return bool(self.fields) or self.text is not None

    @property
    def of_calls(self) -> bool:
        """Whether it speaks of calls, without regard to messages."""
        return self.stream is not None or self.method is not None or self.call is not None

    @property
    def of_time(self) -> bool:
        """Whether a clock decides."""
        return self.after is not None or self.idle is not None

    def sent_by(self, side: Side) -> bool:
        """Whether what this side sends may be meant."""
        return self.sender in (None, side)

    def on(self, connection: int) -> bool:
        """Whether this connection may be meant."""
        return self.connection in (None, connection)

    def fits(self, stream: int, path: str) -> bool:
        """Whether a call may be meant, but for its number among those that fit."""
        if self.stream not in (None, stream):
            return False
        return self.method is None or fnmatchcase(path, self.method)
