"""What somebody answers, in a few words."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.client import Gap, Kind, Withdrawn

if TYPE_CHECKING:
    from chatroom.client import Message

QUOTED = 40
"""Clusters of a text that are quoted; who has said it stands before them."""
READ_CHARACTERS = 400
"""Of a text only its beginning is looked at."""
MOST_REMEMBERED = 1_000
"""Of each room. What was said before these is told by its number."""


def quotation(name: str, text: str, *, action: bool = False) -> str:
    """Who has said it and its first words, on one line and safe to print."""
    words = one_line(text[:READ_CHARACTERS])
    if len(words) > QUOTED:
        from wcwidth import iter_graphemes

        kept = "".join(islice(iter_graphemes(words), QUOTED))
        words = kept if kept == words else kept.rstrip(" ") + "…"
    return f"{one_line(name)}{' ' if action else ': '}{words}"


class Quotes:
    """What was said last in each room, to be quoted where it is answered."""

    def __init__(self) -> None:
        self._said: dict[str, dict[int, str]] = {}

    def note(self, room_id: str, message: Message) -> None:
        """Remember what was said, and forget it when it is withdrawn."""
        said = self._said.setdefault(room_id, {})
        if isinstance(message.event, Gap) and message.event.missed is None:
            said.clear()  # sequences may be others from here on
        elif message.kind is Kind.SAID and message.sequence:
            said[message.sequence] = quotation(message.name, message.text, action=message.action)
            if len(said) > MOST_REMEMBERED:
                del said[next(iter(said))]
        elif isinstance(message.event, Withdrawn) and message.event.sequence in said:
            del said[message.event.sequence]

    def before(self, room_id: str, message: Message) -> str:
        """What stands before the text of an answer: `(re Bob: tea?) `; empty if it is none."""
        if not message.in_reply_to:
            return ""
        said = self._said.get(room_id, {}).get(message.in_reply_to, f"#{message.in_reply_to}")
        return f"(re {said}) "
