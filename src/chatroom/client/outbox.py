"""What a member has said and the server has not yet confirmed."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from chatroom.client.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.api.rpc import chat_pb2
    from chatroom.client.limits import Limits


class Posted:
    """A message, or a rename, on its way, known by its nonce.

    With `echo` the message is also yielded in its place, with the name of its room's
    member and this nonce. Not what was stored before a gap: then `stored` alone tells.
    """

    def __init__(self, request: chat_pb2.ChatMessage) -> None:
        self.request = request
        renames = request.HasField("rename")
        self.nonce: str = request.rename.nonce if renames else request.message.nonce
        self.size: int = request.ByteSize()
        """In bytes."""
        self.retried = False
        """Whether it is, or is to be, sent another time."""
        self._outcome: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._outcome.add_done_callback(_note_failure)  # nobody has to wait for it

    async def stored(self) -> Message:
        """Wait until the room has it; as stored, with its sequence.

        Raises NotAccepted, or the error with which the membership ended before. A
        server without events confirms nothing: then the sequence is 0, and all that is
        known is that the connection has taken it. Giving up waiting takes nothing back.
        """
        return await asyncio.shield(self._outcome)

    def settle(self, outcome: Message | BaseException) -> None:
        """Tell whoever waits for it; only the first outcome counts."""
        if self._outcome.done():
            return
        if isinstance(outcome, Message):
            self._outcome.set_result(outcome)
        else:
            self._outcome.set_exception(outcome)


class Outbox:
    """Unconfirmed messages in the order in which they were said, up to a bound.

    A message stays until it is acknowledged or refused, however many streams that
    takes: `rewind` puts all that are left before the next stream's writer again.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: dict[str, Posted] = {}
        self._size = 0
        self._unsent: deque[Posted] = deque()
        self._changed: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    async def add(self, posted: Posted, ended: Callable[[], BaseException | None]) -> None:
        """Take a message, waiting while the bound is reached.

        Raises what `ended` returns, and ValueError for a nonce that is under way.
        """
        while True:
            failure = ended()
            if failure is not None:
                raise failure
            if posted.nonce in self._kept:
                raise ValueError(f"a message with the nonce {posted.nonce!r} is under way")
            if self._has_room(posted.size):
                break
            change = asyncio.get_running_loop().create_future()
            self._changed.add(change)
            try:
                await change
            finally:
                self._changed.discard(change)
        self._kept[posted.nonce] = posted
        self._size += posted.size
        self._unsent.append(posted)

    def next(self) -> Posted | None:
        """The next message to send on this stream."""
        while self._unsent:
            posted = self._unsent.popleft()
            if self._kept.get(posted.nonce) is posted:  # not confirmed meanwhile
                return posted
        return None

    def rewind(self) -> None:
        """Have everything that is left sent again, in order: there is a new stream."""
        unsent = set(self._unsent)
        for posted in self._kept.values():
            posted.retried = posted.retried or posted not in unsent
        self._unsent = deque(self._kept.values())

    def find(self, nonce: str) -> Posted | None:
        """The unconfirmed message with this nonce."""
        return self._kept.get(nonce)

    def settle(self, posted: Posted, outcome: Message | BaseException) -> None:
        """Let go of a message: stored, or refused."""
        if self._kept.pop(posted.nonce, None) is None:
            return
        self._size -= posted.size
        posted.settle(outcome)
        self._wake()

    def fail(self, failure: BaseException) -> None:
        """Tell all who wait: nothing more will be confirmed. The count stays."""
        for posted in self._kept.values():
            posted.settle(failure)
        self._wake()

    def _has_room(self, size: int) -> bool:
        return not self._kept or (
            len(self._kept) < self._limits.unacknowledged
            and self._size + size <= self._limits.unacknowledged_bytes
        )

    def _wake(self) -> None:
        for change in self._changed:
            if not change.done():
                change.set_result(None)


def _note_failure(outcome: asyncio.Future[Message]) -> None:
    """Mark a failure as seen, so that asyncio does not complain that nobody asked."""
    outcome.exception()
