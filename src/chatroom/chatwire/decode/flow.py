"""What each side may still send (RFC 9113, sections 5.2 and 6.9), followed from outside."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from chatroom.chatwire.decode.records import Window

DEFAULT_WINDOW = 65535
LARGEST_WINDOW = (1 << 31) - 1


@dataclass(slots=True)
class Allowance:
    """The windows for the DATA of one side.

    The receiver's SETTINGS_INITIAL_WINDOW_SIZE counts from when the sender acknowledges
    it, or earlier where what it sends shows that it knows. When not all of the connection
    has been seen, the windows that depend on the unseen part are None.
    """

    connection: int | None = DEFAULT_WINDOW
    initial: int | None = DEFAULT_WINDOW
    streams: dict[int, int | None] = field(default_factory=dict)
    _announced: deque[int | None] = field(default_factory=lambda: deque(maxlen=1024))
    """One for each SETTINGS not yet acknowledged; None where it left the size alone."""

    def forget(self) -> None:
        """Bytes are missing in one of the two directions: windows are unknown from here on."""
        self.connection = None
        self.initial = None
        self.streams = dict.fromkeys(self.streams)
        self._announced.clear()

    def open(self, stream: int) -> None:
        """A stream begins."""
        self.streams.setdefault(stream, self.initial)

    def close(self, stream: int) -> None:
        """Neither side will send more on it."""
        self.streams.pop(stream, None)

    def announce(self, initial: int | None) -> None:
        """The receiver has sent SETTINGS, with this initial window size if with any."""
        self._announced.append(initial)

    def acknowledged(self) -> None:
        """The sender has acknowledged one SETTINGS of the receiver."""
        if self._announced:
            self._apply(self._announced.popleft())

    def window(self, stream: int) -> Window:
        """What may still be sent on the stream (0: only on the connection)."""
        return Window(
            stream=self.streams.get(stream) if stream else None, connection=self.connection
        )

    def spend(self, stream: int, count: int) -> list[str]:
        """So many bytes of DATA were sent, padding included; what rule that breaks."""
        for place, initial in enumerate(self._announced):
            if not self._exceeds(stream, count):
                break
            self._apply(initial)
            self._announced[place] = None
        notes = []
        if self.connection is not None:
            self.connection -= count
            if self.connection < 0:
                notes.append(
                    f"{-self.connection} bytes more than the connection's window allowed: "
                    "FLOW_CONTROL_ERROR (RFC 9113, 6.9.1)"
                )
        left = self.streams.get(stream)
        if left is not None:
            self.streams[stream] = left = left - count
            if left < 0 and count:
                notes.append(
                    f"{-left} bytes more than the stream's window allowed: "
                    "FLOW_CONTROL_ERROR (RFC 9113, 6.9.1)"
                )
        return notes

    def grant(self, stream: int, increment: int) -> list[str]:
        """The receiver sent WINDOW_UPDATE; what rule that breaks."""
        if stream == 0:
            if self.connection is not None:
                self.connection += increment
                return _too_large(self.connection)
            return []
        left = self.streams.get(stream)
        if left is None:
            return []
        self.streams[stream] = left + increment
        return _too_large(left + increment)

    def _exceeds(self, stream: int, count: int) -> bool:
        left = self.streams.get(stream)
        return left is not None and count > max(left, 0)

    def _apply(self, initial: int | None) -> None:
        if initial is None:
            return
        if self.initial is None:
            self.initial = initial
            return
        change = initial - self.initial
        self.initial = initial
        for stream, left in self.streams.items():
            if left is not None:
                self.streams[stream] = left + change


def _too_large(window: int) -> list[str]:
    if window <= LARGEST_WINDOW:
        return []
    return [f"a window of {window}, above 2^31-1: FLOW_CONTROL_ERROR (RFC 9113, 6.9.1)"]
