"""What gives a member its place in a room back, also to another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatroom.api.rpc import chat_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A member's place, and how far it has read: `Room.session`, for `Chat.join(resume=…)`.

    A server knows it for 10 minutes after its member has gone.
    """

    secret: str = field(repr=False)
    """Whoever has it speaks for this member."""
    epoch: str
    """Of the log that `after` is a position in."""
    after: int
    """The sequence of the last entry that was read."""

    def request(self) -> chat_pb2.Resume:
        """What a join carries."""
        from chatroom.api.rpc import chat_pb2

        return chat_pb2.Resume(session=self.secret, epoch=self.epoch, after=self.after)
