"""A connection that speaks HTTP/1.1, and HTTP/1.0, with an ASGI application behind it.

Why by httptools, and every choice below: docs/decisions/0014-http1.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import cast

from .asgi import Application, address_of, let_go
from .http1_exchange import ClientDisconnected, Exchange
from .http1_limits import Http1Limits
from .http1_requests import NOTHING_ENDLESS, BadRequest, Endless, RequestHead, RequestReader, Stage
from .http1_responses import refusal
from .http1_waits import Patience, Wait
from .log_names import LogName, here
from .not_http import tell
from .notices import Notices

log = logging.getLogger(__name__)

RESET_AT_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER for 0 seconds."""


class Ending(enum.Enum):
    """How far the end of a connection is; it only goes forward."""

    NOT = enum.auto()
    DRAINING = enum.auto()
    """The response in progress is the last."""
    REFUSED = enum.auto()
    """What comes is not read any more; a refusal waits for the responses before it."""
    LINGERING = enum.auto()
    """Everything is written; what the peer still sends is dropped, so that TCP does not reset
    the connection before the peer has read the response (RFC 9112, 9.6)."""
    CLOSED = enum.auto()
    """The transport is told to close when it has written everything."""


def http1_protocol(
    application: Application,
    *,
    limits: Http1Limits | None = None,
    tls: bool = False,
    endless: Endless = NOTHING_ENDLESS,
    on_closed: Callable[[Http1Connection], None] = lambda _: None,
) -> Callable[[], Http1Connection]:
    """What makes a protocol for each connection.

    `on_closed` is called once for every connection that was made, when it is gone.
    """
    the_limits = limits or Http1Limits()
    tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive
    notices = Notices(time.monotonic)

    def protocol() -> Http1Connection:
        return Http1Connection(
            application, the_limits, endless, on_closed, tasks, notices=notices, tls=tls
        )

    return protocol


class Http1Connection(asyncio.Protocol):
    """Reads requests, has the application answer them one by one, writes the responses.

    It has no clock: `check` is called some times a second with the time.
    """

    __slots__ = (
        "_application", "_ending", "_limits", "_loop", "_notices", "_on_closed", "_patience",
        "_paused", "_reader", "_reading", "_refusal", "_served", "_tasks", "_tls", "_unread",
        "_written", "exchanges", "half_closed", "since", "transport",
    )  # fmt: skip

    def __init__(
        self,
        application: Application,
        limits: Http1Limits,
        endless: Endless,
        on_closed: Callable[[Http1Connection], None],
        tasks: set[asyncio.Task[None]],
        *,
        notices: Notices,
        tls: bool,
    ) -> None:
        self._notices = notices
        self._application = application
        self._limits = limits
        self._on_closed = on_closed
        self._tasks = tasks
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self.since = self._loop.time()
        self._reader = RequestReader(self, limits, endless)
        self.transport: asyncio.Transport
        self.exchanges: list[Exchange] = []
        """The first is being answered; those behind it are pipelined."""
        self._unread = bytearray()
        """What came while nothing could be parsed; meanwhile the transport is not read."""
        self._reading = True
        self._paused: asyncio.Event | None = None
        """Set when the peer takes bytes again; None while it does."""
        self.half_closed = False
        self._ending = Ending.NOT
        self._refusal: BadRequest | None = None
        self._served = 0
        """Responses so far."""
        self._written = 0
        """Bytes handed to the transport."""
        self._patience = Patience()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=self._limits.write_bytes)

    def data_received(self, data: bytes) -> None:
        if self._ending in (Ending.NOT, Ending.DRAINING):
            self._unread += data
            self._parse()

    def eof_received(self) -> bool:
        """The peer has ended its side: what it asked for is still answered.

        A response that lasts is not: it would go on for somebody who, most often, is gone.
        """
        self.half_closed = True
        newest = self.exchanges[-1] if self.exchanges else None
        if newest is not None and (newest.head.lasts or not newest.received):
            newest.disconnect()
            self.exchanges.pop()
            if newest.begun:
                self.abort()
        if not self.exchanges:
            self._close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a peer that goes without a word is no failure of ours
        self._ending = Ending.CLOSED
        for exchange in self.exchanges:
            exchange.disconnect()
        self.resume_writing()
        self._unread.clear()
        self._reader.close()
        self._on_closed(self)

    def pause_writing(self) -> None:
        self._paused = asyncio.Event()

    def resume_writing(self) -> None:
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.set()

    # What the port calls

    def check(self, now: float) -> None:
        """End what has waited for too long; `now` never decreases, in seconds."""
        wait, progress = self._waiting()
        if self._patience.is_over(now, wait, progress, self._limits, request=self._served):
            self._give_up(wait)

    def drain(self) -> None:
        """Serve no further request; an idle connection ends at once."""
        if self._ending is Ending.NOT:
            self._ending = Ending.DRAINING
            if not self.exchanges and self._reader.stage is Stage.BETWEEN:
                self._close()

    def abort(self) -> None:
        """End at once with RST, whatever is unwritten.

        A FIN would have the peer take a part of a response for the whole, and the kernel keep
        what a stalled reader has not taken.
        """
        self._ending = Ending.CLOSED
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError, ValueError):  # uvloop: closed already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.transport.abort()

    # Time

    def _waiting(self) -> tuple[Wait, int]:
        """What is waited for, and a number that changes when it comes nearer."""
        pending = self.transport.get_write_buffer_size()
        if pending or self._ending is Ending.CLOSED:
            return Wait.PEER_READS, self._written - pending
        if self._ending is Ending.LINGERING:
            return Wait.PEER_LINGERS, 0
        if self.exchanges:
            current = self.exchanges[0]
            if current.awaits_body and not current.head.streaming:
                return Wait.BODY, self._reader.body_bytes
            return Wait.HALF_CLOSED if self.half_closed else Wait.APPLICATION, self._served
        if self._served and self._reader.stage is Stage.BETWEEN:
            return Wait.NEXT_REQUEST, self._served
        return Wait.HEAD, self._served

    def _give_up(self, wait: Wait) -> None:
        if wait in (Wait.PEER_READS, Wait.HALF_CLOSED):
            self.abort()
        elif wait is Wait.BODY:
            self._refuse(BadRequest(408, "the request's body stopped coming, or took too long"))
        elif wait is Wait.HEAD and self._reader.stage is Stage.HEAD:
            self._refuse(BadRequest(408, "the request's head did not come"))
        else:
            self._close()

    # Requests

    def _parse(self) -> None:
        """Take apart what may be, and read on if nothing is left of it."""
        piece_bytes = self._limits.piece_bytes
        try:
            while self._unread and self._may_parse():
                piece = bytes(self._unread[:piece_bytes])
                del self._unread[:piece_bytes]
                self._reader.feed(piece)
        except BadRequest as bad:
            tell(bad, self.transport.get_extra_info("peername"), self._notices)
            self._refuse(bad)
        if self._reader.stage is Stage.OVER:
            self._unread.clear()  # and read on, so that a peer that goes is noticed
        self._read(not self._unread)

    def _may_parse(self) -> bool:
        """Whether the next bytes belong to the one request that is in hand, or to none."""
        if self._ending not in (Ending.NOT, Ending.DRAINING):
            return False
        if not self.exchanges:
            return True
        current = self.exchanges[0]
        return not current.received and current.unread <= self._limits.unread_body_bytes

    def _read(self, reading: bool) -> None:  # the one argument is its name
        """Have the transport read, or not."""
        if reading is not self._reading and self._ending is not Ending.CLOSED:
            self._reading = reading
            if reading:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def request_begun(self, head: RequestHead) -> None:
        """The reader has come to the end of a head."""
        self.exchanges.append(Exchange(self, head, self._loop, self._limits.write_bytes))
        if len(self.exchanges) == 1:
            self._answer_next()

    def request_body(self, data: bytes) -> None:
        """The reader has bytes of the body of the newest request."""
        self.exchanges[-1].body_came(data)

    def request_ended(self) -> None:
        """The reader has come to the end of the newest request."""
        self.exchanges[-1].body_ended()

    def _refuse(self, bad: BadRequest) -> None:
        """Read nothing any more; say why after the responses that are due before."""
        self._unread.clear()
        self._ending = Ending.REFUSED
        self._refusal = bad
        newest = self.exchanges[-1] if self.exchanges else None
        if newest is not None and not newest.received:  # it is this one that is wrong
            newest.disconnect()
            if newest.begun:
                self.abort()
                return
            self.exchanges.pop()
        if not self.exchanges:
            self._send_refusal(bad)

    def _send_refusal(self, bad: BadRequest) -> None:
        self.write(refusal(bad.status, bad.reason))
        self._linger()

    # Responses

    def _answer_next(self) -> None:
        task = self._loop.create_task(self._answer(self.exchanges[0]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, exchange: Exchange) -> None:
        info = self.transport.get_extra_info
        server, client = address_of(info("sockname")), address_of(info("peername"))
        name = LogName(client)
        here.set(name)
        scheme = "https" if self._tls else "http"
        scope = exchange.scope(scheme, server, client, info("ssl_object"))
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except ClientDisconnected as error:
            let_go(error)
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception:
            log.exception(
                "%s: the application failed at %s", name, exchange.head.path, extra=name.known()
            )
        else:
            if not exchange.over:
                log.error(
                    "%s: the application did not answer at %s",
                    name, exchange.head.path, extra=name.known(),
                )  # fmt: skip
        if exchange.over:
            return
        if exchange.begun:
            self.abort()  # a peer must not take a part for the whole
            return
        exchange.disconnect()
        self.exchanges.clear()
        self._send_refusal(BadRequest(500, "the server failed"))

    @property
    def peername(self) -> object:
        """Whose connection it is."""
        return self.transport.get_extra_info("peername")

    def write(self, data: bytes | memoryview) -> None:
        """Hand bytes to the transport, for as long as it takes any."""
        if not self.transport.is_closing():
            self._written += len(data)
            self.transport.write(data)

    @property
    def ready(self) -> bool:
        """Whether the peer takes bytes now."""
        return self._paused is None

    async def writable(self) -> None:
        """Wait until the peer takes bytes, or is gone."""
        while self._paused is not None:
            await self._paused.wait()

    def body_taken(self) -> None:
        """The application has room for more of its request."""
        if self._unread:
            self._parse()

    def may_keep_alive(self) -> bool:
        """Whether the port still wants requests."""
        return self._ending is not Ending.DRAINING

    def response_ended(self) -> None:
        """Go on with the next request, if there may be one."""
        exchange = self.exchanges.pop(0)
        self._served += 1
        if not exchange.received:
            self._linger()
        elif not exchange.keep_alive or self._ending is Ending.DRAINING:
            self._close()
        elif self.exchanges:
            self._answer_next()
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
        elif self.half_closed:
            self._close()
        else:
            self._parse()

    # The end

    def _linger(self) -> None:
        if self.half_closed:
            self._close()
            return
        self._unread.clear()
        self._read(True)  # as above
        self._ending = Ending.LINGERING
        if self.transport.can_write_eof() and not self.transport.is_closing():
            with contextlib.suppress(OSError):  # asyncio's, of a peer that has gone
                self.transport.write_eof()

    def _close(self) -> None:
        if self._ending is not Ending.CLOSED:
            self._ending = Ending.CLOSED
            self.transport.close()
