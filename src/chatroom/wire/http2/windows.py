"""Flow control upwards: what the peer may still send, and when it is told of more (6.9)."""

from __future__ import annotations

from .frames import DEFAULT_WINDOW


class ReceiveWindow:
    """What the peer may still send on a stream, or on the connection.

    What was read is given back once it comes to half of the window; not reading gives
    nothing back, and that is how a peer is slowed down.
    """

    __slots__ = ("_returned", "left", "size")

    def __init__(self, size: int = DEFAULT_WINDOW) -> None:
        """`size` in bytes, as the peer knows it now."""
        self.size = size
        self.left = size
        """What the peer may still send; below 0 after the window was made smaller."""
        self._returned = 0
        """Read, and not given back yet."""

    def take(self, size: int) -> bool:
        """Count bytes that came; False if the peer had no right to send them.

        It may always send none, so that a stream can end while its window is below 0 (6.9.1).
        """
        self.left -= size
        return self.left >= 0 or not size

    def resize(self, size: int) -> int:
        """The peer knows another size from here on (6.9.2); the increment to send now, or 0.

        What was read and is less than half of the old size may be all of the new one.
        """
        self.left += size - self.size
        self.size = size
        return self.give_back(0)

    def give_back(self, size: int) -> int:
        """Count bytes that were read; the increment to send now, or 0."""
        self._returned += size
        if self._returned * 2 < self.size:
            return 0
        increment, self._returned = self._returned, 0
        self.left += increment
        return increment

    def pass_on(self, size: int) -> int:
        """As `take`, then `give_back` at once; -1 if the peer had no right to send them."""
        left = self.left - size
        if left < 0:
            self.left = left
            return -1
        returned = self._returned + size
        if returned * 2 < self.size:
            self.left = left
            self._returned = returned
            return 0
        self.left = left + returned
        self._returned = 0
        return returned
