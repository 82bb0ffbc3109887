"""What passes on a connection: the one form that the tap, captures and decoders share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Who sent it."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Side:
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Bytes in the order in which they were sent, cut wherever they happened to be read."""

    connection: int
    time: int
    sender: Side
    content: bytes


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Bytes that a capture has beside those of the chunks. They change nothing about these."""

    connection: int
    time: int
    sender: Side
    count: int
    why: Unwanted


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


Passage = Opened | Chunk | Missing | Unused | Ended
