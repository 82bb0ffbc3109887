"""Moving all that a journal keeps into another one that has nothing yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry
from chatroom.core.notes import SERVER, Note
from chatroom.core.record import MemberRecord

from .port import JournalError, StoredRoom


class CopyFailed(JournalError):
    """Nothing was copied; the sentence says why and what to do."""


class Source(Protocol):
    """A journal of which no server makes use."""

    async def rooms(self) -> Sequence[StoredRoom]:
        """All open rooms, with their notes."""
        ...

    async def server_notes(self) -> Sequence[Note]:
        """The server's own."""
        ...

    async def members(self) -> Sequence[tuple[int, MemberRecord]]:
        """All members of open rooms, by the keys of these; those too who may come back."""
        ...

    def entries(self, room: StoredRoom) -> AsyncIterator[list[Entry]]:
        """What is kept of a room, in pages, oldest first. Nonces that may count are told.

        Before that those entries that were trimmed, and whose nonces may count.
        """
        ...

    def records(self) -> AsyncIterator[list[AuditRecord]]:
        """The audit log, in pages."""
        ...

    async def moved(self, where: str) -> None:
        """Note that a server must not use this any more."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Target(Protocol):
    """A journal that has nothing, which has all or nothing in the end."""

    async def room(self, room: StoredRoom) -> None:
        """Make a room that has its key, its epoch, its bounds, its size and its notes."""
        ...

    async def entries(self, room: StoredRoom, entries: Sequence[Entry]) -> None:
        """Add entries to it: see `Source.entries`."""
        ...

    async def notes(self, key: int, notes: Sequence[Note]) -> None:
        """Add notes of a room, or of the server."""
        ...

    async def members(self, members: Iterable[tuple[int, MemberRecord]]) -> None:
        """Add members."""
        ...

    async def records(self, records: Sequence[AuditRecord]) -> None:
        """Add to the audit log; they have their numbers."""
        ...

    async def commit(self) -> None:
        """Have it all stored."""
        ...

    async def close(self) -> None:
        """Let go of it; what was not committed is not there."""
        ...


@dataclass(slots=True)
class CopiedAll:
    """What a copy holds."""

    rooms: int = 0
    entries: int = 0
    members: int = 0
    records: int = 0


async def copy(source: Source, target: Target) -> CopiedAll:
    """Copy everything, and commit it; raises JournalError."""
    done = CopiedAll()
    for room in await source.rooms():
        await target.room(room)
        async for page in source.entries(room):
            await target.entries(room, page)
            done.entries += sum(entry.sequence >= room.oldest for entry in page)
        await target.notes(room.facts.key, room.notes)
        done.rooms += 1
    await target.notes(SERVER, await source.server_notes())
    members = await source.members()
    await target.members(members)
    done.members = len(members)
    async for records in source.records():
        await target.records(records)
        done.records += len(records)
    await target.commit()
    return done
