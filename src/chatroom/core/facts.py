"""What a room is, beside its log and its members."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class RoomFacts:
    """What a room was created with, and what of it was changed since."""

    key: int
    """The journal's own number for it; a room id used anew has a new one."""
    room_id: str
    epoch: str
    """Changes whenever sequences may start over."""
    created: int
    """ns since 1970."""
    title: str = ""
    private: bool = False
    capacity: int = 0
    """Members; 0: the server's default."""
    history: int = 0
    """Entries to keep; 0: the server's default."""
    creator: str = ""
    """The `sub` of a token that lets its creator moderate it; empty: nobody's in particular."""
    closed_to_newcomers: bool = False
    """Whoever is not in, was not lately and is not invited does not come in."""
