"""What happens in a room beside what is said, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.client import Kind, Member, Renamed

if TYPE_CHECKING:
    from chatroom.client import Message

DEPARTURES = {
    "lost": "has lost the connection",
    "removed": "was removed",
    "too_slow": "was too slow and is out",
}
"""By `Member.reason`; of every other one it is said that they have left the chat."""

CHANGES = frozenset({Kind.UPDATED, Kind.CHANGED, Kind.WITHDRAWN})
"""What the server says of them is a sentence already."""

DAMAGED = "a message here is damaged and cannot be shown"


def passage(message: Message) -> str:
    """That somebody came, went or was renamed (`Bob has left the chat`), or what a moderator did.

    Or that nobody knows. Empty for all other messages, and for what was withdrawn itself.
    """
    if message.kind in CHANGES and not message.withdrawn:
        return one_line(message.text)
    if message.kind is Kind.DAMAGED:
        return DAMAGED
    if isinstance(message.event, Renamed):
        return f"{one_line(message.name)} is now known as {one_line(message.event.name)}"
    if isinstance(message.event, Member):
        name = one_line(message.name)
        if message.kind is Kind.ENTERED:
            return f"{name} has entered the chat"
        if message.kind is Kind.LEFT:
            return f"{name} {DEPARTURES.get(message.event.reason, 'has left the chat')}"
    return ""
