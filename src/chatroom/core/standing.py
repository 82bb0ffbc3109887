"""How somebody stands to a room: one state in place of flags."""

from __future__ import annotations

from enum import Enum


class Standing(Enum):
    """The life of a member, for each of its streams."""

    ARRIVING = "its name is taken; nobody has been told, its own client included"
    INSIDE = "in the room, with a stream"
    ELSEWHERE = "in the room, at another node: its streams and its grace are there"
    AWAY = "in the room without a stream: until it comes back, or the grace is over"
    DISMISSED = "in the room; its stream ends after what it can see now"
    DEPARTED = "off the roster; its stream ends after its last entry"
    REPLACED = "another stream has taken its place"

    def __init__(self, _meaning: str) -> None:
        self.present = self.name not in ("DEPARTED", "REPLACED")
        """It is in the roster."""
        self.over = self.name in ("DISMISSED", "DEPARTED", "REPLACED")
        """Its stream is to end: nothing is posted by it any more."""
