"""The port: accepts connections, keeps them in order, ends them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames

from .asgi import Application, address_of
from .certificates import Certificates
from .clients import Peer
from .crowds import Crowds, no_crowds
from .handshakes import Handshakes
from .http1 import Http1Connection
from .http1_limits import Http1Limits
from .http1_requests import NOTHING_ENDLESS, Endless
from .http2 import Begin, Http2Protocol
from .log_names import LogName
from .notices import Kind, Notices
from .proxied import Proxied
from .rota import Rota
from .slices import spread
from .sniff import Sniff
from .tls import TlsProtocol
from .tls_limits import TlsLimits
from .turns import Turns

log = logging.getLogger(__name__)

ACCEPT_AT_ONCE = 64
"""Connections accepted in one turn of the loop; the rest waits for the next one."""


CHECKED_AT_ONCE = 25
"""Connections that are looked at before others have their turn: 0.2 ms. When it
was all of them, a hundredth of the messages at 200 a second came a millisecond late."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is known of a connection before it says anything."""

    since: float
    """When it was accepted, by the loop's clock."""
    crowd: str
    """The key by which `Crowds` counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLimits:
    """What the port as a whole may cost. Times are in seconds."""

    connections: int = 0
    """Open at once, all protocols together; above it nobody is accepted. 0: no bound."""
    tick: float = 0.5
    """Between two checks of all connections: every other time is exact to this."""
    max_age: float = 0.0
    """After which an HTTP/2 connection is to be made anew, a tenth more or less; 0: never."""
    age_grace: float = 10.0
    """How long its streams then have to end by themselves."""
    proxied: bool = False
    """Every connection begins with a header of the PROXY protocol, which names its peer."""
    accept_pause: float = 1.0
    """After an accept that failed, for want of descriptors or memory."""
    http2: Http2Limits = field(default_factory=Http2Limits)
    http1: Http1Limits = field(default_factory=Http1Limits)
    tls: TlsLimits = field(default_factory=TlsLimits)


class Kept(Protocol):
    """What the port asks of each connection, whatever it speaks."""

    @property
    def peername(self) -> object:
        """Whose it is, by the name of the socket's peer."""

    def check(self, now: float) -> None:
        """Do what is due at `now`, in seconds."""

    def drain(self) -> None:
        """Serve what is under way, and nothing after it; then close."""

    def abort(self) -> None:
        """End at once."""


class Port:
    """Every connection of a server.

    It exists to keep one fact: the port accepts as long as it is open. What fails in one
    connection, or in accepting one, ends nothing else.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        begin: Begin,
        application: Application,
        limits: PortLimits,
        *,
        notices: Notices,
        crowds: Crowds | None = None,
        certificates: Certificates | None = None,
        endless: Endless = NOTHING_ENDLESS,
        rota: Rota | None = None,
    ) -> None:
        """`begin` begins calls on HTTP/2 streams, the application serves HTTP/1.1.

        With certificates the port speaks TLS alone, and handshakes have their turns by the
        `rota`. `notices` hears of peers whose connections are ended. `crowds` counts by
        address; None: nobody does.
        """
        self._notices = notices
        self._crowds = crowds or no_crowds(notices)
        self._listeners = list(listeners)
        self._begin = begin
        self._application = application
        self._endless = endless
        self._certificates = certificates
        self._limits = limits
        self.handshakes = Handshakes(notices=notices, most=limits.tls.handshakes, rota=rota)
        self._loop = asyncio.get_running_loop()
        self.turns = Turns(self._loop)
        self._shared = SharedFrames()
        self._connections: dict[Kept, str] = {}
        """And the key by which `Crowds` counts each."""
        self._open = 0
        self.accepted = 0
        """Connections so far."""
        self._room = asyncio.Event()
        self._room.set()
        self._none = asyncio.Event()
        self._none.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many connections are open."""
        return self._open

    @property
    def limit(self) -> int:
        """How many may be; 0: there is no bound."""
        return self._limits.connections

    def connections(self) -> list[Http1Connection | Http2Protocol]:
        """Those of which it is known what they speak, the oldest first."""
        known = (Http1Connection, Http2Protocol)
        return [each for each in self._connections if isinstance(each, known)]

    def speaking(self) -> dict[str, int]:
        """How many connections speak http2 and http1; opening: that is not known yet."""
        kinds = [type(connection) for connection in self._connections]
        http2, http1 = kinds.count(Http2Protocol), kinds.count(Http1Connection)
        return {"http2": http2, "http1": http1, "opening": max(self._open - http2 - http1, 0)}

    # ---- Accepting -------------------------------------------------------------------

    def open(self) -> None:
        """Accept from here on."""
        for listener in self._listeners:
            self._spawn(self._accept(listener), f"accept on {listener.getsockname()}")
        self._spawn(self._tick(), "tick")

    def _spawn(self, work: asyncio._CoroutineLike[None], name: str) -> None:
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        bound = self._limits.connections
        while True:
            if bound and self._open >= bound:
                self._crowds.counters.connections += 1
                self._notices.tell(
                    Kind.FULL,
                    listener.getsockname(),
                    f"accepts nobody until somebody goes: {bound} connections are open "
                    "(--max-connections, and the system's limit of open files)",
                )
                self._room.clear()
                await self._room.wait()
            try:
                accepted, peer = await self._loop.sock_accept(listener)
            except OSError as error:
                self._notices.tell(
                    Kind.NOT_ACCEPTED,
                    listener.getsockname(),
                    f"cannot accept a connection: {error.strerror or error}",
                )
                await asyncio.sleep(self._limits.accept_pause)
                continue
            self._welcome(accepted, peer)
            for _ in range(ACCEPT_AT_ONCE):
                if bound and self._open >= bound:
                    break
                try:
                    accepted, peer = listener.accept()
                except OSError:  # nobody more, or what the next turn will tell
                    break
                accepted.setblocking(False)
                self._welcome(accepted, peer)

    def _welcome(self, accepted: socket.socket, peer: object) -> None:
        self.accepted += 1
        now = self._loop.time()
        first: Proxied | Sniff | TlsProtocol | None
        if self._limits.proxied:
            first = self._proxied(now)
        else:
            first = self._admitted(now, address_of(peer))
        if first is None:
            accepted.close()
        else:
            self._spawn(self._connect(first, accepted, peer), "connect")

    def _admitted(self, since: float, peer: Peer) -> Sniff | TlsProtocol | None:
        """What a peer's connection speaks; None: its address has as many as it may."""
        crowd = self._crowds.room_for(peer)
        return None if crowd is None else self._spoken(Accepted(since, crowd))

    def _proxied(self, since: float) -> Proxied:
        proxied = Proxied(
            partial(self._admitted, since),
            self._gone,
            notices=self._notices,
            seconds=self._limits.http2.preface_seconds,
            since=since,
        )
        self._keep(proxied)
        return proxied

    def _spoken(self, accepted: Accepted) -> Sniff | TlsProtocol:
        """What a connection speaks from its first byte, or from the end of its PROXY header."""
        if self._certificates is None:
            return self._sniff(accepted)
        tls = TlsProtocol(
            self._certificates.context,
            partial(self._secured, accepted),
            self._gone,
            self._limits.tls,
            notices=self._notices,
            handshakes=self.handshakes,
        )
        self._keep(tls, accepted.crowd)
        return tls

    async def _connect(
        self, first: Proxied | Sniff | TlsProtocol, accepted: socket.socket, peer: object
    ) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: first, accepted)
        except OSError as error:  # it has gone meanwhile
            name = LogName(peer)
            log.debug("%s was gone at once: %s", name, error, extra=name.known())
            self._gone(first)

    def _secured(
        self, accepted: Accepted, _transport: object, alpn: str | None
    ) -> asyncio.Protocol:
        """Choose what speaks above TLS: as ALPN says, or as the first bytes tell."""
        if alpn == "h2":
            return self._http2(accepted)
        if alpn == "http/1.1":
            return self._http1(accepted)
        return self._sniff(accepted)

    def _sniff(self, accepted: Accepted) -> Sniff:
        sniff = Sniff(
            partial(self._http2, accepted),
            partial(self._http1, accepted),
            self._gone,
            seconds=self._limits.http2.preface_seconds,
            since=accepted.since,
        )
        self._keep(sniff, accepted.crowd)
        return sniff

    def _http2(self, accepted: Accepted) -> Http2Protocol:
        """Its preface has what is left of its time."""
        protocol = Http2Protocol(
            self._limits.http2,
            self._begin,
            self.turns,
            self._shared,
            self._gone,
            notices=self._notices,
            since=accepted.since,
            spread=random.random(),  # noqa: S311 # so that not all ping at once
            max_age=self._limits.max_age * random.uniform(0.9, 1.1),  # noqa: S311 # nor leave
            age_grace=self._limits.age_grace,
            counts=self._crowds.counters.http2,
        )
        self._keep(protocol, accepted.crowd)
        return protocol

    def _http1(self, accepted: Accepted) -> Http1Connection:
        protocol = Http1Connection(
            self._application,
            self._limits.http1,
            self._endless,
            self._gone,
            self._tasks,
            notices=self._notices,
            tls=self._certificates is not None,
        )
        self._keep(protocol, accepted.crowd)
        return protocol

    def _keep(self, connection: Kept, crowd: str = "") -> None:
        if not self._counts(connection):
            crowd = ""
        self._connections[connection] = crowd
        self._crowds.addresses.add(crowd)
        self._open += self._counts(connection)
        self._none.clear()

    def _gone(self, connection: Kept) -> None:
        if connection not in self._connections:
            return
        self._crowds.addresses.remove(self._connections.pop(connection))
        self._open -= self._counts(connection)
        self._room.set()
        if not self._connections:
            self._none.set()

    def _counts(self, connection: Kept) -> int:
        """What stands above TLS is no second connection."""
        return int(self._certificates is None or isinstance(connection, Proxied | TlsProtocol))

    # ---- Keeping ---------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            async for connection in spread(self._connections, self._limits.tick, CHECKED_AT_ONCE):
                if connection not in self._connections:
                    continue  # it has ended since
                try:
                    connection.check(self._loop.time())
                except Exception:
                    name = LogName(connection.peername)
                    log.exception(
                        "%s: the connection failed, and is ended", name, extra=name.known()
                    )
                    connection.abort()

    # ---- Ending ----------------------------------------------------------------------

    def drain(self) -> None:
        """Say to every connection that no further request is served on it; go on accepting."""
        for connection in tuple(self._connections):
            connection.drain()

    async def close(self, seconds: float) -> None:
        """Accept no more; return when every connection has ended, after `seconds` at most."""
        for task in tuple(self._tasks):
            if task.get_name().startswith("accept"):
                task.cancel()
        # Only then does the loop look at the listeners no more. Whoever opens a socket next may
        # get a descriptor of theirs, and the loop would take it for the old one.
        await asyncio.sleep(0)
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none.wait()
        for connection in tuple(self._connections):
            connection.abort()
        await self._none.wait()
        for task in tuple(self._tasks):
            task.cancel()
