"""A call with a stream: envelopes in, runs of envelopes out, a status at the end.

It stands between an exchange, whatever protocol that speaks, and a member's stream.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from google.protobuf.message import Message as ProtobufMessage

from chatroom.core.refusals import Draining, Refusal
from chatroom.server.port.exchange import Exchange
from chatroom.wire.envelopes import EnvelopeError, EnvelopeReader
from chatroom.wire.grpc import Code
from chatroom.wire.http2.headers import Headers

from .protocols import JsonRuns, RpcProtocol
from .statuses import OK, Status, refusal_of

log = logging.getLogger(__name__)

FAILED = Status(Code.INTERNAL, "the server failed; its log has the reason")
"""For what nobody expected; the traceback is in the log, and not on the wire."""


class Listener(Protocol):
    """What is behind the call, and is pushed what comes."""

    def hear(self, message: Any) -> bool:
        """Take a message; False: not now, `StreamCall.go_on` will be called. Raises Refusal."""

    def half_closed(self) -> None:
        """No more messages come. Raises Refusal."""

    def writable(self) -> None:
        """There is room to send."""

    def gone(self) -> bool:
        """Nobody is left. False: its work goes on for a while; `StreamCall.release` follows."""

    def check(self, now: float) -> None:
        """A tick of the clock."""

    def leaving(self) -> None:
        """The connection is to close."""


class StreamCall:
    """One call, until its status. It is a `wire.http2.streams.Call`.

    It exists to keep one fact: bytes whose messages were not taken are not acknowledged, so
    that who is not read is slowed down by flow control, and nothing is ever dropped.
    """

    __slots__ = (
        "_backlog", "_begun", "_deadline", "_exchange", "_failure", "_half_closed", "_head",
        "_json", "_listener", "_on_end", "_over", "_owed", "_parse", "_protocol", "_reader",
        "offer",
    )  # fmt: skip

    def __init__(
        self,
        exchange: Exchange,
        protocol: RpcProtocol,
        headers: Headers,
        message_type: type[ProtobufMessage],
        *,
        limit: int,
        json: JsonRuns,
        extra: Headers,
        now: float,
        on_end: Callable[[], None],
    ) -> None:
        """`limit` is of one message, in bytes; `extra` goes into the response's head.

        `on_end` is called once. Raises Refusal for a head that cannot be served.
        """
        self._exchange = exchange
        self._protocol = protocol
        self._head: Headers = [*protocol.head(), *extra]
        self._parse = protocol.parser(message_type)
        self._json = json
        self._on_end = on_end
        self._listener: Listener
        self._backlog: deque[bytes] = deque()
        """Messages that came and were not taken; never more than a window of them."""
        self._owed = 0
        """Bytes that are not acknowledged yet."""
        self._failure: Refusal | None = None
        """What is wrong behind the backlog."""
        self._half_closed = False
        self._begun = False
        self._over = False
        self.offer: Callable[[bytes], bool] = self._offer_json if protocol.json else exchange.offer
        """Sends a run of envelopes, shared by many, if it can go now; else False."""
        try:
            self._reader = EnvelopeReader(protocol.encoding(headers), limit)
        except EnvelopeError as error:
            raise refusal_of(error) from None
        seconds = protocol.timeout(headers)
        self._deadline = None if seconds is None else now + seconds

    def serve(self, listener: Listener) -> None:
        """Push what comes into a listener from here on."""
        self._listener = listener

    # ---- Upwards -------------------------------------------------------------------

    def hear(self, data: bytes, *, end: bool) -> None:
        if self._over:
            return
        self._owed += len(data)
        try:
            for payload in self._reader.feed(data):
                if self._backlog or not self._take(payload):
                    self._backlog.append(payload)
                if self._is_over():
                    return
            if end:
                self._half_closed = True
                self._reader.end()
        except EnvelopeError as error:
            self._failure = refusal_of(error)
        if not self._backlog:
            self._taken()

    def go_on(self) -> None:
        """Take what waits: whoever could not take it can now."""
        backlog = self._backlog
        while backlog and not self._over:
            if not self._take(backlog[0]):
                return
            if backlog:
                backlog.popleft()
        if not self._over:
            self._taken()

    def _take(self, payload: bytes) -> bool:
        try:
            return self._listener.hear(self._parse(payload))
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception:
            log.exception("a call failed")
            self.finish(FAILED)
        return True

    def _taken(self) -> None:
        """Everything that came was taken."""
        if self._failure is not None:
            self.refuse(self._failure)
            return
        if self._half_closed:
            try:
                self._listener.half_closed()
            except Refusal as refusal:
                self.refuse(refusal)
            return
        owed, self._owed = self._owed, 0
        self._exchange.acknowledge(owed)

    @property
    def waits(self) -> bool:
        """Whether something came that was not taken."""
        return bool(self._backlog)

    # ---- Downwards -----------------------------------------------------------------

    def begin(self) -> None:
        """Send the response's head, if that was not done."""
        if not self._begun and not self._over:
            self._begun = True
            self._exchange.begin(self._head)

    @property
    def room(self) -> int:
        """How many bytes would go now."""
        return self._exchange.room

    @property
    def idle(self) -> bool:
        """Whether everything is gone that was sent."""
        return self._exchange.idle

    def send(self, run: bytes) -> None:
        """Send a run of envelopes, as the peer takes it; `Listener.writable` follows."""
        self._exchange.send(self._json.of(run) if self._protocol.json else run)

    def wait(self, size: int = 1) -> None:
        """Have `Listener.writable` called when `size` bytes may go."""
        self._exchange.wait(size)

    def _offer_json(self, run: bytes) -> bool:
        if self._exchange.room <= 0:
            return False
        data = self._json.of(run)
        if not self._exchange.offer(data):
            self._exchange.send(data)
        return True

    def writable(self) -> None:
        if not self._over:
            self._listener.writable()

    # ---- The end -------------------------------------------------------------------

    def check(self, now: float) -> None:
        if self._over:
            return
        if self._deadline is not None and now >= self._deadline:
            self.finish(Status(Code.DEADLINE_EXCEEDED, "the deadline of the call has passed"))
            return
        try:
            self._listener.check(now)
        except Refusal as refusal:
            self.refuse(refusal)

    def leaving(self) -> None:
        if not self._over:
            self._listener.leaving()

    def leave(self) -> None:
        self.refuse(Draining())

    def finish(self, status: Status = OK) -> None:
        """Send the status behind everything that was sent; the call is over."""
        if self._over:
            return
        self._over = True
        self._backlog.clear()
        self._protocol.end(self._exchange, status, None if self._begun else self._head)
        self._leave()

    def refuse(self, refusal: Refusal) -> None:
        """Finish with the status of a refusal."""
        self.finish(Status.of(refusal))

    def gone(self) -> None:
        if not self._over:
            self._over = True
            self._backlog.clear()
            self._leave()

    def _is_over(self) -> bool:
        return self._over

    def _leave(self) -> None:
        if self._listener.gone():
            self.release()

    def release(self) -> None:
        """What the call worked on has ended."""
        self._exchange.release()
        self._on_end()
