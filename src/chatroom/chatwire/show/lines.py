"""Lines on their way to a terminal that may be slow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

LINES = 10_000
"""That wait. A terminal takes some 100,000 a second, or none while somebody holds it."""
CHARACTERS = 16 << 20
FINISH_SECONDS = 5.0
"""How long the end of the program waits for the terminal to take the rest."""


class Lines:
    """Writes lines from a thread of its own, so that who offers them never waits.

    When too many wait, further ones are dropped until all of them are written; how
    many those were is said in a line of its own.
    """

    def __init__(self, out: TextIO, limit: int = LINES) -> None:
        self._out = out
        self._limit = limit
        self._waiting: list[str] = []
        self._characters = 0
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()
        self.broken = threading.Event()
        """Set when nobody reads the output any more."""
        self._thread = threading.Thread(target=self._write, name="chatwire lines", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether a line that is offered now is dropped: it need not be made then."""
        return self._dropped > 0 or len(self._waiting) >= self._limit

    def drop(self) -> None:
        """Count a line that was not made, because they are full."""
        with self._changed:
            self._dropped += 1
            self._changed.notify()

    def offer(self, line: str) -> None:
        """Have it written, or dropped."""
        with self._changed:
            if self.full or self._characters > CHARACTERS:
                self._dropped += 1
            else:
                self._waiting.append(line)
                self._characters += len(line)
            self._changed.notify()

    def finish(self, last: str = "") -> None:
        """Write what waits, then `last`, which is never dropped; wait for that, but not forever."""
        with self._changed:
            if self._dropped:
                self._waiting.append(dropped_line(self._dropped))
                self._dropped = 0
            if last:
                self._waiting.append(last)
            self._closed = True
            self._changed.notify()
        self._thread.join(FINISH_SECONDS)

    def _write(self) -> None:
        try:
            while (text := self._next()) is not None:
                self._out.write(text)
                self._out.flush()
        except (OSError, ValueError):
            # The reader is gone, or the output was closed.
            self.broken.set()

    def _next(self) -> str | None:
        with self._changed:
            while not self._waiting and not self._dropped and not self._closed:
                self._changed.wait()
            if self._dropped:
                self._waiting.append(dropped_line(self._dropped))
                self._dropped = 0
            waiting, self._waiting = self._waiting, []
            self._characters = 0
            return "".join(waiting) or None


def dropped_line(count: int) -> str:
    """What stands in place of lines that were dropped."""
    return f"… {count} lines were not printed: what reads them was too slow\n"
