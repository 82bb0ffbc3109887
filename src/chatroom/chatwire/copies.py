"""Copies of what passes, on their way from the event loop to whoever looks at them."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from chatroom.chatwire.passage import Chunk, Missing

if TYPE_CHECKING:
    from chatroom.chatwire.passage import Passage, Side

BYTES = 16 << 20
"""Of copies that wait. At the rates of a chat it is never reached; under load it is a second."""
EVENTS = 100_000
"""Passages that wait, whatever their size. Beginnings and ends of connections, and the holes
before them, may be as many again; after that they are dropped too."""
OVERHEAD = 100
"""Bytes that a passage takes beside its content, about."""


class Copies:
    """A bounded queue from one thread to another that never makes the first one wait.

    Once it is full, copies are dropped until all that waits has been taken: one large
    hole is easier to decode around than many small ones. Then a Missing for each
    direction says how many bytes it is.
    """

    def __init__(self, limit: int = BYTES, events: int = EVENTS) -> None:
        self._limit = limit
        self._events = events
        self._waiting: list[Passage] = []
        self._bytes = 0
        self.lost = 0
        """Bytes that were dropped so far, and said to be."""
        self._dropped: Counter[tuple[int, Side]] = Counter()
        self._dropping = False
        self._closed = False
        self._changed = threading.Condition()

    def put(self, passage: Passage) -> None:
        """Called by the one who must not wait."""
        with self._changed:
            if isinstance(passage, Chunk):
                size = len(passage.content) + OVERHEAD
                if self._bytes + size > self._limit or len(self._waiting) >= self._events:
                    self._dropping = True
                if self._dropping:
                    self._drop(passage)
                    return
                self._bytes += size
            elif len(self._waiting) >= 2 * self._events:
                return
            elif self._dropping:
                self._say_dropped()
            self._waiting.append(passage)
            self._changed.notify()

    def take(self) -> list[Passage] | None:
        """All that waits; waits for something itself. None: closed, and nothing is left."""
        with self._changed:
            while not self._waiting and not self._dropped and not self._closed:
                self._changed.wait()
            if self._dropping:
                self._say_dropped()
                self._dropping = False
            taken, self._waiting = self._waiting, []
            self._bytes = 0
            return taken or None

    def close(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _drop(self, chunk: Chunk) -> None:
        direction = chunk.connection, chunk.sender
        if direction in self._dropped or len(self._dropped) < self._events:
            self._dropped[direction] += len(chunk.content)
            self._last = chunk.time

    def _say_dropped(self) -> None:
        dropped, self._dropped = self._dropped, Counter()
        self.lost += dropped.total()
        for (connection, sender), count in dropped.items():
            self._waiting.append(
                Missing(connection=connection, time=self._last, sender=sender, count=count)
            )
