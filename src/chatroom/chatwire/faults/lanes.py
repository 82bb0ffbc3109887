"""What waits on one stream, in one direction: DATA in pieces, and header blocks behind it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatwire.faults.telling import Touch
from chatroom.chatwire.passage import How
from chatroom.wire.envelopes import HEAD_BYTES, head

if TYPE_CHECKING:
    from chatroom.chatwire.faults.choosing import Call, Verdict
    from chatroom.chatwire.faults.grammar import Rule

MATCH_BYTES = 4 << 20
"""A longer message passes as it comes, and no rule is asked about it: to ask, the tap has to
have all of it. It is gRPC's own default limit for receiving."""


@dataclass(slots=True)
class Piece:
    """Bytes of DATA, or a whole header block, that go when those before them have gone."""

    content: bytes = b""
    raw: bytes = b""
    """DATA: the frame as it came, as long as it may pass so. Header block: its frames."""
    fields: list[tuple[bytes, bytes]] | None = None
    """Of a header block that the tap has to write itself."""
    block: bool = False
    end: bool = False
    """Whether the stream ends with it, in this direction."""
    came: float = 0.0
    ready: float = 0.0
    key: str = ""
    """What releases it, until then."""
    touch: Touch | None = None
    unsent: int = 0
    """Bytes of `content` that the sender did not send: all or none."""
    waited: bool = False
    """Whether it did not go at once."""
    counted: int = 0
    """Bytes for which it stands in the sum of what waits."""
    message: bytes = b""
    """The message that it is, for telling."""

    @property
    def flow(self) -> int:
        """Bytes that it takes of the windows."""
        if self.block:
            return 0
        return len(self.raw) - 9 if self.raw else len(self.content)


def wait(piece: Piece, verdict: Verdict, now: float) -> Touch:
    """Have a message wait as its verdict says; what is to be said of it when it goes."""
    touch = Touch(How.HELD)
    if verdict.delay is not None:
        seconds = max(verdict.seconds, 0.0)
        piece.ready = now + seconds
        touch = Touch(How.HELD, verdict.delay.text, f"{seconds:.3f} s")
    if verdict.hold is not None and verdict.held is not None:
        hold = verdict.hold
        piece.key = hold.key
        until = math.inf if hold.at_most is None else now + hold.at_most
        piece.ready = max(piece.ready, until)
        touch = Touch(How.HELD, verdict.held.text)
    piece.touch = touch
    return touch


def copies(piece: Piece, times: int, rule: Rule) -> list[Piece]:
    """More of a message, so that it passes so many times. The tap sends them, not its sender."""
    return [
        Piece(
            content=piece.content,
            came=piece.came,
            touch=Touch(How.INVENTED, rule.text, f"copy {number} of {times}"),
            unsent=len(piece.content),
        )
        for number in range(2, times + 1)
    ]


@dataclass(slots=True)
class Late:
    """A piece that goes behind others: after so many messages more."""

    piece: Piece
    behind: int


@dataclass(slots=True)
class Lane:
    """A stream's way in one direction."""

    stream: int
    call: Call | None = None
    """None: nothing is altered here, but it may have to wait for window."""
    queue: deque[Piece] = field(default_factory=deque)
    late: list[Late] = field(default_factory=list)
    buffer: bytearray = field(default_factory=bytearray)
    """The beginning of a message of which the rest has not come."""
    skip: int = 0
    """Bytes of a message that is too long, still to come."""
    ended: bool = False
    """Whether its sender has said all."""

    @property
    def idle(self) -> bool:
        """Whether nothing is in it."""
        return not (self.queue or self.late or self.buffer or self.skip)

    @property
    def ready(self) -> float:
        """When its first piece may go; never, where only a key, a window or nothing helps."""
        return self.queue[0].ready if self.queue else math.inf

    @property
    def needed(self) -> int:
        """Bytes that must come for the message that has begun to be whole."""
        if not self.buffer:
            return 0
        if len(self.buffer) < HEAD_BYTES:
            return HEAD_BYTES - len(self.buffer)
        return HEAD_BYTES + head(self.buffer)[1] - len(self.buffer)

    def feed(self, content: bytes) -> Iterator[tuple[bytes, bool]]:
        """Add bytes; each message that is whole, and what no rule is asked about.

        With True: a message in its envelope. Take all before feeding again.
        """
        if self.skip:
            part, content = content[: self.skip], content[self.skip :]
            self.skip -= len(part)
            yield part, False
        self.buffer += content
        start, size = 0, len(self.buffer)
        try:
            while size - start >= HEAD_BYTES:
                flags, length = head(self.buffer, start)
                after = start + HEAD_BYTES + length
                if length > MATCH_BYTES:
                    self.skip = max(after - size, 0)
                    begin, start = start, min(after, size)
                    yield bytes(self.buffer[begin:start]), False
                    continue
                if after > size:
                    break
                begin, start = start, after
                # Flags beside compression: the end of gRPC-Web or Connect, which is no message.
                yield bytes(self.buffer[begin:after]), not flags & 0xFE
        finally:
            del self.buffer[:start]

    def undelivered(self) -> list[Piece]:
        """All that waits, taken out of it; what has begun is a piece too."""
        pieces = [*self.queue, *(late.piece for late in self.late)]
        if self.buffer:
            pieces.append(Piece(content=bytes(self.buffer)))
        self.queue.clear()
        self.late.clear()
        self.buffer.clear()
        return pieces
