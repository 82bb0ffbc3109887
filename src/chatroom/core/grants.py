"""Grants: who may do what, in which rooms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Right(StrEnum):
    """What may be granted; the words are those of a token's claim `chat` and of `--anonymous`."""

    JOIN = "join"
    """Come into a room, and see who is there."""
    SEND = "send"
    """Say something in it."""
    HISTORY = "history"
    """Read what was said before."""
    LIST = "list"
    """See which rooms there are."""
    CREATE = "create"
    CREATE_MODERATES = "create_moderates"
    """Moderate the rooms that one has created."""
    MODERATE = "moderate"
    """Remove members, and whatever else keeps a room in order."""
    ADMIN = "admin"
    """Everything, in every room."""


USUAL = frozenset((Right.JOIN, Right.SEND, Right.HISTORY, Right.LIST))
"""What a token grants that does not say otherwise."""


@dataclass(slots=True, frozen=True)
class Grant:
    """Rights, and the rooms for which they are."""

    rights: frozenset[Right] = frozenset()
    rooms: tuple[str, ...] = ("*",)
    """Room ids, or patterns with `*`, which match no private room."""

    def gives(self, right: Right) -> bool:
        """Whether it gives a right in some room at least, or where none is concerned."""
        return right in self.rights or Right.ADMIN in self.rights

    def covers(self, room_id: str, *, private: bool) -> bool:
        """Whether it is for a room: a private one has to be named by its id."""
        if Right.ADMIN in self.rights or room_id in self.rooms:
            return True
        return not private and any("*" in each and _matches(room_id, each) for each in self.rooms)


def _matches(room_id: str, pattern: str) -> bool:
    return fnmatchcase(room_id, pattern.replace("[", "[[]").replace("?", "[?]"))


EVERYTHING = Grant(frozenset(Right))
NOTHING = Grant()


def grant_of(rights: Iterable[str], rooms: Iterable[str] = ("*",)) -> Grant:
    """A grant by its words; raises ValueError for a word that is no right."""
    return Grant(frozenset(map(Right, rights)), tuple(rooms))


@dataclass(slots=True, frozen=True)
class Identity:
    """Who asks, and what they may."""

    grant: Grant
    subject: str = ""
    """A token's `sub`; empty: nobody in particular."""
    name: str = ""
    """The one name tag that it may have; empty: any."""
    expires: float | None = None
    """When it ends, in seconds since 1970; None: it does not."""
    key_id: str = ""
    token_id: str = ""
    """Of the token: its key's, and its own (`jti`); empty where there is none."""
