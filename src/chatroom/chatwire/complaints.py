"""Sentences on standard error, for those who must not wait until somebody reads them."""

from __future__ import annotations

import os
import sys

from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.show.lines import Lines

SENTENCES = 1000
"""That wait; further ones are counted."""
FINISH_SECONDS = 1.0
"""How long the end of the program waits for them to be read."""


class Complaints:
    """Says sentences from a thread of its own: it never waits, and never raises.

    Standard error may be a pipe that nobody reads, a disk that is full, or gone.
    """

    def __init__(self) -> None:
        self._lines = Lines(StandardError(), SENTENCES, unsaid)

    def say(self, sentence: str) -> None:
        """Have it said after those before it."""
        self._lines.offer(f"chatwire: {harmless(sentence)}\n")

    def finish(self) -> None:
        """Wait until all is said, but not forever."""
        self._lines.finish(seconds=FINISH_SECONDS)


class StandardError:
    """Writes to the descriptor itself.

    `sys.stderr` has a lock, which its thread would hold while nobody reads, and which the
    interpreter wants when it ends.
    """

    def write(self, text: str) -> object:
        if sys.stderr is None:  # it was closed before the start, and 2 may be anything by now
            return None
        rest = memoryview(text.encode(sys.stderr.encoding, "backslashreplace"))
        while rest:
            rest = rest[os.write(2, rest) :]
        return None

    def flush(self) -> object:
        return None


def unsaid(count: int) -> str:
    """What stands in place of sentences that were dropped."""
    return f"chatwire: {count} more sentences were not printed here: nobody read them\n"
