"""TLS between a TCP transport and the protocols of the port, over two memory BIOs.

Why not the event loop's own: docs/decisions/0015-tls.md.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import ssl
import time
from collections.abc import Callable
from typing import cast

from chatroom.server.settings import reason_of

from .certificates import resumed_too_late
from .handshakes import Handshakes
from .log_names import LogName
from .not_tls import KNOWN_BY, without_tls
from .notices import Kind, Notices
from .tls_limits import TlsLimits
from .tls_transport import RECORD_BYTES, Stage, TlsTransport

log = logging.getLogger(__name__)

OnSecured = Callable[[TlsTransport, str | None], asyncio.Protocol]
"""Called once the handshake is over, with what ALPN chose. Gives the protocol above, whose
`connection_made` is called next."""

FEED_BYTES = RECORD_BYTES
"""What is given to OpenSSL at a time: a BIO keeps the size that it once had."""
CONTENT_WORTH = 32
"""A record with one byte of content takes 22 to 30 bytes, by version and cipher. So each
record that has any pays for itself, and padded ones (RFC 8446, 5.4) up to this factor."""


class End(enum.Enum):
    """Of the peer's side."""

    NOT = enum.auto()
    COME = enum.auto()
    TOLD = enum.auto()
    """The protocol above knows it."""


class TlsProtocol(asyncio.Protocol):
    """The server's side of one TLS connection: stands on TCP, carries a protocol.

    `check` is called some times a second with the time. The end of the
    peer's side, by close_notify or without it, is `eof_received` above; where that returns
    True, writing goes on.
    """

    __slots__ = (
        "_barren",
        "_beginning",
        "_clock",
        "_end",
        "_error",
        "_handshakes",
        "_in_line",
        "_incoming",
        "_limits",
        "_network",
        "_notices",
        "_on_closed",
        "_on_secured",
        "_raw",
        "_raw_reading",
        "_stalled",
        "_transport",
        "_unread",
        "_waited_since",
        "begun_at",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        on_secured: OnSecured,
        on_closed: Callable[[TlsProtocol], None],
        limits: TlsLimits | None = None,
        *,
        notices: Notices,
        handshakes: Handshakes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`on_closed` is called once for every connection that was made, when it is gone.

        `notices` hears of handshakes that fail, and of who breaks the rules of TLS after one.
        Its own is one of the `handshakes`; None: of no others. `clock` is in seconds since 1970.
        """
        self.begun_at: float | None = None
        """The time of the first `check`: the preface's time begins here too."""
        self._on_secured = on_secured
        self._on_closed = on_closed
        self._limits = limits or TlsLimits()
        self._notices = notices
        self._handshakes = handshakes or Handshakes(notices=notices)
        self._clock = clock
        self._network = ""
        self._in_line = False
        """Something came for the handshake, and it is not its turn; it is not read meanwhile."""
        self._incoming = ssl.MemoryBIO()
        self._transport = TlsTransport(context, self._incoming)
        self._raw: asyncio.Transport
        self._raw_reading = True
        self._unread = memoryview(b"")
        """What came and is not yet given to OpenSSL; empty unless reading is paused."""
        self._stalled = False
        """TLS had to answer a peer that takes nothing; it is not read until it does."""
        self._end = End.NOT
        self._beginning = b""
        self._barren = 0
        """Bytes that came, less what their content was worth."""
        self._error: OSError | None = None
        self._waited_since: float | None = None

    # asyncio.Protocol: for the transport below

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast("asyncio.Transport", transport)
        self._transport.begin(self._raw, self._reading_changed)
        self._network = self._handshakes.begin(self, self._raw.get_extra_info("peername"))

    def data_received(self, data: bytes) -> None:
        stage = self._transport.stage
        if stage in (Stage.HANDSHAKE, Stage.OPEN) and self._end is End.NOT:
            self._unread = memoryview(bytes(self._unread) + data if self._unread else data)
            if stage is Stage.OPEN:
                self._advance()
            elif not (self._in_line or self._handshakes.take_turn(self._network, self._go_on)):
                self._in_line = True
                self._raw.pause_reading()

    def eof_received(self) -> bool:
        stage = self._transport.stage
        if stage is Stage.HANDSHAKE:
            self._say("went away before the TLS handshake was over")
        if stage in (Stage.HANDSHAKE, Stage.REFUSED):
            return False
        if self._end is End.NOT:
            self._end = End.COME
            self._advance()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._handshakes.failed += self._transport.stage is Stage.HANDSHAKE
        self._handshakes.end(self, self._network)
        inner = self._transport.lost()
        self._unread = memoryview(b"")
        if inner is not None:
            inner.connection_lost(exc or self._error)
        self._on_closed(self)

    def pause_writing(self) -> None:
        self._transport.paused_below()

    def resume_writing(self) -> None:
        self._transport.resumed_below()
        if self._stalled:
            self._stalled = False
            self._reading_changed()

    # What the port calls

    def check(self, now: float) -> None:
        """End what has taken too long; `now` never decreases, in seconds."""
        if self.begun_at is None:
            self.begun_at = now
        stage = self._transport.stage
        if stage is Stage.HANDSHAKE:
            if now - self.begun_at >= self._limits.handshake_seconds:
                self._handshakes.late += 1
                self._say("the TLS handshake took too long")
                self._transport.abort()
        elif stage is not Stage.OPEN:
            if self._waited_since is None:
                self._waited_since = now
            elif now - self._waited_since >= self._limits.closing_seconds:
                self._transport.abort()

    def drain(self) -> None:
        """End a handshake that is under way; what stands above is drained by itself."""
        if self._transport.stage is Stage.HANDSHAKE:
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is unwritten."""
        self._transport.abort()

    # The handshake

    def _go_on(self) -> None:
        """It is its turn."""
        if self._in_line:
            self._in_line = False
            if not self._raw.is_closing():
                self._raw.resume_reading()
        self._advance()

    def _shake_hands(self) -> None:
        transport = self._transport
        try:
            transport.tls.do_handshake()
        except ssl.SSLWantReadError:
            transport.hand_down()
            if self._barren > self._limits.handshake_bytes:
                self._refuse("sent more than a TLS handshake takes")
        except ssl.SSLError as error:
            stranger = without_tls(self._beginning)
            if stranger is None:
                self._refuse(f"the TLS handshake failed: {reason_of(error)}")
            else:
                self._refuse(f"spoke {stranger.spoke} to a port with TLS", stranger.answer)
        else:
            if resumed_too_late(transport.tls, self._clock()):
                self._refuse("resumed a session under a certificate that has expired")
                return
            transport.hand_down()
            self._barren = 0
            self._handshakes.end(self, self._network)
            transport.open(self._on_secured(transport, transport.tls.selected_alpn_protocol()))

    def _refuse(self, why: str, answer: bytes = b"") -> None:
        self._handshakes.failed += 1
        self._tell(why)
        self._transport.stage = Stage.REFUSED
        self._transport.hand_down()
        self._raw.write(answer)
        self._raw.write_eof()

    # Reading

    def _advance(self) -> None:
        """Give OpenSSL what came, and the protocol above what was in it."""
        transport = self._transport
        content: list[bytes] = []
        held = 0
        while transport.reading and not self._stalled:
            if not self._incoming.pending and not self._feed():
                break
            if transport.stage is Stage.HANDSHAKE:
                self._shake_hands()
                continue
            if transport.stage is not Stage.OPEN:
                break
            piece = self._read()
            content.append(piece)
            held += len(piece)
            if held > self._limits.read_bytes - RECORD_BYTES:
                self._hand_up(content)
                content, held = [], 0
        self._hand_up(content)
        self._tell_end()
        self._adjust_reading()

    def _feed(self) -> bool:
        """Give OpenSSL the next of what came; False if there is none."""
        piece, self._unread = self._unread[:FEED_BYTES], self._unread[FEED_BYTES:]
        if len(self._beginning) < KNOWN_BY:
            self._beginning += bytes(piece[: KNOWN_BY - len(self._beginning)])
        self._barren += self._incoming.write(piece)
        return bool(piece)

    def _read(self) -> bytes:
        """The content of the next record; nothing, if there is none."""
        transport = self._transport
        piece = b""
        try:
            piece = transport.tls.read(RECORD_BYTES)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self._barren = max(0, self._barren - CONTENT_WORTH * len(piece))
            if not piece:  # close_notify; nothing behind it counts
                self._unread = memoryview(b"")
                self._incoming.read()
                self._end = End.COME
        if transport.hand_down():
            self._stalled = True
        if self._barren > self._limits.barren_bytes and transport.stage is Stage.OPEN:
            self._fail(ConnectionAbortedError("too many records without content"))
        return piece

    def _hand_up(self, content: list[bytes]) -> None:
        data = content[0] if len(content) == 1 else b"".join(content)
        if data and self._transport.stage is Stage.OPEN:
            self._protocol().data_received(data)

    def _tell_end(self) -> None:
        """Once all that came before the peer's end has been handed up."""
        transport = self._transport
        if (
            self._end is End.COME
            and transport.stage is Stage.OPEN
            and transport.reading
            and not self._is_behind()
        ):
            self._end = End.TOLD
            if not self._protocol().eof_received():
                transport.close()

    def _protocol(self) -> asyncio.Protocol:
        return cast("asyncio.Protocol", self._transport.get_protocol())

    def _is_behind(self) -> bool:
        return bool(self._unread or self._incoming.pending)

    def _reading_changed(self) -> None:
        if self._transport.reading and (self._is_behind() or self._end is End.COME):
            # Soon, as the protocol above expects no data while it calls.
            asyncio.get_running_loop().call_soon(self._advance)
        self._adjust_reading()

    def _adjust_reading(self) -> None:
        """Have the transport below read, or not, as is true now."""
        reading = self._transport.reading and not self._stalled and not self._is_behind()
        if (
            reading is not self._raw_reading
            and self._end is End.NOT
            and self._transport.stage is Stage.OPEN
            and not self._raw.is_closing()
        ):
            self._raw_reading = reading
            if reading:
                self._raw.resume_reading()
            else:
                self._raw.pause_reading()

    # The end

    def _fail(self, error: OSError) -> None:
        self._tell(f"TLS ended the connection: {reason_of(error)}")
        self._error = error
        self._transport.end()

    def _tell(self, what: str) -> None:
        """To an operator: a client does not trust the certificate, or is none."""
        self._notices.tell(Kind.TLS, self.peername, what)

    def _say(self, what: str) -> None:
        """For debugging: so do checks of health that only connect, all day."""
        if log.isEnabledFor(logging.DEBUG):
            name = LogName(self.peername)
            log.debug("%s: %s", name, what, extra=name.known())

    @property
    def peername(self) -> object:
        """Whose connection it is."""
        return self._raw.get_extra_info("peername")
