"""A call with a stream: envelopes in, runs of envelopes out, a status at the end.

It stands between an exchange, whatever protocol that speaks, and a member's stream.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from google.protobuf.message import Message as ProtobufMessage

from chatroom.core.refusals import Draining, Refusal
from chatroom.server.counters import Streamed
from chatroom.server.port.exchange import Exchange
from chatroom.server.port.log_names import LogName
from chatroom.server.rooms.sessions import Place
from chatroom.wire.envelopes import EnvelopeError, EnvelopeReader
from chatroom.wire.grpc import Code
from chatroom.wire.http2.headers import Headers

from .protocols import Rewritten, RpcProtocol
from .refused import log_refused
from .said import LONGEST
from .statuses import LATE, OK, Status, refusal_of

log = logging.getLogger(__name__)

FAILED = Status(Code.INTERNAL, "the server failed; its log has the reason")
"""For what nobody expected; the traceback is in the log, and not on the wire."""
_NOTHING: Iterator[bytes] = iter(())


def _uncounted(_what: Refusal | int) -> None:
    pass


def _nowhere(_run: bytes) -> bool:
    """Offer a run when nobody is left."""
    return False


class Listener(Protocol):
    """What is behind the call, and is pushed what comes."""

    def hear(self, message: Any) -> bool:
        """Take a message; False: not now, `StreamCall.go_on` will be called. Raises Refusal."""

    def hear_run(self, run: bytes) -> int:
        """Take short messages in their envelopes, from the first on, if that can be done at once.

        The bytes of those that were taken; what is left comes by `hear`. Raises Refusal.
        """

    @property
    def membership(self) -> Place | None:
        """Its place in a room; None: it has none."""

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
        "_begun", "_deadline", "_exchange", "_half_closed", "_head", "_json", "_listener",
        "_messages", "_on_end", "_on_handled", "_on_refused", "_over", "_owed", "_parse",
        "_protocol", "_reader", "_runs", "_uncut", "_waiting", "ended", "offer", "streamed",
    )  # fmt: skip

    def __init__(
        self,
        exchange: Exchange,
        protocol: RpcProtocol,
        headers: Headers,
        message_type: type[ProtobufMessage],
        *,
        limit: int,
        json: Rewritten,
        extra: Headers,
        now: float,
        on_end: Callable[[], None],
        on_refused: Callable[[Refusal], None] = _uncounted,
        on_handled: Callable[[int], None] = _uncounted,
        streamed: Streamed | None = None,
    ) -> None:
        """`limit` is of one message, in bytes; `extra` goes into the response's head.

        `on_end` is called once, when its work has ended; `on_handled` once, with its status code;
        `on_refused` if it ends with a refusal. `streamed` counts messages. Raises Refusal for a
        head that cannot be served.
        """
        self._exchange = exchange
        self._protocol = protocol
        self._head: Headers = [*protocol.head(), *extra]
        self._parse = protocol.parser(message_type)
        self._json = json
        self._on_end = on_end
        self._on_refused = on_refused
        self._on_handled = on_handled
        self.streamed = streamed or Streamed()
        self.ended = ""
        """How it has: the reason of a refusal, the name of a status, or GONE."""
        self._runs = not protocol.json and limit >= LONGEST
        """Whether the listener may take messages as they came."""
        self._listener: Listener
        self._waiting: bytes | None = None
        """The message that came and was not taken. What is behind it is not even cut, so that
        no more than one message is held decompressed."""
        self._messages: Iterator[bytes] = _NOTHING
        """What is left of the piece that is being cut."""
        self._uncut = bytearray()
        """What came behind that; never more than a window."""
        self._owed = 0
        """Bytes that are not acknowledged yet."""
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

    def late(self, now: float) -> bool:
        """Whether its deadline has passed."""
        return self._deadline is not None and now >= self._deadline

    def serve(self, listener: Listener) -> None:
        """Push what comes into a listener from here on."""
        self._listener = listener

    # ---- Upwards -------------------------------------------------------------------

    def hear(self, data: bytes, *, end: bool) -> None:
        if self._over:
            return
        self._owed += len(data)
        self._half_closed = end
        if self._waiting is not None:
            self._uncut += data
            return
        if self._runs and self._reader.between:
            taken = self._take_run(data)
            if taken == len(data) and taken:
                self._taken()
                return
            if self._is_over():
                return
            data = data[taken:]
        self._cut(self._reader.feed(data))

    def go_on(self) -> None:
        """Take what waits: whoever could not take it can now."""
        if self._over:
            return
        waiting = self._waiting
        if waiting is not None:
            if not self._take(waiting):
                return
            self._waiting = None
        self._cut(self._messages)

    def _cut(self, messages: Iterator[bytes]) -> None:
        """Take messages, and what came behind them, as far as the listener takes them."""
        try:
            while True:
                self._messages = messages
                for message in messages:
                    if not self._take(message):
                        self._waiting = message
                        return
                    if self._is_over():
                        return
                if not self._uncut:
                    break
                messages = self._reader.feed(bytes(self._uncut))
                self._uncut.clear()
            if self._half_closed:
                self._reader.end()
        except EnvelopeError as error:
            self.refuse(refusal_of(error))
        else:
            self._taken()

    def _take_run(self, run: bytes) -> int:
        """Have the listener take messages at once; the bytes of those that it took."""
        try:
            return self._listener.hear_run(run)
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception:
            log.exception("%s: a call failed", self.log_name, extra=self.log_name.known())
            self.finish(FAILED)
        return 0

    def _take(self, payload: bytes) -> bool:
        try:
            taken = self._listener.hear(self._parse(payload))
            self.streamed.heard += taken
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception:
            log.exception("%s: a call failed", self.log_name, extra=self.log_name.known())
            self.finish(FAILED)
        else:
            return taken
        return True

    def _taken(self) -> None:
        """Everything that came was taken."""
        if self._over:
            return
        owed, self._owed = self._owed, 0
        self._exchange.acknowledge(owed)
        if self._half_closed:
            self._half_closed = False  # it is told once
            try:
                self._listener.half_closed()
            except Refusal as refusal:
                self.refuse(refusal)

    @property
    def log_name(self) -> LogName:
        """What the log calls it."""
        return self._exchange.log_name

    @property
    def membership(self) -> Place | None:
        """Whose stream it is, once that is in a room and as long as the call goes on."""
        return None if self._over else self._listener.membership

    @property
    def waits(self) -> bool:
        """Whether something came that was not taken."""
        return self._waiting is not None

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
        if self.late(now):
            self.finish(LATE)
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

    def finish(self, status: Status = OK, ended: str = "") -> None:
        """Send the status behind everything that was sent; the call is over.

        `ended` says how, if the name of the status does not.
        """
        if self._over:
            return
        self._close(ended or status.name, status.code)
        self._protocol.end(self._exchange, status, None if self._begun else self._head)
        self._leave()

    def refuse(self, refusal: Refusal) -> None:
        """Finish with the status of a refusal."""
        if not self._over:
            self._on_refused(refusal)
            log_refused(self.log_name, refusal)
        self.finish(Status.of(refusal), refusal.reason)

    def gone(self) -> None:
        if not self._over:
            self._close("GONE", Code.CANCELLED)
            self._leave()

    def _close(self, ended: str, code: int) -> None:
        self._over = True
        self.ended = ended
        self._on_handled(code)
        self._waiting = None
        self._messages = _NOTHING
        self._uncut.clear()

    def _is_over(self) -> bool:
        return self._over

    def _leave(self) -> None:
        if self._listener.gone():
            self.release()

    def release(self) -> None:
        """What the call worked on has ended.

        It holds nothing then that holds it, so that nothing is left to the garbage collector.
        """
        self._exchange.release()
        self._on_end()
        self.offer = _nowhere
        del self._listener
