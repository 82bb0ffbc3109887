"""Denials: refusals of those who keep a room in order, or of what somebody was given."""

from __future__ import annotations

from datetime import UTC, datetime

from .refusals import Refusal


class Banned(Refusal):
    """Somebody may not come in, for a time or for good."""

    reason = "BANNED"

    def __init__(self, until: int = 0, why: str = "") -> None:
        """`until`: ns since 1970; 0: for good."""
        ends = ""
        if until:
            ends = f" until {datetime.fromtimestamp(until // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(f"you are banned{ends}{f': {why}' if why else ''}")
        self.until = until
        self.why = why

    @property
    def metadata(self) -> dict[str, str]:
        """`until` as RFC 3339 has it."""
        if not self.until:
            return {}
        return {"until": f"{datetime.fromtimestamp(self.until // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"}


class Muted(Refusal):
    """A member may read, and not speak."""

    reason = "MUTED"

    def __init__(
        self, sentence: str = "a moderator has muted you: you may read, not speak"
    ) -> None:
        super().__init__(sentence)


class RoomClosedToNewcomers(Refusal):
    """Only who is in, was in lately or is invited may come into the room."""

    reason = "ROOM_CLOSED_TO_NEWCOMERS"

    def __init__(self, room_id: str) -> None:
        super().__init__(f"room {room_id} is closed to newcomers; ask for an invitation")
        self.room_id = room_id


class InvitationUsed(Refusal):
    """As many have come by an invitation as may."""

    reason = "INVITATION_USED"

    def __init__(self) -> None:
        super().__init__("this invitation has been used up; ask for another")


class InvitationUnknown(Refusal):
    """There is no such invitation: it has ended, was revoked or never was."""

    reason = "INVITATION_UNKNOWN"

    def __init__(self) -> None:
        super().__init__("this invitation is not valid any more; ask for another")


class NameReserved(Refusal):
    """The name tag belongs to somebody whose token fixes it."""

    reason = "NAME_RESERVED"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(f"the name tag {name!r} belongs to somebody else here")
        self.name = name
