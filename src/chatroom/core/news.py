"""News: what has become of a room by what other nodes have stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .entry import Entry
from .facts import RoomFacts
from .notes import SERVER, Note
from .record import MemberRecord


@dataclass(slots=True, frozen=True, kw_only=True)
class News:
    """What has come to a room since the version of it that a node knew."""

    facts: RoomFacts
    version: int
    newest: int
    """The sequence of the newest entry ever."""
    last_sent: int
    oldest: int
    size: int
    active: int
    entries: Sequence[Entry] = ()
    """The newest above what the node had, without nonces; are they too many, the oldest of them
    are left out. None, if it wanted none."""
    replaced: Sequence[Entry] = ()
    """Entries of before that were replaced since."""
    members: Sequence[tuple[MemberRecord, int]] = ()
    """What was written since of those who are inside, in order of arrival, and at which node
    each of them is."""
    gone: Collection[int] = ()
    """Authors who were inside and are no more."""
    notes: Sequence[Note] = ()
    """What was written since; one without a value is no more."""
    closed: bool = False
    """The room has ended; the rest is as it was then."""

    @property
    def key(self) -> int:
        """Of the room; `SERVER`: there are notes alone."""
        return self.facts.key

    @classmethod
    def of_server(cls, version: int, notes: Sequence[Note]) -> News:
        """What has come to the notes of the server."""
        facts = RoomFacts(key=SERVER, room_id="", epoch="", created=0)
        return cls(
            facts=facts, version=version, newest=0, last_sent=0, oldest=1, size=0, active=0,
            notes=notes,
        )  # fmt: skip
