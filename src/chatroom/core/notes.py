"""Notes: what a journal keeps of a room, or of the server, beside logs and members.

Bans, mutes, invitations and the like: few, small, known as a whole to the server that runs. The
journal knows their kinds and keys; what a value means is known to who has written it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SERVER = 0
"""In place of a room's key: of the whole server."""


class NoteKind(IntEnum):
    """What a note tells; stored in journals, so never renumbered."""

    BAN = 0
    """Key: its id."""
    INVITATION = 1
    """Key: its id."""
    MARK = 2
    """Somebody is muted, or a moderator. Key: see `marks`."""
    NAME = 3
    """A name tag that belongs to somebody. Key: that of `NameTag`."""


@dataclass(slots=True, frozen=True)
class Note:
    """One note of a room."""

    kind: NoteKind
    key: str
    value: str
    """JSON; empty: there is no such note any more."""
