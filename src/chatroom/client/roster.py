"""Who is in the room, kept from what the stream brings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chatroom.client.messages import Kind, Member, Renamed

if TYPE_CHECKING:
    from chatroom.client.messages import Joined, Message

KNOWN = 500
"""From so many members on it cannot be known who is there: an arrival that takes a room
above this is not in the log, and the admission to such a room lists nobody."""


class Roster:
    """The members of a room as of the newest entry received.

    An admission lists everybody; arrivals and departures above its sequence change that.
    The list may already know of some of them: once the log has been read to its newest
    entry, taking these as well comes to the same.

    Whoever came unlogged, while the room was too big, also leaves unlogged: if the room
    has shrunk meanwhile and listed them, they stay listed until the next admission.
    """

    def __init__(self) -> None:
        self._members: dict[str, Member] | None = None
        self._tuple: tuple[Member, ...] | None = None
        self._listed_at = 0

    @property
    def members(self) -> tuple[Member, ...] | None:
        """Everybody, in order of arrival; None when that cannot be known."""
        if self._tuple is None and self._members is not None:
            self._tuple = tuple(self._members.values())
        return self._tuple

    def admit(self, joined: Joined) -> None:
        """Begin with the list of an admission, fresh or resumed."""
        self._set({member.name: member for member in joined.members} or None)
        self._listed_at = joined.sequence

    def take(self, entry: Message) -> None:
        """Take the next new entry of the log."""
        members = self._members
        if members is None or entry.sequence <= self._listed_at:
            return
        if entry.kind is Kind.DAMAGED:
            self._set(None)  # somebody may have come or gone
            return
        if isinstance(entry.event, Renamed):
            new = entry.event.name
            self._set(
                {
                    (new if name == entry.name else name): (
                        replace(each, name=new) if name == entry.name else each
                    )
                    for name, each in members.items()
                }
            )
            return
        if not isinstance(entry.event, Member):
            return
        if entry.kind is Kind.CHANGED:
            self._mark(members, entry.event)
            return
        members.pop(entry.name, None)
        if entry.kind is Kind.ENTERED:
            members[entry.name] = entry.event
        self._set(members)

    def lose(self, before: int) -> None:
        """Entries just below the sequence `before` are missing: who knows who came and went."""
        if before - 1 > self._listed_at:
            self._set(None)

    def _mark(self, members: dict[str, Member], now: Member) -> None:
        before = members.get(now.name)
        if before is not None:
            members[now.name] = replace(before, muted=now.muted, moderator=now.moderator)
            self._set(members)

    def _set(self, members: dict[str, Member] | None) -> None:
        self._members = members if members is not None and len(members) < KNOWN else None
        self._tuple = None
