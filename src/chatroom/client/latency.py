"""How long what is said takes to come back."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BEAT_SECONDS = 10.0
"""A server answers a heartbeat at most once in so many seconds. One that it need not
answer is not timed: the next that comes would be taken for its answer."""


class Latency:
    """Round trips on the present stream, in seconds.

    From handing a message to the connection until its echo or refusal was read, or from
    a heartbeat to its answer. What the server took to store it counts, and so does the
    time for which it holds back whoever says too much.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds and never goes back."""
        self.latest: float | None = None
        """The newest; None until something was answered on this stream."""
        self._clock = clock
        self._said: dict[str, float] = {}
        """When each message was written, by nonce; as many as the outbox has."""
        self._beat: float | None = None
        self._last_beat = -math.inf

    def restart(self) -> None:
        """Forget the stream: it has ended."""
        self.latest = self._beat = None
        self._last_beat = -math.inf
        self._said.clear()

    def said(self, nonce: str) -> None:
        """A message is about to be written."""
        self._said[nonce] = self._clock()

    def answered(self, nonce: str) -> None:
        """The echo or the refusal of a message was read."""
        self._measure(self._said.pop(nonce, None))

    def beat(self) -> None:
        """A heartbeat is about to be written."""
        now = self._clock()
        if self._beat is None and now - self._last_beat >= BEAT_SECONDS:
            self._beat = self._last_beat = now

    def beaten(self) -> None:
        """A heartbeat was read."""
        beat, self._beat = self._beat, None
        self._measure(beat)

    def _measure(self, since: float | None) -> None:
        if since is not None:
            self.latest = self._clock() - since
