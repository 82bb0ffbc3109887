"""Counters: how often the server met its limits, and refused what was asked of it."""

from __future__ import annotations

from chatroom.core.refusals import Refusal


class Counters:
    """Plain integers since the server began, for whoever shows them."""

    __slots__ = (
        "address_connections", "connections", "member_pauses", "refusals", "room_pauses",
        "trimmed_bytes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.refusals: dict[str, int] = {}
        """Calls and streams that ended with a refusal, by the reason in ErrorInfo."""
        self.connections = 0
        """Times that nobody was accepted, because there were as many connections as may be."""
        self.address_connections = 0
        """Connections that were closed at once, because their address had as many."""
        self.member_pauses = 0
        """Times that a stream was not read, because its member was above its rate."""
        self.room_pauses = 0
        """The same, because all in its room together were above theirs."""
        self.trimmed_bytes = 0
        """Of messages that were deleted, because more was kept than may be."""

    def refuse(self, refusal: Refusal) -> None:
        """Count a refusal."""
        self.refusals[refusal.reason] = self.refusals.get(refusal.reason, 0) + 1
