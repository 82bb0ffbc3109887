"""How far a member has got in its room's log, and so what of a stream is new to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatroom.client.messages import Joined, Message

HISTORY = 10
"""Earlier messages that a join replays when it does not say how many."""


class Position:
    """A cursor in the log that survives streams.

    A fresh join begins with history, which may have holes: only what was said is
    replayed. Once that is over the log is followed: every entry comes, in order, and a
    hole is something missed. What is below the cursor has been seen.
    """

    def __init__(self) -> None:
        self.seen = 0
        """The highest sequence seen."""
        self.last: Message | None = None
        """The entry of that sequence, by which the log can be known again."""
        self.following = False
        """Whether every entry after `seen` is to come."""
        self._floor = 0

    @property
    def after(self) -> int:
        """What to resume from.

        If the stream was lost before any history came, so many entries below the join
        as history was asked for.
        """
        return self.seen if self.seen or self.following else self._floor

    def begin(self, joined: Joined, history: int | None) -> None:
        """Start with a fresh join in a log of which nothing is known."""
        wanted = HISTORY if history is None else history
        self.seen = 0
        self.last = None
        self.following = False
        self._floor = max(0, joined.sequence - wanted)

    def follow(self, after: int) -> None:
        """Go on behind an entry that was seen in another process."""
        self.seen = after
        self.following = True

    def take(self, message: Message) -> tuple[bool, int]:
        """Whether the message is new, and how many entries are missing before it."""
        sequence = message.sequence
        if not sequence:
            return True, 0  # not in the log
        if sequence <= self.seen:
            return False, 0
        missed = sequence - self.seen - 1 if self.following else 0
        self.seen = sequence
        self.last = message
        return True, missed

    def live(self, joined: Joined) -> int:
        """Follow the log from here on: the replay is over. How many entries it lacked."""
        missed = 0
        if self.seen < joined.sequence:
            missed = joined.sequence - self.seen if self.following else 0
            self.seen = joined.sequence
            self.last = None
        self.following = True
        return missed

    def knows(self, entry: Message) -> bool:
        """Whether the entry is the one last seen, so that the log up to it is the same."""
        return self.last is not None and self.last.same_entry(entry)
