"""What follows both directions of a connection, whatever it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.passage import Faulted, Side


class Follower(Protocol):
    """Follows both directions of a connection whose protocol is known."""

    def feed(self, sender: Side, content: bytes) -> None:
        """Bytes that a side sent."""

    def lose(self, sender: Side, count: int | None) -> bool:
        """Bytes are missing here; whether everything after them can be decoded all the same."""

    def end(self, sender: Side) -> int:
        """A side will send nothing more; how many of its bytes were left undecoded."""

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:
        """Something was done to a stream; the path of its call, and the messages it is about."""
