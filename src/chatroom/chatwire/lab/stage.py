"""Where a scene is played: the tap before the server, and clients that connect through it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.hand import Hand
from chatroom.wire.addresses import Address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc

    from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.lab.finding import Find
    from chatroom.chatwire.lab.servers import Server
    from chatroom.chatwire.recorded import RecordedTap

PATIENCE = 20.0
"""Seconds that anything in a scene may take; the longest timer of the server is 10 s."""
CHANNEL_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own for each channel
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
)


Option = tuple[str, int]
Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class DidNotHappen(Exception):
    """What a scene waited for did not come; `str()` is a sentence."""


class Stage:
    """What a scene has. Clients are given names, which the story uses to tell them apart."""

    def __init__(self, server: Server, tap: RecordedTap, patience: float = PATIENCE) -> None:
        self.server = server
        self.tap = tap
        self.names: dict[int, str] = {}
        """Of the client of each connection."""
        self._patience = patience

    @contextlib.asynccontextmanager
    async def client(self, who: str, *options: Option) -> AsyncIterator[ChatServiceStub]:
        """A client of grpcio's on a connection of its own through the tap, connected.

        `options` are arguments of its channel, by the names of grpc_types.h.
        """
        import grpc

        every = (*CHANNEL_OPTIONS, *options)
        async with grpc.aio.insecure_channel(self.tap.address, every) as channel:
            async with self._named(who):
                await channel.channel_ready()
            yield _stub(channel)

    @contextlib.asynccontextmanager
    async def hand(self, who: str) -> AsyncIterator[Hand]:
        """A client that sends exactly what the scene says, through the tap; connected."""
        async with self._named(who):
            hand = await Hand.connect(self.tap.address)
        async with hand:
            yield hand

    @contextlib.asynccontextmanager
    async def socket(self, who: str) -> AsyncIterator[Socket]:
        """A bare connection through the tap, for what is no HTTP/2."""
        async with self._named(who):
            reader, writer = await asyncio.open_connection(*Address.parse(self.tap.address))
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def turn_to(self, server: Server) -> None:
        """Let clients that connect from now on reach another server, `server` to this stage."""
        self.server = server
        self.tap.turn_to(server.address)

    @contextlib.asynccontextmanager
    async def behind(self) -> AsyncIterator[ChatServiceStub]:
        """A client that goes straight to the server: what it does is not part of the picture."""
        import grpc

        async with grpc.aio.insecure_channel(self.server.address, CHANNEL_OPTIONS) as channel:
            yield _stub(channel)

    async def until(self, wanted: Find, *, after: Frame | None = None) -> Frame:
        """The first such frame, or the first after another one; waits until it has passed.

        Raises DidNotHappen when it has not for `PATIENCE`.
        """
        try:
            async with asyncio.timeout(self._patience):
                return await self.tap.until(
                    lambda frame: wanted.matches(frame, self.names),
                    after=after.number if after else 0,
                )
        except TimeoutError:
            raise DidNotHappen(f"waited {self._patience:g} s for {wanted}") from None

    async def until_quiet(self, seconds: float) -> None:
        """Wait until nothing has passed for so long. Raises DidNotHappen after `PATIENCE`."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    passed = len(self.tap.frames)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(seconds):
                            await self.tap.until(lambda _frame: True, after=passed)
                            continue
                    return
        except TimeoutError:
            raise DidNotHappen(f"frames passed for {self._patience:g} s without a pause") from None

    @contextlib.asynccontextmanager
    async def _named(self, who: str) -> AsyncIterator[None]:
        """Name the connection that is made in the block."""
        known = len([frame for frame in self.tap.frames if frame.kind is Kind.OPENED])
        try:
            async with asyncio.timeout(self._patience):
                yield
                opened = await self.tap.until(
                    lambda frame: frame.kind is Kind.OPENED and frame.connection > known
                )
        except TimeoutError:
            raise DidNotHappen(f"{who} could not connect to the server") from None
        self.names[opened.connection] = who


def _stub(channel: grpc.aio.Channel) -> ChatServiceStub:
    from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub

    return ChatServiceStub(channel)  # type: ignore[no-untyped-call] # generated
