"""gRPC-Web's text form: base64 around what gRPC-Web says, in both directions.

Clients of protoc-gen-grpc-web have no other way to read a stream: a browser's XMLHttpRequest
shows what has come so far only as text. Source: grpc/grpc, doc/PROTOCOL-WEB.md.
"""

from __future__ import annotations

from collections.abc import Callable

from connectrpc.code import Code
from connectrpc.errors import ConnectError

from chatroom.server.port.asgi import Application, Event, Receive, Scope, Send
from chatroom.server.port.exchange import Exchange
from chatroom.server.port.log_names import LogName
from chatroom.server.rooms.sessions import Place
from chatroom.wire.grpc import media_type
from chatroom.wire.http2.headers import Headers
from chatroom.wire.http2.streams import Call
from chatroom.wire.text_form import GROUP, TextInvalid, TextReader, as_text

from .protocols import TEXT_TYPES, Rewritten
from .statuses import EnvelopeInvalid
from .stream_call import StreamCall

_OCTETS = 3
"""What a group of characters stands for."""
_BINARY_TYPES = (b"application/grpc-web", b"application/grpc-web+proto")


# ---- Calls that are pushed -----------------------------------------------------------------


class TextExchange:
    """An `Exchange` around another one, whose bytes are text."""

    __slots__ = ("_inner", "_runs", "offer")

    def __init__(self, inner: Exchange, runs: Rewritten) -> None:
        self._inner = inner
        self._runs = runs
        self.offer: Callable[[bytes], bool] = self._offer

    def carry(self, call: Call) -> None:
        """Push what is read into a call, which is a `StreamCall`."""
        assert isinstance(call, StreamCall)
        self._inner.carry(_TextCall(call, self._inner))

    def _offer(self, data: bytes) -> bool:
        return self._inner.room > 0 and self._inner.offer(self._runs.of(data))

    @property
    def room(self) -> int:
        return (self._inner.room * _OCTETS + GROUP - 1) // GROUP

    @property
    def log_name(self) -> LogName:
        return self._inner.log_name

    @property
    def idle(self) -> bool:
        return self._inner.idle

    def begin(self, headers: Headers) -> None:
        self._inner.begin(headers)

    def send(self, data: bytes) -> None:
        self._inner.send(self._runs.of(data))

    def wait(self, size: int) -> None:
        self._inner.wait(size * GROUP // _OCTETS)

    def end(self, trailers: Headers | None, last: bytes = b"") -> None:
        self._inner.end(trailers, as_text(last))

    def whole(self, headers: Headers) -> None:
        self._inner.whole(headers)

    def acknowledge(self, size: int) -> None:
        self._inner.acknowledge(size)

    def abort(self) -> None:
        self._inner.abort()

    def release(self) -> None:
        self._inner.release()


class _TextCall:
    """A call whose request comes as text."""

    __slots__ = ("_call", "_exchange", "_owed", "_reader")

    def __init__(self, call: StreamCall, exchange: Exchange) -> None:
        self._call = call
        self._exchange = exchange
        self._reader = TextReader()
        self._owed = 0
        """Characters beyond the bytes that the call acknowledges; below 0 ahead of them."""

    @property
    def membership(self) -> Place | None:
        return self._call.membership

    def hear(self, data: bytes, *, end: bool) -> None:
        try:
            octets = self._reader.feed(data)
            if end:
                self._reader.end()
        except TextInvalid as error:
            self._call.refuse(EnvelopeInvalid(str(error)))
            return
        self._owed += len(data) - len(octets)
        if self._owed > 0:
            self._exchange.acknowledge(self._owed)
            self._owed = 0
        self._call.hear(octets, end=end)

    def writable(self) -> None:
        self._call.writable()

    def gone(self) -> None:
        self._call.gone()

    def check(self, now: float) -> None:
        self._call.check(now)

    def leaving(self) -> None:
        self._call.leaving()

    def leave(self) -> None:
        self._call.leave()


# ---- Calls that connectrpc serves ----------------------------------------------------------


def with_text(application: Application) -> Application:
    """An application that speaks gRPC-Web, and so its text form too."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        media = next((media_type(v) for name, v in headers if name == b"content-type"), b"")
        if media not in TEXT_TYPES:
            await application(scope, receive, send)
            return
        scope["headers"] = [
            (name, _BINARY_TYPES[-1] if name == b"content-type" else value)
            for name, value in headers
            if name != b"content-length"
        ]
        await application(scope, _reading(receive), _writing(send))

    return serve


def _reading(receive: Receive) -> Receive:
    reader = TextReader()

    async def reading() -> Event:
        event = await receive()
        if event["type"] != "http.request":
            return event
        try:
            octets = reader.feed(event.get("body", b""))
            if not event.get("more_body", False):
                reader.end()
        except TextInvalid as error:
            raise ConnectError(Code.INVALID_ARGUMENT, str(error)) from None
        return {**event, "body": octets}

    return reading


def _writing(send: Send) -> Send:
    """What sends a response as text, if it is one of gRPC-Web, and no plain one of HTTP."""
    as_web = False

    async def writing(event: Event) -> None:
        nonlocal as_web
        kind = event["type"]
        if kind == "http.response.start":
            headers: Headers = list(event.get("headers", ()))
            names = [name.lower() for name, _ in headers]
            at = names.index(b"content-type") if b"content-type" in names else None
            as_web = at is not None and media_type(headers[at][1]) in _BINARY_TYPES
            if at is not None and as_web:
                headers[at] = (b"content-type", TEXT_TYPES[-1])
            event = {**event, "headers": headers}
        elif kind == "http.response.body" and as_web:
            event = {**event, "body": as_text(event.get("body", b""))}
        await send(event)

    return writing
