"""Grants: who may do what, in which rooms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .facts import RoomFacts
from .refusals import GrantMissing, RoomNotFound, TokenRequired

SUBJECT_CHARACTERS = 128
"""The longest `Identity.subject`."""


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
    whoever_knows: bool = False
    """Private rooms too: it is enough to know the id of one, which is 128 random bits."""

    def gives(self, right: Right) -> bool:
        """Whether it gives a right in some room at least, or where none is concerned."""
        return right in self.rights or Right.ADMIN in self.rights

    def covers(self, room_id: str, *, private: bool) -> bool:
        """Whether it is for a room: a private one has to be named by its id."""
        if Right.ADMIN in self.rights or room_id in self.rooms:
            return True
        if private:
            return self.whoever_knows
        return any("*" in each and _matches(room_id, each) for each in self.rooms)


def _matches(room_id: str, pattern: str) -> bool:
    """Whether a pattern with `*` covers an id.

    Each part is looked for once, from left to right: a regular expression tries all ways in which
    many stars can share an id, which takes years for one that 64 characters have room for.
    """
    first, *between, last = pattern.split("*")
    end = len(room_id) - len(last)
    if end < len(first) or not (room_id.startswith(first) and room_id.endswith(last)):
        return False
    at = len(first)
    for part in between:
        at = room_id.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


EVERYTHING = Grant(frozenset(Right))
NOTHING = Grant()


def grant_of(rights: Iterable[str], rooms: Iterable[str] = ("*",)) -> Grant:
    """A grant by its words; raises ValueError for a word that is no right."""
    return Grant(frozenset(map(Right, rights)), tuple(rooms))


def anonymous(rights: Iterable[str]) -> Grant:
    """What those may do who show no token; raises ValueError for a word that is no right."""
    return Grant(frozenset(map(Right, rights)), whoever_knows=True)


@dataclass(slots=True, frozen=True)
class Identity:
    """Who asks, and what they may."""

    grant: Grant
    subject: str = ""
    """A token's `sub`; empty: nobody in particular. A session is resumed under the same alone."""
    name: str = ""
    """The one name tag that it may have; empty: any."""
    expires: float | None = None
    """When it ends, in seconds since 1970; None: it does not."""
    key_id: str = ""
    token_id: str = ""
    """Of the token: its key's, and its own (`jti`); empty where there is none."""
    invitation: str = ""
    """The id of the invitation that was shown; empty: none."""
    admin_token: bool = False
    """It has shown the server's admin token."""
    address: str = ""
    """The client's IP address, as `wire.ip.canonical`; empty: a Unix socket's, or unknown."""

    @property
    def known(self) -> bool:
        """Whether it has shown something that names it; else it is anybody."""
        return bool(self.subject or self.invitation) or Right.ADMIN in self.grant.rights

    @property
    def actor(self) -> str:
        """Who it is, for people: as the audit log and bans name somebody."""
        if self.invitation:
            return f"invitation {self.invitation}"
        return self.subject or ("admin token" if self.admin_token else "anonymous")

    @property
    def named(self) -> bool:
        """Whether it is somebody, where everybody may do everything too."""
        return bool(self.subject) or self.admin_token


ANYBODY = Identity(EVERYTHING)
"""Whoever asks, where everything is open."""


def is_for(identity: Identity, facts: RoomFacts) -> bool:
    """Whether a grant is for a room: one's own is one's own, whatever its id came to be."""
    grant = identity.grant
    return grant.covers(facts.room_id, private=facts.private) or created_by(identity, facts)


def demand(identity: Identity, right: Right) -> None:
    """Raise TokenRequired or GrantMissing unless somebody has a right, in any room at all."""
    if not identity.grant.gives(right):
        raise missing(identity, right)


def demand_in(identity: Identity, right: Right, facts: RoomFacts) -> None:
    """The same in a room that there is. After `demand`.

    A private one that somebody may not enter answers as one that there is not: RoomNotFound.
    """
    if is_for(identity, facts):
        return
    if facts.private:
        raise RoomNotFound(facts.room_id)
    raise missing(identity, right, facts.room_id)


def missing(identity: Identity, right: Right, room_id: str = "") -> GrantMissing | TokenRequired:
    """What somebody is told who has not this right, or not for this room."""
    if not identity.known:
        return TokenRequired(right)
    return GrantMissing(right, room_id, invited=bool(identity.invitation))


def moderates(identity: Identity, facts: RoomFacts) -> bool:
    """Whether somebody may keep a room in order: by a grant for it, or since it is theirs.

    Where everything is open everybody may; that makes nobody a moderator.
    """
    if not identity.named:
        return False
    granted = identity.grant.gives(Right.MODERATE) and is_for(identity, facts)
    return granted or created_by(identity, facts)


def created_by(identity: Identity, facts: RoomFacts) -> bool:
    """Whether it is the room of somebody who may moderate what they have created.

    Both have to be so: the room was created under that right, and the token of now has it.
    """
    return (
        bool(facts.creator)
        and facts.creator == identity.subject
        and identity.grant.gives(Right.CREATE_MODERATES)
    )
