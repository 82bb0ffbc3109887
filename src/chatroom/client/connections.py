"""The gRPC channels of one `Chat`: how many there are, and what goes on which."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.client.channel import open_channel
from chatroom.client.propagation import trace_context
from chatroom.client.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import grpc.aio

    from chatroom.client.security import Security
    from chatroom.wire.addresses import Address

BESIDE_CALLS = 1
"""Streams on the connection of the calls. gRPC queues what is above the peer's number of
streams (MAX_CONCURRENT_STREAMS), and that number is not to be had from it; a peer that allows
two is the least that calls never wait for. Whoever is in one room has one connection."""


@dataclass(slots=True, eq=False)
class _Connection:
    """A channel, which is one connection at a time, and what uses it."""

    channel: grpc.aio.Channel
    capacity: int
    """How many streams are put on it."""
    streams: set[Stream] = field(default_factory=set)
    calls: int = 0

    @property
    def unused(self) -> bool:
        return not self.streams and not self.calls


class Connections:
    """Gives out streams and calls on connections that have room and nobody has found lost.

    Calls go on a connection that is kept as long as the `Chat` is open, with one stream
    beside them. Further streams go on others, which are closed with their last stream.

    A connection on which a stream was lost is not used again. gRPC would: it keeps one
    that has gone silent until TCP gives up, and after a failure it waits by a clock of
    its own. Other streams on it go on until they find out for themselves.
    """

    def __init__(self, address: Address, security: Security, capacity: int) -> None:
        """`capacity`: the most streams on one connection, see `Limits.connection_streams`."""
        self._address = address
        self._security = security
        self._capacity = capacity
        """Becomes less when a connection turns out to take less."""
        self._of_calls: _Connection | None = None
        self._others: list[_Connection] = []
        """Those that carry streams alone; new ones go on the first that has room."""
        self._all: dict[grpc.aio.Channel, _Connection] = {}
        """Also those on which nothing new begins."""
        self._closing: set[asyncio.Task[None]] = set()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What is to be sent with a call that begins now; raises as `Security.metadata`."""
        return (*self._security.metadata(), *trace_context())

    def open_stream(self, instead_of: Stream | None = None) -> Stream:
        """A Chat call; not on the connection of the stream that was lost, if one is given."""
        if instead_of is not None:
            self.abandon(instead_of.channel)
        connection = self._with_room()
        stub = ChatServiceStub(connection.channel)  # type: ignore[no-untyped-call] # generated
        call = stub.Chat(metadata=self.metadata())
        stream = Stream(call, self._address, connection.channel)
        connection.streams.add(stream)

        def done(_: object) -> None:
            connection.streams.discard(stream)
            self._close_if_unused(connection)

        call.add_done_callback(done)
        return stream

    def full(self, stream: Stream) -> bool:
        """Note that there is no room for a stream on its connection, which may have others.

        False if none of them has begun: then another connection would not help. The stream
        itself is to be closed.
        """
        connection = self._all.get(stream.channel)
        if connection is None:
            return False
        begun = sum(each.begun for each in connection.streams if each is not stream)
        if not begun:
            return False
        connection.capacity = min(connection.capacity, begun)
        self._capacity = min(self._capacity, begun)
        return True

    def shared(self, stream: Stream) -> bool:
        """Whether a stream's connection has others."""
        connection = self._all.get(stream.channel)
        return connection is not None and bool(connection.streams - {stream})

    @contextmanager
    def use(self) -> Generator[grpc.aio.Channel, None, None]:
        """A channel for calls, which stays open inside the block."""
        connection = self._for_calls()
        connection.calls += 1
        try:
            yield connection.channel
        finally:
            connection.calls -= 1
            self._close_if_unused(connection)

    def abandon(self, channel: grpc.aio.Channel) -> None:
        """Begin nothing new on the channel; it is closed when nobody uses it any more."""
        connection = self._all.get(channel)
        if connection is None:
            return
        if connection is self._of_calls:
            self._of_calls = None
        elif connection in self._others:
            self._others.remove(connection)
        self._close_if_unused(connection)

    async def close(self) -> None:
        """End every call and close every connection."""
        for connection in list(self._all.values()):
            self._close(connection)
        closing = set(self._closing)
        if not closing:
            return
        try:
            await asyncio.wait(closing)
        except asyncio.CancelledError:
            await asyncio.wait(closing)  # it takes a moment, and nothing stays open then
            raise

    def _for_calls(self) -> _Connection:
        if self._of_calls is None:
            self._of_calls = self._open(BESIDE_CALLS)
        return self._of_calls

    def _with_room(self) -> _Connection:
        for connection in (self._for_calls(), *self._others):
            if len(connection.streams) < connection.capacity:
                return connection
        self._others.append(self._open(self._capacity))
        return self._others[-1]

    def _open(self, capacity: int) -> _Connection:
        self._security = self._security.renewed()
        connection = _Connection(open_channel(self._address, self._security), capacity)
        self._all[connection.channel] = connection
        return connection

    def _close_if_unused(self, connection: _Connection) -> None:
        if connection.unused and connection is not self._of_calls:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        if self._all.pop(connection.channel, None) is None:
            return
        if connection is self._of_calls:
            self._of_calls = None
        elif connection in self._others:
            self._others.remove(connection)
        task = asyncio.get_running_loop().create_task(connection.channel.close(None))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
