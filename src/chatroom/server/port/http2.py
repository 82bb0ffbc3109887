"""An HTTP/2 connection on a transport: `wire.http2` between a socket and its calls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import cast

from chatroom.server.counters import Http2Counts
from chatroom.wire.http2.connection import STALLED, Connection
from chatroom.wire.http2.events import (
    ConnectionEnded,
    DataReceived,
    Event,
    HeadersTooLong,
    RequestReceived,
    StreamReset,
    TrailersReceived,
)
from chatroom.wire.http2.frames import ErrorCode
from chatroom.wire.http2.headers import Headers, encode_cached
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames
from chatroom.wire.http2.state import Phase
from chatroom.wire.http2.streams import Stream

from .answers import Answers
from .log_names import LogName
from .notices import Kind, Notices
from .turns import Turns

log = logging.getLogger(__name__)

LINGER_SECONDS = 1.0
"""After GOAWAY with an error we read on for so long, and throw away: closing at once would
let the kernel answer bytes that are on their way with a reset, and the reason be lost."""
TURN_BYTES = 64 << 10
"""So much is read before other connections have their turn."""
_READING_RESUMES = 4
"""A socket is read again when a fourth of `Http2Limits.read_hold` waits."""

_TOO_LONG = encode_cached(((b":status", b"431"), (b"content-length", b"0")))


Begin = Callable[["Http2Protocol", Stream, Headers, bool], object]
"""Begins the call of a request and sets `Stream.call`: (connection, stream, headers, whether
it has no body)."""


class Http2Protocol(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        limits: Http2Limits,
        begin: Begin,
        turns: Turns,
        shared: SharedFrames,
        on_closed: Callable[[Http2Protocol], object],
        *,
        notices: Notices,
        since: float,
        spread: float,
        max_age: float = 0.0,
        age_grace: float = 0.0,
        counts: Http2Counts | None = None,
    ) -> None:
        """`since`, when it was accepted, and `spread`: see `wire.http2.Connection`.

        `on_closed` hears of its end, once; `notices` of why we had to end it, which is also
        counted in `counts`.
        After `max_age` seconds (0: never) its calls are told that it is to close, and are
        ended `age_grace` seconds later.
        """
        self._counts = counts or Http2Counts()
        self._max_age = max_age
        self._age_grace = age_grace
        self._loop = asyncio.get_running_loop()
        self._begin = begin
        self._on_closed = on_closed
        self._notices = notices
        self._limits = limits
        self.http2 = Connection(
            limits,
            shared,
            partial(turns.add, self.flush),
            since,
            spread=spread,
        )
        self._output = self.http2.output
        self._plain = False
        """Nothing but writing is to be done: it is open, is read, and takes bytes."""
        self._reading = True
        self._taken = 0
        """Bytes received since it last let others have their turn."""
        self.answers = Answers(limits.answers)
        self._unsent = 0
        """What waited for the kernel at the last check, and since when it has not shrunk."""
        self._unsent_since = self._loop.time()
        self._ended_at: float | None = None
        self.since = since
        self._old_since: float | None = None
        self.lasting = 0
        """Calls at work that last as long as their clients want; who begins them counts them."""
        self.transport: asyncio.Transport

    # ---- asyncio ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's has no base of asyncio's
        high = self._limits.write_buffer
        self.transport.set_write_buffer_limits(high=high, low=high // 4)

    def data_received(self, data: bytes) -> None:
        self._taken += len(data)
        if self._taken >= TURN_BYTES:
            self._let_others()
        self._take(self.http2.receive_data(data, self._loop.time()))

    def _let_others(self) -> None:
        """Read on in the next turn: uvloop reads 8 MB of one socket before it looks at others."""
        self._taken = 0
        self.transport.pause_reading()
        self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._reading and not self.transport.is_closing():
            self.transport.resume_reading()

    def eof_received(self) -> bool:
        self._not_plain()
        self._end_calls()  # at once, though bytes may wait that the peer does not take
        return False  # for HTTP/2 the peer is gone then

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio's name
        self._not_plain()
        self._end_calls()
        self.http2.output.let_go()
        self._on_closed(self)

    def pause_writing(self) -> None:
        self._not_plain()
        self.http2.output.pause()

    def resume_writing(self) -> None:
        self.http2.output.resume()

    # ---- Events ----------------------------------------------------------------------

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if type(event) is DataReceived:  # almost all; a match costs three times as much
                call = event.stream.call
                if call is not None:
                    call.hear(event.data, end=event.end)
            else:
                self._take_rare(event)

    def _take_rare(self, event: Event) -> None:
        match event:
            case RequestReceived(stream, headers, end):
                self._begin(self, stream, headers, end)
            case TrailersReceived(stream):
                if stream.call is not None:
                    stream.call.hear(b"", end=True)
            case StreamReset(stream, code, by_peer=by_peer, reason=reason):
                self._counts.reset(by_peer=by_peer, stalled=reason == STALLED)
                if not by_peer and log.isEnabledFor(logging.DEBUG):
                    name = LogName(self.peername, stream.stream_id)
                    known = name.known(code=_name_of(code))
                    log.debug("%s was reset: %s", name, reason, extra=known)
                self._gone(stream)
            case HeadersTooLong(stream):
                stream.headers(_TOO_LONG, end=True)
                self.http2.release(stream)
            case ConnectionEnded(code, reason, by_peer=by_peer):
                if not by_peer:
                    self._tell(code, reason)
                self._not_plain()
                self._end_calls()
                self.http2.output.touch()

    def _gone(self, stream: Stream) -> None:
        call, stream.call = stream.call, None
        if call is not None:
            call.gone()

    def _end_calls(self) -> None:
        for stream in list(self.http2.streams.values()):
            stream.close(reset=True)
            self._gone(stream)

    @property
    def peername(self) -> object:
        """Whose connection it is."""
        return self.transport.get_extra_info("peername")

    def _tell(self, code: int, reason: str) -> None:
        """Whose fault ends the connection is told; who has only gone away is not."""
        name = self.peername
        if code == ErrorCode.ENHANCE_YOUR_CALM:
            self._counts.flood(reason)
            self._notices.tell(Kind.FLOOD, name, f"cut off: {reason}")
        elif code == ErrorCode.NO_ERROR:
            ended = LogName(name)
            known = ended.known(code=_name_of(code))
            log.debug("%s: the connection was ended: %s", ended, reason, extra=known)
        else:
            self._notices.tell(Kind.NOT_HTTP, name, f"does not keep to HTTP/2: {reason}")

    # ---- Out -------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what waits; called once a turn."""
        output = self._output
        if self._plain and not output.turns and not output.done:  # almost always
            data = output.take()
            if data:
                self.transport.write(data)
            if self._plain and not output.turns and not output.done:
                output.direct = self.transport.write if len(self.http2.streams) == 1 else None
                return
        self._flush_rest()

    def _not_plain(self) -> None:
        self._plain = False
        self._output.direct = None

    def _flush_rest(self) -> None:
        http2, transport = self.http2, self.transport
        self._output.direct = None
        if transport.is_closing():
            http2.data_to_send()
            return
        now = self._loop.time()
        while True:
            http2.advance(now)
            data = http2.data_to_send()
            if not data:
                break
            transport.write(data)
        if http2.phase is Phase.ENDED:
            self._finish(now)
        elif http2.left:
            transport.close()
        else:
            self._hold()
        self._plain = http2.phase is Phase.OPEN and self._reading and not self._output.paused

    def _hold(self) -> None:
        """Read no more while answers wait that the peer does not take."""
        waiting = self.http2.output.bytes
        hold = self._limits.read_hold
        if self._reading and waiting >= hold:
            self._reading = False
            self.transport.pause_reading()
            self.http2.timing.hold(self._loop.time())
        elif not self._reading and waiting <= hold // _READING_RESUMES:
            self._reading = True
            self.http2.timing.go_on(self._loop.time())
            self.transport.resume_reading()

    def _finish(self, now: float) -> None:
        if self._ended_at is None:
            self._ended_at = now
            if not self._reading:
                self._reading = True
                self.transport.resume_reading()
            if self.transport.can_write_eof():
                with contextlib.suppress(OSError):  # asyncio's, of a peer that has gone
                    self.transport.write_eof()
            else:
                self.transport.close()

    # ---- The port's clock ------------------------------------------------------------

    def check(self, now: float) -> None:
        """Do what is due; the port calls it twice a second."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._unsent_since = now
        elif now - self._unsent_since >= self._limits.write_seconds:
            self._counts.stalled_connections += 1
            self.abort()
            return
        self._unsent = unsent
        if self._ended_at is not None and now - self._ended_at >= LINGER_SECONDS:
            self.transport.close()
            return
        self._take(self.http2.check(now, unsent=unsent > 0))
        if self._max_age:
            self._check_age(now)
        for stream in tuple(self.http2.streams.values()):
            if stream.call is not None:
                stream.call.check(now)

    def _check_age(self, now: float) -> None:
        if self._old_since is None:
            if now - self.since >= self._max_age:
                self._old_since = now
                for stream in tuple(self.http2.streams.values()):
                    if stream.call is not None:
                        stream.call.leaving()
                self.drain()
        elif now - self._old_since >= self._age_grace:
            for stream in tuple(self.http2.streams.values()):
                if stream.call is not None:
                    stream.call.leave()

    def drain(self) -> None:
        """Say GOAWAY; the connection closes when its last call has ended."""
        self._not_plain()
        self.http2.leave(self._loop.time())
        self.http2.output.touch()

    def abort(self) -> None:
        """End at once."""
        self._not_plain()
        self.transport.abort()

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream whose call cannot say anything better."""
        stream.call = None
        self.http2.reset(stream, code)
        self.release(stream)

    def release(self, stream: Stream) -> None:
        """The call of a stream is no longer at work."""
        stream.call = None
        self.http2.release(stream)
        if self.http2.left:
            self.http2.output.touch()


def _name_of(code: int) -> str:
    """The name of an error of HTTP/2 (RFC 9113, 7); what is none, as a number."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"{code:#x}"
