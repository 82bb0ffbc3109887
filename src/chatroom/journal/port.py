"""The port of a journal: what the hub asks of it, and what it promises.

Order: entries of one room are read in the order of their sequences, which have no
holes. Atomicity: all of one `append` is stored, or nothing. Durability: what a
returned `append` has stored, a killed process does not lose; what a loss of power
costs is each journal's own to say. Isolation: a read sees every append that had
returned when it began.

Every backend passes tests/journal/test_contract.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from chatroom.core.entry import Entry
from chatroom.core.room import RoomFacts

SyncMode = Literal["full", "normal", "off"]
"""What an append waits for. full: it survives a loss of power. normal: it survives a
killed process. off: for tests of the difference."""


class JournalError(Exception):
    """The journal could not do what was asked; nothing of it was stored."""


class JournalConflict(JournalError):
    """Somebody else has appended to the room since: `expected` is not its next sequence."""


class JournalUnusable(JournalError):
    """The journal cannot be opened; the sentence says why and what to do."""


@dataclass(slots=True, frozen=True, kw_only=True)
class NewRoom:
    """What a room is created with; see `RoomFacts`."""

    room_id: str
    epoch: str
    created: int
    title: str
    private: bool
    capacity: int
    history: int


@dataclass(slots=True, frozen=True)
class StoredRoom:
    """A room as the journal has it."""

    facts: RoomFacts
    newest: int
    """The sequence of its newest entry; 0: it has none."""
    last_sent: int
    """When that was sent, in ns since 1970; 0: never."""


@dataclass(slots=True, frozen=True)
class Append:
    """Entries to add to one room."""

    key: int
    entries: Sequence[Entry]
    """At least one; their sequences follow each other."""
    closes: bool = False
    """Whether the room ends with them: its id is free again, its entries stay readable
    by key until `purge`."""


class Journal(Protocol):
    """A place where the logs of rooms are kept. Its calls may overlap."""

    name: str
    """For people: what it is and how safe, in a few words."""

    async def open(self) -> list[StoredRoom]:
        """Make it usable and list its rooms; raises JournalUnusable.

        Rooms that were closed are purged.
        """
        ...

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """Add an empty room. The caller sees to it that no open room has the id."""
        ...

    async def append(self, appends: Sequence[Append]) -> None:
        """Store entries of one or more rooms, each room at most once, as one transaction.

        The first entry of each must have the sequence after the room's newest:
        else JournalConflict. Raises JournalError when they cannot be stored.
        """
        ...

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """The entries above the sequence `after`, oldest first.

        At most `entries`, and no more once their envelopes have `size` bytes
        together, but at least one if there is any.
        """
        ...

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """The newest entries below the sequence `before`, oldest first; bounded as `read`."""
        ...

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """The sequence of the `count`-th thing said below `before`, counted downwards.

        That of the oldest one if there are fewer; `before` if there is none.
        """
        ...

    async def purge(self, key: int) -> None:
        """Forget a closed room and its entries."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything; calling it again does nothing."""
        ...
