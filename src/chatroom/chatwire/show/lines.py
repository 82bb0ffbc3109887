"""Lines on their way to a terminal that may be slow."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 10_000
"""That wait. A terminal takes some 100,000 a second, or none while somebody holds it."""
CHARACTERS = 16 << 20
FINISH_SECONDS = 5.0
"""How long the end of the program waits for the terminal to take the rest."""


class Output(Protocol):
    """What is written to: a text file, as far as it is used."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Lines:
    """Writes lines from a thread of its own, so that who offers them never waits.

    When too many wait, further ones are dropped until all of them are written; how
    many those were is said in a line of its own, which `said` makes.
    """

    def __init__(
        self,
        out: Output,
        limit: int = LINES,
        said: Callable[[int], str] | None = None,
        failed: Callable[[OSError], object] = lambda _error: None,
    ) -> None:
        """`failed` is told, once and from a thread, why nothing can be written any more.

        It is not told that the reader is gone, as in a pipe into `head`: that is `broken`.
        """
        self._out = out
        self._limit = limit
        self._said = said or dropped_line
        self._failed = failed
        self._waiting: list[str] = []
        self._characters = 0
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()
        self.broken = threading.Event()
        """Set when nobody reads the output any more."""
        self.failed = threading.Event()
        """Set when it cannot be written for another reason, say because the disk is full."""
        self._thread = threading.Thread(target=self._write, name="chatwire lines", daemon=True)
        self._thread.start()

    @property
    def written(self) -> bool:
        """After `finish`: whether everything is, but for lines that were dropped."""
        return not (self.broken.is_set() or self.failed.is_set() or self._thread.is_alive())

    @property
    def full(self) -> bool:
        """Whether a line that is offered now is dropped: it need not be made then."""
        return self._dropped > 0 or len(self._waiting) >= self._limit or self.failed.is_set()

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

    def finish(self, last: str = "", seconds: float = FINISH_SECONDS) -> None:
        """Write what waits, then `last`, which is never dropped; wait for that, but not forever."""
        with self._changed:
            if self._dropped:
                self._waiting.append(self._said(self._dropped))
                self._dropped = 0
            if last:
                self._waiting.append(last)
            self._closed = True
            self._changed.notify()
        self._thread.join(seconds)

    def _write(self) -> None:
        try:
            while (text := self._next()) is not None:
                self._out.write(text)
                self._out.flush()
        except (BrokenPipeError, ValueError):
            # The reader is gone, or the output was closed.
            self.broken.set()
        except OSError as error:
            self.failed.set()
            self._failed(error)

    def _next(self) -> str | None:
        with self._changed:
            while not self._waiting and not self._dropped and not self._closed:
                self._changed.wait()
            if self._dropped:
                self._waiting.append(self._said(self._dropped))
                self._dropped = 0
            waiting, self._waiting = self._waiting, []
            self._characters = 0
            return "".join(waiting) or None


def dropped_object(count: int) -> str:
    """The same among lines of JSON."""
    return json.dumps({"dropped": count}) + "\n"


def dropped_line(count: int) -> str:
    """What stands in place of lines that were dropped."""
    return f"… {count} lines were not printed: what reads them was too slow\n"
