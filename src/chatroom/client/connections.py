"""The gRPC channels of one `Chat`: the one in use, and those that only finish."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.client.channel import open_channel
from chatroom.client.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import grpc.aio

    from chatroom.client.security import Security
    from chatroom.wire.addresses import Address


class Connections:
    """Gives out streams and calls on a channel that nobody has found lost.

    A connection on which a stream was lost is not used again. gRPC would: it keeps one
    that has gone silent until TCP gives up, and after a failure it waits by a clock of
    its own. Other streams on it go on until they find out for themselves.
    """

    def __init__(self, address: Address, security: Security) -> None:
        self._address = address
        self._security = security
        self.metadata = security.metadata
        """To be sent with every call."""
        self._current: grpc.aio.Channel | None = None
        self._users: Counter[grpc.aio.Channel] = Counter()
        self._closing: set[asyncio.Task[None]] = set()

    def open_stream(self, instead_of: Stream | None = None) -> Stream:
        """A Chat call; not on the connection of the stream that was lost, if one is given."""
        if instead_of is not None:
            self.abandon(instead_of.channel)
        channel = self._channel()
        call = _stub(channel).Chat(metadata=self.metadata)
        self._users[channel] += 1
        call.add_done_callback(lambda _: self._done(channel))
        return Stream(call, self._address, channel)

    @contextmanager
    def use(self) -> Generator[tuple[ChatServiceStub, grpc.aio.Channel], None, None]:
        """The methods of the server, on a channel that stays open inside the block."""
        channel = self._channel()
        self._users[channel] += 1
        try:
            yield _stub(channel), channel
        finally:
            self._done(channel)

    def abandon(self, channel: grpc.aio.Channel) -> None:
        """Begin nothing new on the channel; it is closed when nobody uses it any more."""
        if self._current is channel:
            self._current = None
            self._close_if_unused(channel)

    async def close(self) -> None:
        """End every call and close every connection."""
        self._current = None
        channels, self._users = list(self._users), Counter()
        for channel in channels:
            self._close(channel)
        closing = set(self._closing)
        if not closing:
            return
        try:
            await asyncio.wait(closing)
        except asyncio.CancelledError:
            await asyncio.wait(closing)  # it takes a moment, and nothing stays open then
            raise

    def _channel(self) -> grpc.aio.Channel:
        if self._current is None:
            self._current = open_channel(self._address, self._security)
            self._users[self._current] = 0
        return self._current

    def _done(self, channel: grpc.aio.Channel) -> None:
        if channel not in self._users:
            return  # everything was closed
        self._users[channel] -= 1
        self._close_if_unused(channel)

    def _close_if_unused(self, channel: grpc.aio.Channel) -> None:
        if channel is self._current or self._users[channel] > 0:
            return
        del self._users[channel]
        self._close(channel)

    def _close(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.get_running_loop().create_task(channel.close(None))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _stub(channel: grpc.aio.Channel) -> ChatServiceStub:
    return ChatServiceStub(channel)  # type: ignore[no-untyped-call] # generated
