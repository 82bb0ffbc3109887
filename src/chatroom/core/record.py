"""What a journal keeps of a member, so that a session survives a restart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class MemberRecord:
    """A member as a journal has it: somebody in a room, or a session that can be resumed."""

    author: int
    """What marks this member's entries in the log; no other member of the server has it."""
    name: str
    """The name tag as the room shows it."""
    since: int
    """When they came in, in ns since 1970."""
    logged: bool
    """Whether the arrival is in the log; the departure is exactly then."""
    session: bytes | None
    """The SHA-256 of the session; None: it has none and cannot be resumed."""
    ended: int = 0
    """When its last stream ended, in ns since 1970; 0: it is in the room."""
    removed: bool = False
    """It was removed by an admin, and is not let in by its session."""
    subject: str = ""
    """Under which token's `sub` it came in; its session is resumed under the same alone."""
    former: tuple[str, ...] = ()
    """Names that its session has had before."""
    invitation: str = ""
    """The id of the invitation that it came by; then it has no subject."""
