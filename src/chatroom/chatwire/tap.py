"""The tap: passes bytes between clients and a server unchanged, and lets an observer see them."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from typing import TYPE_CHECKING, Self

from chatroom.chatwire.handshake import reporting
from chatroom.chatwire.passage import Ended, Opened, Side
from chatroom.chatwire.relay import Half, connected
from chatroom.wire.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from chatroom.chatwire.passage import Passage
    from chatroom.chatwire.relay import HalfMaker

ANY_FREE_PORT = Address("127.0.0.1", 0)
BY_THE_TAP = "by the tap"
"""Why a connection has ended that it cut."""
BACKLOG = 4096
"""Connections that wait to be accepted; beyond that a client's system tries again after 1 s and
more. Linux makes it net.core.somaxconn, 4096 by default, where that is less."""


def reason(error: OSError) -> str:
    """Why the server cannot be reached, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS"
    # What asyncio says has the address in it once more.
    said = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    # It says nothing where the connection ends during the handshake.
    return said or "it ended the connection instead of speaking TLS"


class Tap:
    """Listens, and for each client connects to `to`; an asynchronous context manager.

    Bytes go on at once, in order and unchanged, whatever they are. What one side cannot
    take yet is not read from the other, so at most READ_BYTES and WRITE_BYTES of
    `relay` are held for each direction. An end of one direction (FIN) ends only that
    direction; a reset becomes a reset.

    `observe` is called in the event loop for each passage, once its bytes are on their
    way, so it must be quick and must not raise.
    """

    def __init__(
        self,
        to: Address,
        observe: Callable[[Passage], None],
        *,
        listen: Address = ANY_FREE_PORT,
        client_tls: ssl.SSLContext | None = None,
        server_tls: Callable[[str | None], ssl.SSLContext] | None = None,
        complain: Callable[[OSError], None] = lambda _error: None,
        refused: Callable[[ssl.SSLError], None] = lambda _error: None,
        half: HalfMaker = Half,
    ) -> None:
        """With `client_tls`, TLS is spoken to clients, and to the server with the context.

        That context `server_tls` makes, given the protocol that was agreed with the client
        (ALPN). `complain` is told why, each time that the server cannot be reached,
        and `refused`, each time that the TLS handshake with a client fails. `half` makes
        each side of a connection; another than `Half` need not pass everything on.
        """
        self._to = to
        self._observe = observe
        self._listen = listen
        self._client_tls = client_tls
        self._server_tls = server_tls
        self._complain = complain
        self._half = half
        if client_tls is not None:
            client_tls.sslobject_class = reporting(refused)
        self._count = 0
        self._halves: set[Half] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError when that is not possible."""
        host, port = self._listen
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: self._half(Side.CLIENT, self._accepted),
            host,
            port,
            ssl=self._client_tls,
            backlog=BACKLOG,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening and cut what is still connected."""
        self._server.close()
        for task in self._connecting:
            task.cancel()
        for half in list(self._halves):
            half.cut(BY_THE_TAP)
        await asyncio.gather(*self._connecting, return_exceptions=True)
        await asyncio.gather(*(half.gone.wait() for half in list(self._halves)))

    @property
    def bound(self) -> Address:
        """Where it listens: host and true port."""
        return Address(*self._server.sockets[0].getsockname()[:2])

    @property
    def address(self) -> str:
        """The same as HOST:PORT."""
        return str(self.bound)

    def turn_to(self, to: Address) -> None:
        """Connect the clients that come from now on to another server."""
        self._to = to

    def cut(self) -> None:
        """Break every connection off, as a network that fails would; go on listening.

        Both sides get a reset, the client's first.
        """
        for half in [half for half in self._halves if half.side is Side.CLIENT]:
            half.cut(BY_THE_TAP)

    def _accepted(self, client: Half) -> None:
        self._halves.add(client)
        client.when_gone(self._halves.discard)
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: Half) -> None:
        self._count += 1
        number = self._count
        opened = Opened(
            connection=number,
            time=time.time_ns(),
            client=client.peer,
            server=self._to,
        )
        try:
            tls = self._server_tls(client.agreed) if self._server_tls else None
            server = await connected(self._to, tls, self._half)
        except OSError as error:
            self._observe(opened)
            unreached = f"the server cannot be reached: {reason(error)}"
            for side, why in ((Side.SERVER, unreached), (Side.CLIENT, BY_THE_TAP)):
                now = time.time_ns()
                ended = Ended(connection=number, time=now, sender=side, reset=True, why=why)
                self._observe(ended)
            # First, so that it does not hang on whoever is told.
            client.cut()
            self._complain(error)
            return
        self._halves.add(server)
        server.when_gone(self._halves.discard)
        self._observe(opened)
        client.join(server, number, self._observe)
        server.join(client, number, self._observe)
