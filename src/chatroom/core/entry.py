"""Entries: what the log of a room consists of, and drafts: what asks to become one."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .facts import RoomFacts
from .leave_reason import LeaveReason
from .marks import Mark
from .refusals import Refusal

if TYPE_CHECKING:
    from .member import Member


class Kind(enum.IntEnum):
    """What an entry tells; stored in journals, so never renumbered."""

    SAID = 0
    ENTERED = 1
    LEFT = 2
    CLOSED = 3
    DAMAGED = 4
    """In the place of an entry that cannot be read any more; its envelope is empty. Stored
    only by a repair."""
    UPDATED = 5
    """The room's title, bounds, or who may come: from the server."""
    CHANGED = 6
    """Somebody was muted, or made a moderator, or not any more: from the server."""
    WITHDRAWAL = 7
    """A message was withdrawn: from the server."""
    WITHDRAWN = 8
    """What that message has become, in its place."""
    RENAMED = 9
    """A member has another name tag: the entry's own is the old one."""


NOBODY = 0
"""The author of entries that are the server's own."""

UNKNOWN_TIME = -1
"""In the place of ns since 1970: when a damaged entry was sent."""

ENTERED_TEXT = "Has entered the chat"
LEFT_TEXT = "Has left the chat"
CLOSED_TEXT = "chat room is closing"
DAMAGED_TEXT = "(this message is damaged on disk)"
WITHDRAWN_TEXT = "(withdrawn)"

STORED_OVERHEAD = 32
"""Bytes that a journal is taken to need for an entry beside its envelope."""

Settle = Callable[["Entry | Refusal"], None]
"""Told once what became of a draft: the entry it became, or why it became none."""


@dataclass(slots=True, frozen=True)
class Passage:
    """Somebody came or went."""

    since: int
    """When they came in, in ns since 1970."""
    reason: LeaveReason | None = None
    """Why they left."""


@dataclass(slots=True, frozen=True)
class Closing:
    """A room was deleted."""

    reason: str
    successor: str
    """The id of the room to go to, if any."""


@dataclass(slots=True, frozen=True)
class Withdrawal:
    """A message was withdrawn."""

    sequence: int
    """Its own: in the entry that tells of it, and in what it has become."""
    reason: str


@dataclass(slots=True, frozen=True)
class Changed:
    """Somebody's standing in the room was changed."""

    name: str
    since: int
    """When they came in, in ns since 1970; 0: they are not in."""
    mark: Mark


@dataclass(slots=True, frozen=True)
class Damaged:
    """An entry cannot be read any more."""


@dataclass(slots=True, frozen=True)
class Manner:
    """How something is said, if not plainly."""

    action: bool = False
    """It is what somebody does, not says."""
    in_reply_to: int = 0
    """The sequence of what it answers; 0: nothing. Kept, not checked."""


@dataclass(slots=True, frozen=True)
class Renamed:
    """A member took another name tag."""

    name: str
    """The new one."""


EntryEvent = Passage | Closing | Withdrawal | Changed | RoomFacts | Damaged | Manner | Renamed
"""What an entry tells beside its text. RoomFacts: of an update, the room as it is from here on."""


@dataclass(slots=True)
class Draft:
    """Something that waits for the next commit; it has no sequence yet."""

    kind: Kind
    author: int
    """The member whose it is, a random number of the room; `NOBODY`: the server."""
    name: str
    text: str
    nonce: str = ""
    member: Member | None = None
    """Who is told through its outbox if it cannot be stored and nobody is to settle."""
    settle: Settle | None = None
    event: EntryEvent | None = None
    """None: something was said, plainly."""
    repeats: list[Draft] | None = None
    """Retries under the same nonce that came before this one was stored: its outcome is theirs."""


@dataclass(slots=True)
class Entry:
    """One entry of a room's log, as every reader gets it."""

    sequence: int
    """Position in the room: 1, 2, 3 …"""
    sent: int
    """ns since 1970, never less than that of the entry before."""
    kind: Kind
    author: int
    envelope: bytes
    """The encoded message in its gRPC envelope: the same bytes for every reader."""
    nonce: str = ""
    """Chosen by its author; empty: none."""

    @property
    def stored_bytes(self) -> int:
        """What it counts for where the bytes that a room keeps are bounded."""
        return len(self.envelope) + STORED_OVERHEAD


def all_stored_bytes(entries: Sequence[Entry]) -> int:
    """`Entry.stored_bytes` of all of them."""
    return sum([len(entry.envelope) for entry in entries]) + STORED_OVERHEAD * len(entries)


Said = tuple[str, str]
"""What somebody says: its text, and the nonce, which is empty if there is none."""

Encode = Callable[[Sequence[Draft], int, int], list[bytes]]
"""(drafts, sequence of the first, sent in ns since 1970 or UNKNOWN_TIME) to the enveloped
messages."""
