"""The composition root: builds everything, starts it and stops it in order.

The only place that knows which journal is in use.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator

import h2corn
import h2corn._lib

from chatroom.api.grpc.health.v1.health_connect import HealthASGIApplication
from chatroom.core.refusals import RoomExists
from chatroom.journal import Journal
from chatroom.journal.memory import MemoryJournal
from chatroom.journal.sqlite import SQLiteJournal

from . import connect, encode, native, reflection, sockets
from .asgi import Application, Receive, Scope, Send
from .front import Front, respond
from .health import Health
from .hub import Hub
from .in_flight import InFlight
from .settings import Settings

log = logging.getLogger(__name__)

CHAT = "/rpc.ChatService/Chat"
SUBSCRIBE = "/rpc.ChatService/Subscribe"
UNARY = tuple(
    f"/rpc.ChatService/{name}"
    for name in (
        "CreateChatRoom",
        "ListChatRooms",
        "DeleteChatRoom",
        "SendMessage",
        "ListMessages",
        "ListMembers",
        "RemoveMember",
    )
)
HEALTH = tuple(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))

DRAIN_SECONDS = 5.0
"""How long streams may take to end before the HTTP/2 server ends them."""
LAST_FRAMES_SECONDS = 0.1
"""Between the end of the last call and the HTTP/2 server's shutdown. Told to shut down while
it still writes the end of a stream, h2corn 2.0.0 may wait its whole graceful time (seen with
members on connections that stay open: 5 s, in every other stop of 1,000)."""
STALL_SECONDS = 10.0
"""A response that the peer's flow control holds up for so long is reset."""
WRITE_SECONDS = 11.0
"""A connection that takes no bytes for so long is closed. One more than the stall, so
that a stalled stream ends alone."""
REQUEST_BODY_BYTES = 128 * 1024
REQUEST_IDLE_SECONDS = 10.0
MAX_FRAME_BYTES = 16_384
"""HTTP/2's default; h2corn's 65,536 would be one byte more than a stream's window."""
STREAM_WINDOW_BYTES = 65_535
"""The least that h2corn takes (and HTTP/2's default)."""
CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024
STREAMS_PER_CONNECTION = 128
SPARE_DESCRIPTORS = 256
"""Kept for the journal, logs and listeners when connections are counted."""

JOURNAL_FILE = "chatroom.db"


class Service:
    """A whole server in the running event loop.

    `start` returns when connections are accepted; `stop` when every stream has its
    status and everything accepted is stored.
    """

    def __init__(self, settings: Settings, journal: Journal | None = None) -> None:
        """`journal` is for who brings one of their own; else it is as the settings say."""
        self._settings = settings
        if journal is None:
            journal = _journal(settings)
        self.journal_name = journal.name
        self.hub = Hub(journal, encode.entry, settings.limits)
        self.health = Health()
        self._in_flight = InFlight((CHAT, SUBSCRIBE, *UNARY))
        self.addresses: tuple[sockets.Address, ...] = ()
        self._listeners: list[socket.socket] = []
        self._server: h2corn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._committing: asyncio.Task[None] | None = None

    def application(self) -> Application:
        """Everything this server answers, as one ASGI application."""
        hub, limits = self.hub, self._settings.limits
        contract = connect.application(hub, limits)
        health = HealthASGIApplication(self.health, read_max_bytes=limits.envelope_bytes)
        routes: dict[str, Application] = {
            **dict.fromkeys((CHAT, SUBSCRIBE, *UNARY), contract),
            **dict.fromkeys(HEALTH, health),
            **reflection.applications(),
            "/healthz": self._healthz,
        }
        return Front(
            routes,
            self._settings.allowed,
            native={CHAT: native.chat(hub, limits), SUBSCRIBE: native.subscribe(hub, limits)},
            in_flight=self._in_flight,
        )

    async def start(self) -> None:
        """Open the journal and the port.

        Raises JournalUnusable, BindError, TlsUnusable, Refusal.
        """
        _silence_banner()
        try:
            if self._settings.tls is not None:
                self._settings.tls.check()
            self._listeners = [sockets.listen(address) for address in self._settings.bind]
            self.addresses = tuple(sockets.address_of(each) for each in self._listeners)
            await self.hub.open()
            self._committing = asyncio.create_task(self.hub.run(), name="commit loop")
            for room_id in self._settings.rooms:
                with contextlib.suppress(RoomExists):
                    await self.hub.rooms.create(room_id=room_id)
            self._server = h2corn.Server(self.application(), self._config())
            self._serving = asyncio.create_task(self._server.serve(), name="http/2 server")
            started = asyncio.create_task(self._server.wait_started())
            await asyncio.wait((started, self._serving), return_when=asyncio.FIRST_COMPLETED)
            await started
        except BaseException:
            await self._close()
            raise
        self.health.set(True)

    async def wait(self) -> None:
        """Until the server or the commit loop ends by itself, which is a failure."""
        assert self._serving is not None
        assert self._committing is not None
        done, _ = await asyncio.wait(
            (self._serving, self._committing), return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
        raise RuntimeError("the server ended by itself")

    async def stop(self) -> None:
        """End every stream with a status, store what was accepted, close everything."""
        self.health.set(False)
        if self._settings.drain_delay:
            await asyncio.sleep(self._settings.drain_delay)
        calls = self._in_flight.count
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.hub.drain()
                await self._in_flight.none()
                if calls:
                    await asyncio.sleep(LAST_FRAMES_SECONDS)
        await self._close()

    async def _close(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.shutdown()
            try:
                await self._serving
            except Exception:
                log.exception("the HTTP/2 server did not end cleanly")
        for listener in self._listeners:
            listener.close()
        if self._committing is not None:
            await self.hub.stop()
            await self._committing
        await self.hub.close()

    def _config(self) -> h2corn.Config:
        settings = self._settings
        limits = settings.limits
        tls = settings.tls
        return h2corn.Config(
            bind=tuple(f"fd://{listener.fileno()}" for listener in self._listeners),
            grpc=True,
            access_log=False,
            lifespan="off",
            loop="auto",
            certfile=tls.certificate if tls else None,
            keyfile=tls.key if tls else None,
            ca_certs=tls.client_ca if tls else None,
            cert_reqs="required" if tls and tls.client_ca else "none",
            max_concurrent_streams=STREAMS_PER_CONNECTION,
            h2_initial_stream_window_size=STREAM_WINDOW_BYTES,
            h2_initial_connection_window_size=CONNECTION_WINDOW_BYTES,
            h2_max_inbound_frame_size=MAX_FRAME_BYTES,
            h2_max_header_list_size=16 * 1024,
            h2_max_header_block_size=32 * 1024,
            limit_request_fields=64,
            limit_request_head_size=32 * 1024,
            max_request_body_size=REQUEST_BODY_BYTES,
            timeout_request_body_idle=REQUEST_IDLE_SECONDS,
            h2_timeout_response_stall=STALL_SECONDS,
            h2_timeout_write=WRITE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            limit_connections=_connection_limit(),
            limit_concurrency=limits.server_members + 10_000,
            request_policies=(
                *(_policy(path, 0, 0.0) for path in (CHAT, *reflection.PATHS)),
                *(
                    _policy(path, REQUEST_BODY_BYTES, REQUEST_IDLE_SECONDS)
                    for path in (SUBSCRIBE, *UNARY, *HEALTH)
                ),
            ),
        )

    async def _healthz(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        if self.health.serving:
            await respond(send, 200, b"ok\n", b"text/plain; charset=utf-8")
        else:
            await respond(send, 503, b"draining\n", b"text/plain; charset=utf-8")


def _journal(settings: Settings) -> Journal:
    if settings.data is None:
        return MemoryJournal()
    return SQLiteJournal(settings.data / JOURNAL_FILE, sync=settings.sync)


def _silence_banner() -> None:
    """Keep h2corn's own lines about listening off standard error; the command line has one.

    h2corn 2.0.0 has no setting for it. The version is pinned; without the name in a later
    one this does nothing.
    """
    if hasattr(h2corn._lib, "emit_banner"):
        h2corn._lib.emit_banner = lambda *_: None


def _policy(path: str, body_bytes: int, idle_seconds: float) -> h2corn.RequestPolicy:
    """What h2corn bounds for one method; 0: no bound, the stream has its own."""
    return h2corn.RequestPolicy(
        path=path,
        max_request_body_size=body_bytes,
        timeout_request_body_idle=idle_seconds,
        h2_timeout_response_stall=STALL_SECONDS,
    )


def _connection_limit() -> int:
    """Raise the limit of open files as far as it goes; 0 where there is none to know.

    Running out of descriptors at accept would end the HTTP/2 server.
    """
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 0 if soft == resource.RLIM_INFINITY else max(soft - SPARE_DESCRIPTORS, 64)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """A server for the length of a block: to embed one, and for tests."""
    service = Service(settings)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
