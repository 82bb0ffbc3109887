"""What passes on a connection: the one form that the tap, captures and decoders share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chatroom.chatwire.quick import quick


class Side(StrEnum):
    """Who sent it."""

    CLIENT = "client"
    SERVER = "server"

    # That of Enum is a function in Python, and some ten dictionaries have sides for each frame.
    __hash__ = str.__hash__

    @property
    def other(self) -> Side:
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


SIDES = len(Side)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A connection begins. `midway`: its beginning was not seen, only what comes now."""

    connection: int
    """Counted from 1 within one run or one capture."""
    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    client: tuple[str, int]
    server: tuple[str, int]
    midway: bool = False


class How(StrEnum):
    """What a fault did to bytes that passed."""

    HELD = "held"
    """They passed later than they came."""
    ALTERED = "altered"
    """They are not as their sender wrote them."""
    INVENTED = "invented"
    """Their sender did not send them: the tap did, in its name."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Part of a chunk that a fault has touched."""

    begin: int
    """Where it begins in the chunk; where HTTP/2 is spoken, with a frame."""
    end: int
    how: How
    rule: str = ""
    """The rule that did it, as it was written; "" where it follows from others."""
    note: str = ""
    """More about it, such as "2.000 s"."""
    unsent: int = 0
    """Bytes of DATA in it that no sender's window was charged with."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Bytes in the order in which they were sent, cut wherever they happened to be read.

    With faults they are those that the other side is sent.
    """

    connection: int
    time: int
    sender: Side
    content: bytes
    marks: tuple[Mark, ...] = ()
    """In order; only faults make them."""


class Doing(StrEnum):
    """What a fault does that is no bytes which pass."""

    HOLDS = "holds"
    DROPS = "drops"
    ANSWERS = "answers"
    CUTS = "cuts"
    STOPS = "stops reading"
    READS = "reads again"
    WITHHOLDS = "withholds"
    VANISHES = "vanishes"
    IDLE = "does nothing"
    """What a rule asks for is not possible here; the note says why."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Faulted:
    """A fault did something to what a side sends, and no bytes of that pass now."""

    connection: int
    time: int
    sender: Side
    doing: Doing
    rule: str
    note: str = ""
    stream: int | None = None
    content: bytes = b""
    """The message that it is about, in its envelope."""
    unpassed: int = 0
    """Bytes of DATA that the sender's windows were charged with, and that never pass."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Bytes that are not known: a hole in a capture, or dropped for want of time."""

    connection: int
    time: int
    sender: Side
    count: int | None
    """How many bytes; None when that cannot be known."""


class Unwanted(StrEnum):
    """Why bytes that a capture has are no part of what a side said."""

    DIFFERENT = "different"
    """Other bytes came before, in their place."""
    TOO_LATE = "too late"
    """They were said to be missing, and what follows them was shown."""
    AFTER_THE_END = "after the end"
    """The side had ended its direction before them."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Bytes that a capture has beside those of the chunks. They change nothing about these."""

    connection: int
    time: int
    sender: Side
    count: int
    why: Unwanted


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One side will send nothing more; after both sides' the connection is over."""

    connection: int
    time: int
    sender: Side
    reset: bool = False
    """Whether by a reset instead of an orderly end."""
    why: str = ""
    """What the tap knows of the reason."""


Passage = Opened | Chunk | Missing | Unused | Faulted | Ended
