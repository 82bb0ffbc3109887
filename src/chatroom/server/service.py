"""The composition root: builds everything, starts it and stops it in order.

The only place that knows which journal is in use.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from importlib import import_module
from typing import TYPE_CHECKING

from chatroom.core import names
from chatroom.core.refusals import RoomExists
from chatroom.journal import Journal
from chatroom.journal.memory import MemoryJournal
from chatroom.journal.sqlite import SQLiteJournal
from chatroom.wire.addresses import Address
from chatroom.wire.grpc import CHAT, HEALTH, REFLECTION, SUBSCRIBE, UNARY, WATCH

from .access.access import Access
from .access.admin import AdminToken, AdminTokenUnusable
from .access.key_file import KeyFile, KeysUnusable
from .access.revoked import REVOKED_FILE, RevokedTokens
from .access.tokens import Tokens
from .calls import connect, encode, reflection
from .calls.health import Health
from .calls.health import application as health_application
from .calls.streams import Streams
from .calls.web_text import with_text
from .counters import Counters
from .page import codes
from .page.edition import Edition
from .page.site import Site
from .port import sockets
from .port.asgi import Application, Receive, Scope, Send, respond
from .port.bridge import BodyBounds, asgi_calls
from .port.certificates import Certificates
from .port.clients import Clients
from .port.crowds import Crowds
from .port.front import Front
from .port.gate import Gate
from .port.handshakes import Handshakes
from .port.http1_requests import Endless
from .port.in_flight import InFlight
from .port.notices import Kind, Notices
from .port.port import Port, PortLimits
from .port.renewal import Renewal
from .port.rota import Rota, by_turns
from .rooms.audit import Audit
from .rooms.hub import Hub
from .rooms.quotas import Quotas
from .settings import Settings, TlsUnusable
from .traces import Traces, traces_of_process
from .watched_keys import WatchedKeys

if TYPE_CHECKING:
    from .ops.listener import OpsListener

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 1.0
"""How long peers may then take to read what was written."""
LONG = frozenset((CHAT, *REFLECTION))
"""Paths of streams that last as long as their clients want."""
LISTS = frozenset(path for path in UNARY if path.rpartition("/")[2].startswith(("List", "Search")))
"""Paths of methods whose answers may have `Limits.page_bytes`."""
JOURNAL_FILE = "chatroom.db"


class Service:
    """A whole server in the running event loop.

    `start` returns when connections are accepted; `stop` when every stream has its
    status and everything accepted is stored.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal | None = None,
        traces: Traces | None = None,
    ) -> None:
        """`journal` and `traces` are for who brings their own.

        Else the one is as the settings say, and the other as the process has it.
        """
        self._settings = settings
        if journal is None:
            journal = journal_of(settings)
        self.journal_name = journal.name
        self.health = Health()
        self._notices = Notices(time.monotonic)
        self._clients = Clients(settings.trusted_proxies, self._notices)
        self.counters = Counters()
        self._traces = traces or traces_of_process()
        quotas = Quotas(
            settings.limits,
            time.monotonic,
            counters=self.counters,
            counts=self._clients.counts,
            tell=self._tell_of_limit,
        )
        self.hub = Hub(
            journal,
            encode.entries,
            settings.limits,
            quotas=quotas,
            on_storing=self.health.storing,
            read=encode.event,
            traces=self._traces,
        )
        token_file = settings.admin_token_file
        self.admin_token = AdminToken(token_file) if token_file is not None else None
        characters = settings.limits.name_characters
        key_file = KeyFile(settings.keys, name_characters=characters) if settings.keys else None
        tokens = None
        if key_file is not None:
            tokens = Tokens(key_file.keys, name_characters=characters)
        self.access = Access(
            settings.anonymous_grant,
            admin=self.admin_token,
            tokens=tokens,
            invited=self.hub.invitations.identity,
        )
        self._keys: WatchedKeys | None = None
        if key_file is not None:
            revoked = RevokedTokens(settings.data / REVOKED_FILE) if settings.data else None
            self._keys = WatchedKeys(key_file, revoked, self.access)
        self.audit = Audit(
            journal,
            clock=time.time_ns,
            file=settings.audit_file,
            keep_seconds=settings.keep_audit,
        )
        self._in_flight = InFlight((CHAT, SUBSCRIBE, *UNARY, *HEALTH))
        self._gate = Gate(settings.allowed, self._certificate_names)
        self._began = time.time_ns()
        self._streams = Streams(
            self.hub, self._gate, self._clients, self._in_flight, self.access, self._traces
        )
        self.addresses: tuple[Address, ...] = ()
        self.ops_addresses: tuple[Address, ...] = ()
        """Where operators watch it, once started."""
        self._listeners: list[socket.socket] = []
        self._port: Port | None = None
        self._edition: Edition | None = None
        """The page, once started, unless it is left out."""
        self.certificates: Certificates | None = None
        """Of TLS, once started."""
        self._ops: OpsListener | None = None
        """Of operators, once started, if there is one."""
        self._told_to_stop: float | None = None
        """When it was, by the monotonic clock."""
        self._committing: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        """Looks for other certificates."""

    def application(self) -> Application:
        """Everything this server answers, as one ASGI application."""
        hub, limits, calls = self.hub, self._settings.limits, self.counters.calls
        contract = connect.applications(hub, limits, self.access, self.audit, self._traces)
        health = health_application(self.health, limits, calls)
        described = reflection.descriptions()
        routes: dict[str, Application] = {
            **dict.fromkeys((CHAT, SUBSCRIBE), self._streams.application),
            **{path: with_text(application) for path, application in contract.items()},
            **dict.fromkeys(HEALTH, with_text(health)),
            **dict.fromkeys(
                REFLECTION, with_text(reflection.ConnectReflection(described, limits, calls))
            ),
            "/healthz": self._healthz,
        }
        if self._edition is not None:
            routes[codes.PATH] = codes.Codes(self._gate, limits, time.monotonic)
        return Front(
            routes,
            self._gate,
            self._clients,
            native=dict.fromkeys(REFLECTION, reflection.native(described, limits, calls)),
            page=Site(self._edition) if self._edition is not None else None,
            in_flight=self._in_flight,
            notices=self._notices,
        )

    async def start(self) -> None:
        """Open the journal and the port.

        Raises JournalUnusable, BindError, TlsUnusable, AdminTokenUnusable, KeysUnusable, Refusal.
        """
        try:
            if self._settings.ops_bind:
                self._ops = await self._open_ops()
            if self._settings.tls is not None:
                self.certificates = await asyncio.to_thread(Certificates, self._settings.tls)
            if self.admin_token is not None:
                self.admin_token.read()
            # In a thread: whose loop this is may have more to do.
            await asyncio.to_thread(names.load)
            if self._keys is not None:
                asked = self._settings.tls is not None and self._settings.tls.client_ca is not None
                await self._keys.begin(certificates_asked=asked)
            if self._settings.page:
                self._edition = await asyncio.to_thread(Edition.read)
            self._listeners += self._settings.listeners
            for address in () if self._listeners else self._settings.bind:
                self._listeners += sockets.listen(address, shared=self._settings.shared_port)
            self.addresses = tuple(sockets.address_of(each) for each in self._listeners)
            await self.hub.open(", ".join(map(str, self.addresses)))
            await self.audit.begin()
            self._committing = asyncio.create_task(self.hub.run(), name="commit loop")
            for room_id in self._settings.rooms:
                with contextlib.suppress(RoomExists):
                    await self.hub.rooms.create(room_id=room_id)
            application = self.application()
            limits = self._settings.limits
            rota = Rota()
            self._port = Port(
                self._listeners,
                self._streams.on_http2(asgi_calls(application, self._bounds, rota), rota),
                by_turns(application, rota),
                PortLimits(
                    connections=sockets.connection_limit(limits.server_connections),
                    max_age=self._settings.max_connection_age,
                    proxied=self._settings.proxy_protocol,
                    http2=self._settings.http2,
                    tls=self._settings.tls_limits,
                ),
                notices=self._notices,
                crowds=Crowds(
                    limits.address_connections,
                    self._clients,
                    notices=self._notices,
                    counters=self.counters,
                ),
                certificates=self.certificates,
                endless=Endless(requests=LONG, responses=frozenset((SUBSCRIBE, WATCH))),
                rota=rota,
            )
            self._port.open()
            if self.certificates is not None:
                renewal = Renewal(self.certificates)
                self._renewing = asyncio.create_task(renewal.run(), name="certificates")
        except BaseException:
            await self._close()
            raise
        self.health.set(True)

    async def _open_ops(self) -> OpsListener:
        """Have operators see everything from here on; raises BindError."""
        # Here alone: what it needs takes time to import, and most servers have no use for it.
        await asyncio.to_thread(import_module, f"{__package__}.ops.listener")
        from .ops.listener import OpsListener
        from .ops.observed import Observed

        observed = Observed(
            settings=self._settings,
            journal_name=self.journal_name,
            began=self._began,
            hub=self.hub,
            health=self.health,
            counters=self.counters,
            notices=self._notices,
            port=lambda: self._port,
            addresses=lambda: self.addresses,
            certificates=lambda: self.certificates,
            drain_seconds=self._drain_seconds,
            drain_limit=(
                self._settings.drain_delay + self._settings.limits.drain_wait + GOODBYE_SECONDS
            ),
        )
        listener = OpsListener(observed, self._gate)
        await listener.open(self._settings.ops_bind)
        self.ops_addresses = listener.addresses
        return listener

    def read_again(self) -> None:
        """Read admin token, keys and certificates again; what cannot be used stays as it was.

        Each for itself, and never raising. No stream notices: a connection keeps the
        certificate that it began with. Before `start` has read them there is nothing to do.
        """
        readings: dict[str, Callable[[], None]] = {}
        if self.admin_token is not None:
            readings["the admin token"] = self.admin_token.read
        if self._keys is not None:
            readings["the keys"] = self._keys.read
        if self.certificates is not None:
            readings["the certificates"] = self.certificates.reload
        for what, read in readings.items():
            try:
                read()
            except (AdminTokenUnusable, KeysUnusable, TlsUnusable) as error:
                log.error("%s; the last one stays", error)  # noqa: TRY400 # an operator needs no traceback
            else:
                log.info("read %s again", what)
        if not readings:
            log.info(
                "there is nothing to read again: no admin token file, no keys, no certificates"
            )

    async def wait(self) -> None:
        """Until the commit loop ends by itself, which is a failure."""
        assert self._committing is not None
        await asyncio.wait((self._committing,))
        self._committing.result()
        raise RuntimeError("the commit loop ended by itself")

    async def stop(self) -> None:
        """End every stream with a status, store what was accepted, close everything."""
        self._told_to_stop = time.monotonic()
        self.health.set(False)
        if self._settings.drain_delay:
            await asyncio.sleep(self._settings.drain_delay)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.limits.drain_wait):
                await self.hub.drain()
                self.health.close()
                await self._in_flight.none()
        await self._close()

    async def _close(self) -> None:
        if self._port is not None:
            self._port.drain()
            await self._port.close(GOODBYE_SECONDS)
        for listener in self._listeners:
            listener.close()
        if self._keys is not None:
            self._keys.close()
        if self._renewing is not None:
            self._renewing.cancel()
        if self._committing is not None:
            await self.hub.stop()
            await self._committing
        await self.audit.close()
        await self.hub.close()
        if self._ops is not None:
            await self._ops.close()

    @property
    def handshakes(self) -> Handshakes | None:
        """Those of TLS, with their counters; None before the start."""
        return self._port.handshakes if self._port is not None else None

    def _tell_of_limit(self, address: str, what: str) -> None:
        """An address is at a limit: it may be that of a proxy that nobody has named."""
        hint = "if it is a proxy, --trust-proxy has its clients told apart"
        self._notices.tell(Kind.LIMIT, (address, 0), f"{what}; {hint}")

    def _certificate_names(self) -> AbstractSet[str]:
        return self.certificates.names if self.certificates is not None else frozenset()

    def _bounds(self, path: str) -> BodyBounds:
        """What a request for a path may cost; long streams have their own bounds."""
        if path in LONG:
            return BodyBounds(bytes=None, idle_seconds=None, seconds=None)
        return BodyBounds(answer=self._settings.limits.page_bytes if path in LISTS else 0)

    def _drain_seconds(self) -> float:
        told = self._told_to_stop
        return time.monotonic() - told if told is not None else 0.0

    async def _healthz(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        if self.health.serving:
            nodes = f"{self.hub.nodes}\n" if self.hub.nodes is not None else ""
            await respond(send, 200, f"ok\n{nodes}".encode(), b"text/plain; charset=utf-8")
        else:
            await respond(send, 503, b"draining\n", b"text/plain; charset=utf-8")


def journal_of(settings: Settings) -> Journal:
    """The one in which a server with these settings keeps rooms; it is not open."""
    if settings.database:
        # Here alone: its driver is an extra that need not be installed.
        from chatroom.journal.postgres import PostgresJournal

        return PostgresJournal(settings.database, spoken=encode.spoken)
    if settings.data is None:
        return MemoryJournal(encode.spoken)
    path = settings.data / JOURNAL_FILE
    return SQLiteJournal(path, sync=settings.sync, legible=encode.legible, spoken=encode.spoken)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """A server for the length of a block: to embed one, and for tests."""
    service = Service(settings)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
