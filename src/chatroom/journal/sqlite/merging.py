"""Appends that follow each other as one: what the tables get from the redo log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chatroom.core.entry import Entry
from chatroom.core.facts import RoomFacts
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.core.record import MemberRecord
from chatroom.journal.port import Append, JournalConflict


def check_order(newest: Mapping[int, int], appends: Sequence[Append]) -> None:
    """Raise JournalConflict if they do not follow the newest sequences of open rooms, by key."""
    for append in appends:
        last = 0 if append.key == SERVER else newest.get(append.key)
        if last is None:
            raise JournalConflict(f"room {append.key} is not open")
        if append.entries and append.entries[0].sequence != last + 1:
            raise JournalConflict(f"room {append.key} is not as expected")


@dataclass(slots=True)
class MergedRoom:
    """What appends have added to one room."""

    entries: list[Entry] = field(default_factory=list)
    members: dict[int, MemberRecord | None] = field(default_factory=dict)
    """By author, as they were last; None: nothing is kept."""
    notes: dict[tuple[NoteKind, str], Note] = field(default_factory=dict)
    """By kind and key, as they were last."""
    facts: RoomFacts | None = None
    closes: bool = False


class Merged:
    """Any number of appends."""

    def __init__(self) -> None:
        self.rooms: dict[int, MergedRoom] = {}
        """By key."""
        self.sessions: dict[bytes, tuple[int, int]] = {}
        """The room's key and the author of each session that was told of."""
        self.entries = 0
        self.size = 0
        """Bytes of their envelopes."""

    def add(self, appends: Sequence[Append]) -> None:
        """Add one more, which comes after all others."""
        for append in appends:
            room = self.rooms.get(append.key)
            if room is None:
                room = self.rooms[append.key] = MergedRoom()
            entries = append.entries
            room.entries += entries
            self.entries += len(entries)
            self.size += sum([len(entry.envelope) for entry in entries])
            for record in append.members:
                room.members[record.author] = record
                if record.session is not None:
                    self.sessions[record.session] = append.key, record.author
            for author in append.gone:
                room.members[author] = None
            if append.notes:
                room.notes.update({(note.kind, note.key): note for note in append.notes})
            room.facts = append.facts or room.facts
            room.closes |= append.closes

    def appends(self) -> list[Append]:
        """All of it, each room once."""
        return [
            Append(
                key,
                room.entries,
                [record for record in room.members.values() if record is not None],
                [author for author, record in room.members.items() if record is None],
                notes=list(room.notes.values()),
                facts=room.facts,
                closes=room.closes,
            )
            for key, room in self.rooms.items()
        ]

    def entries_of(self, key: int) -> list[Entry]:
        """What was added to a room."""
        room = self.rooms.get(key)
        return [] if room is None else room.entries
