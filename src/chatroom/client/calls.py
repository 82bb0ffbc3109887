"""The calls of one connection: asked, and asked again where that may help."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from chatroom.client import endings, retry
from chatroom.client.backoff import Backoff
from chatroom.client.errors import ServerUnavailable
from chatroom.wire.grpc import NODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from types import TracebackType

    from chatroom.api.rpc.moderation_pb2_grpc import ModerationServiceStub
    from chatroom.client.connections import Connections
    from chatroom.client.limits import Limits
    from chatroom.client.patience import Patience
    from chatroom.client.security import Security
    from chatroom.wire.addresses import Address

LIST_PAGE = 1000
"""Rooms, members or entries asked for at once, so that an answer stays well under 2 MiB."""


class Calls:
    """A server that is asked; inside `async with` there are connections to it."""

    def __init__(
        self, address: Address, security: Security, *, patience: Patience, limits: Limits
    ) -> None:
        self.address = address
        self.security = security
        self.patience = patience
        self.limits = limits
        self.nodes = 1
        """How many servers share the rooms, as the latest answer said."""
        self._opened: Connections | None = None
        self._reached = False

    async def __aenter__(self) -> Self:
        from chatroom.client.connections import Connections

        self._opened = Connections(self.address, self.security, self.limits.connection_streams)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connections, self._opened = self._opened, None
        if connections is not None:
            await connections.close()

    @property
    def _connections(self) -> Connections:
        if self._opened is None:
            raise RuntimeError("connect first: async with connect(...) as chat")
        return self._opened

    async def _ask(
        self, method: str, request: object, service: type[ModerationServiceStub] | None = None
    ) -> Any:
        """The answer of a method, retried as the table in `retry` says. Raises ChatError.

        `service` None: ChatService.
        """
        import grpc.aio

        from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
        from chatroom.client.statuses import error_from

        clock = asyncio.get_running_loop().time
        until = clock() + self.patience.call
        backoff = Backoff(self.patience.backoff, self.patience.backoff_limit)
        while True:
            with self._connections.use() as channel:
                stub: Any = (service or ChatServiceStub)(channel)
                call = getattr(stub, method)(
                    request, timeout=until - clock(), metadata=self._connections.metadata()
                )
                try:
                    answer = await call
                    self.nodes = _nodes_in(await call.initial_metadata())
                except grpc.aio.AioRpcError as error:
                    failure = error_from(error, self.address)
                except asyncio.CancelledError:
                    asking = asyncio.current_task()
                    if self._opened is not None or (asking is not None and asking.cancelling()):
                        raise
                    raise endings.lost("it was closed here") from None
                else:
                    self._reached = True
                    return answer
            if isinstance(failure, ServerUnavailable) and not failure.reason:
                self._connections.abandon(channel)  # the next one may have renewed certificates
            delay = backoff.delay(failure.retry_after)
            if (
                not self._reached
                or not retry.call_is_retried(failure, method)
                or clock() + delay >= until
            ):
                raise failure
            await asyncio.sleep(delay)
            self._connections.abandon(channel)

    async def _pages(
        self,
        what: str,
        method: str,
        asked: Callable[[str], object],
        service: type[ModerationServiceStub] | None = None,
    ) -> AsyncIterator[Any]:
        """The pages of a list, each asked for when it is wanted. Raises ChatError."""
        token = ""
        for _ in range(self.limits.list_pages):
            page = await self._ask(method, asked(token), service)
            yield page
            last, token = token, page.next_page_token
            if not token or token == last:  # the same again would be for ever
                return
        raise endings.endless(what, self.limits.list_pages)


def _nodes_in(metadata: Iterable[tuple[str, str | bytes]]) -> int:
    """What a server says that shares its rooms; 1: it does not."""
    said = dict(metadata).get(NODES, "1")
    return int(said) if isinstance(said, str) and said.isascii() and said.isdigit() else 1
