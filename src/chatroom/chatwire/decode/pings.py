"""Round trips, from PINGs and their acknowledgements."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatroom.chatwire.passage import Side

OUTSTANDING = 64
"""PINGs of one side that wait for an answer; of more, the oldest are forgotten."""


@dataclass(slots=True)
class Pings:
    """The PINGs of both sides that have not been answered yet. Times in nanoseconds."""

    _waiting: dict[tuple[Side, bytes], int] = field(default_factory=dict)

    def sent(self, sender: Side, opaque: bytes, now: int) -> None:
        """A side pings."""
        self._waiting.pop((sender, opaque), None)
        self._waiting[sender, opaque] = now
        if len(self._waiting) > 2 * OUTSTANDING:
            del self._waiting[next(iter(self._waiting))]

    def answered(self, answerer: Side, opaque: bytes, now: int) -> int | None:
        """A side acknowledges a ping; how long that took, None if none is known of."""
        sent = self._waiting.pop((answerer.other, opaque), None)
        return None if sent is None else now - sent
