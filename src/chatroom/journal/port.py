"""The port of a journal: what the hub asks of it, and what it promises.

Order: entries of one room are read in the order of their sequences, which have no
holes. Atomicity: all of one `append` is stored, or nothing. Durability: what a
returned `append` has stored, a killed process does not lose; what a loss of power
costs is each journal's own to say. Isolation: a read sees every append that had
returned when it began.

Every backend passes the contract: tests/journal/test_contract*.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry
from chatroom.core.facts import RoomFacts
from chatroom.core.notes import Note
from chatroom.core.query import Query
from chatroom.core.record import MemberRecord

SyncMode = Literal["full", "normal", "off"]
"""What an append waits for. full: it survives a loss of power. normal: it survives a
killed process. off: for tests of the difference."""


Spoken = Callable[[bytes], tuple[str, str]]
"""Reads the envelope of something said: the author's name, and the text."""


def unread(_envelope: bytes) -> tuple[str, str]:
    """For journals in which nobody searches: nothing is read."""
    return "", ""


NONCE_SECONDS = 600
SESSION_SECONDS = 600


class JournalError(Exception):
    """The journal could not do what was asked; nothing of it was stored."""


class JournalConflict(JournalError):
    """Rooms are not as their appends expect, mostly since somebody else has appended to them."""

    def __init__(self, message: str, keys: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.keys = frozenset(keys)
        """Which rooms, where that is known."""


class JournalFenced(JournalError):
    """Others take this node for dead, so nothing can be stored by it any more."""


class JournalInDoubt(JournalError):
    """It is not known whether the append was stored: the journal went away before it said so.

    Whichever append comes next finds out first. If this one was stored then, that one raises
    JournalConflict with its rooms, and stores nothing: they are to be read again.
    """


class JournalUnusable(JournalError):
    """The journal cannot be opened; the sentence says why and what to do."""


class NonceUsed(JournalError):
    """Authors have used nonces of theirs again; nothing of the append was stored."""

    def __init__(self, used: Mapping[tuple[int, str], Entry]) -> None:
        super().__init__(f"{len(used)} nonces have been used before")
        self.used = used
        """By (author, nonce), all of them: the entry that was stored first."""


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
    creator: str = ""


@dataclass(slots=True, frozen=True)
class StoredRoom:
    """A room as the journal has it."""

    facts: RoomFacts
    newest: int = 0
    """The sequence of its newest entry ever; 0: it has had none."""
    last_sent: int = 0
    """When that was sent, in ns since 1970; 0: never."""
    oldest: int = 1
    """The sequence of the oldest entry that is kept; `newest` + 1: none is."""
    size: int = 0
    """The sum of `Entry.stored_bytes` of all that are kept."""
    inside: Sequence[MemberRecord] = ()
    """Who is in the room, in order of arrival."""
    active: int = 0
    """When the newest thing said that is kept was sent, in ns since 1970; 0: there is none."""
    notes: Sequence[Note] = ()
    version: int = field(default=0, compare=False)
    """Raised by each append, if several nodes share the journal."""
    nodes: Mapping[int, int] = field(default_factory=dict, compare=False)
    """At which node each of those inside is, by author, if several nodes share the journal."""


@dataclass(slots=True, frozen=True)
class Append:
    """What to add to one room, or to what is kept of the server (`notes.SERVER`: notes alone)."""

    key: int
    entries: Sequence[Entry] = ()
    """Their sequences follow each other. None: only members change."""
    members: Sequence[MemberRecord] = ()
    """Members as they are from now on; what was kept of the same authors goes."""
    gone: Sequence[int] = ()
    """Authors of whom nothing is kept any more."""
    notes: Sequence[Note] = ()
    """Each in place of the one of its kind and key."""
    facts: RoomFacts | None = None
    """The room as it is from now on: title, capacity, history, closed_to_newcomers count."""
    replaced: Sequence[Entry] = ()
    """Entries of before, if they are still kept, get these bytes and this kind in their places;
    so do copies that are kept for their nonces. Their nonces stay."""
    version: int | None = None
    """Where several nodes share the journal: the version of the room that this one knows. None:
    whatever it is. Else JournalConflict if it is another one."""
    closes: bool = False
    """Whether the room ends with them: its id is free again, its sessions are gone, its
    entries stay readable by key until `purge`; its notes are gone."""
    nodes: Mapping[int, int] = field(default_factory=dict)
    """Where several nodes share the journal: by author, who of `members` is at another
    one."""


@dataclass(slots=True, frozen=True)
class Trimmed:
    """What a `trim` has done to a room."""

    oldest: int
    """The sequence of the oldest entry that is still kept; newest + 1: none is."""
    freed: int
    """`Entry.stored_bytes` of what it deleted."""
    size: int | None = field(default=None, compare=False)
    """Of all that is kept then, where other nodes trim too; None: what it was, less that."""


@dataclass(slots=True, frozen=True)
class Found:
    """What a search has found."""

    entries: Sequence[Entry]
    """The newest first, without nonces."""
    more: bool
    """Whether there are older ones."""


class Journal(Protocol):
    """A place where the logs of rooms are kept. Its calls may overlap."""

    name: str
    """For people: what it is and how safe, in a few words."""

    @property
    def index_bytes(self) -> int:
        """What is kept beside entries so that searches are quick, in bytes."""
        ...

    async def open(self) -> list[StoredRoom]:
        """Make it usable and list its rooms; raises JournalUnusable.

        Rooms that were closed are purged. Rooms have a new epoch if what clients have
        seen may be lost: after a loss of power that the sync mode does not survive (it
        cannot be told from a killed process), and from a backup.
        """
        ...

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """Add an empty room. The caller sees to it that no open room has the id."""
        ...

    async def append(self, appends: Sequence[Append]) -> None:
        """Store entries and members of rooms, each room at most once, as one transaction.

        The first entry of each must have the sequence after the room's newest:
        else JournalConflict. Raises NonceUsed when an author has used the nonce of an
        entry before and `NONCE_SECONDS` have not passed since, whether that entry is
        still kept or was trimmed. No two entries of one call share author and nonce.
        Raises JournalError when something cannot be stored.
        """
        ...

    async def server_notes(self) -> Sequence[Note]:
        """What is kept of the server itself; after `open`."""
        ...

    async def withdrawn(self) -> bool:
        """Whether something was replaced, in this run or before, and is not scrubbed yet."""
        ...

    async def scrub(self) -> bool:
        """Leave nothing in any file of what was replaced by appends that have returned.

        False if a reader or a backup holds it up: to be tried again. Raises JournalError.
        """
        ...

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Add to the audit log; raises JournalError. What is in it is never changed."""
        ...

    async def records(
        self, *, after: int, count: int, since: int = 0, room_id: str = ""
    ) -> list[AuditRecord]:
        """The oldest `count` audit records with numbers above `after`, in order.

        Only those at `since` (ns since 1970) or later, and of one room if `room_id` is given.
        """
        ...

    async def forget_records(self, before: int) -> None:
        """Delete audit records of before a time, in ns since 1970; in steps."""
        ...

    async def probe(self) -> None:
        """Store something of no consequence, as an append does; raises JournalError.

        It tells whether appends would work where there is nothing to append.
        """
        ...

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """The entries above the sequence `after`, oldest first.

        At most `entries`, and no more once their envelopes have `size` bytes
        together, but at least one if there is any. Their nonces are left out.
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

    async def search(self, key: int, query: Query, *, before: int, count: int) -> Found:
        """The newest `count` things said below the sequence `before` that the query finds.

        It takes turns with whatever else is read. Messages that are damaged are not found.
        """
        ...

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """The key of the room and the member whose session has this SHA-256, if kept."""
        ...

    async def trim(self, key: int, *, entries: int, size: int) -> Trimmed:
        """Delete a room's oldest entries until at most `entries` and `size` bytes are kept.

        `size` counts `Entry.stored_bytes`. The newest entry stays in any case. Appends
        that come meanwhile do not wait for all of it, and are not trimmed by it. If it
        fails when something was deleted it returns that; before, it raises JournalError.
        """
        ...

    async def sweep(self, now: int) -> None:
        """Forget nonces and ended sessions that are too old by `now` (ns since 1970).

        That is NONCE_SECONDS, and SESSION_SECONDS after the last stream. Gives space
        that is no longer needed back to the system, in steps, if there is much of it.
        """
        ...

    async def purge(self, key: int) -> None:
        """Forget a closed room and its entries, in steps."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything; calling it again does nothing."""
        ...
