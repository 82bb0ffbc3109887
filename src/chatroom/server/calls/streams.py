"""`Chat` and `Subscribe`, over every protocol: where their calls begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from google.protobuf.message import Message as ProtobufMessage

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.refusals import Refusal, StreamsExhausted
from chatroom.server.access.access import OPEN, Access, Visit
from chatroom.server.port.asgi import (
    CERTIFICATE,
    Receive,
    Scope,
    Send,
    address_of,
    client_address,
    client_certificate,
    respond,
)
from chatroom.server.port.clients import Clients
from chatroom.server.port.exchange import Exchange, StreamExchange
from chatroom.server.port.exchange_asgi import AsgiExchange
from chatroom.server.port.front import exposed_to
from chatroom.server.port.gate import Foreign, Gate, HeaderInvalid
from chatroom.server.port.http2 import Begin, Http2Protocol
from chatroom.server.port.in_flight import InFlight
from chatroom.server.port.rota import Rota, Turn, next_turn
from chatroom.server.rooms.hub import Hub
from chatroom.server.traces import Traces
from chatroom.wire.grpc import CHAT, SUBSCRIBE, media_type
from chatroom.wire.http2.headers import Headers
from chatroom.wire.http2.streams import Stream
from chatroom.wire.text_form import as_text

from .protocols import PROTOCOLS, Rewritten, RpcProtocol, as_json, first
from .statuses import LATE, Status
from .stream import MemberStream
from .stream_call import StreamCall
from .traced import Traced
from .web_text import TextExchange

MESSAGES: dict[str, type[ProtobufMessage]] = {CHAT: pb.ChatMessage, SUBSCRIBE: pb.JoinChat}
"""What a request of each method consists of."""
UNBUFFERED = (b"x-accel-buffering", b"no")
"""Has nginx, and who took this up from it, hand on what comes at once (proxy_buffering)."""
Handled = Callable[[int], None]
"""Is told the status code of a call."""
_ACCEPT_POST = b", ".join(PROTOCOLS)


class Streams:
    """Begins streams, on whatever carries them."""

    def __init__(
        self,
        hub: Hub,
        gate: Gate,
        clients: Clients,
        in_flight: InFlight,
        access: Access = OPEN,
        traces: Traces | None = None,
    ) -> None:
        self._hub = hub
        self._clients = clients
        counters = hub.quotas.counters
        self._refused = counters.refuse  # streams have one object of it
        self._calls = counters.calls
        self._handled = {path: partial(self._calls.end, path) for path in MESSAGES}
        self._traces = traces
        self._streamed = {CHAT: counters.chat, SUBSCRIBE: counters.subscribe}
        self._access = access
        self._gate = gate
        self._in_flight = in_flight
        self._json = Rewritten(as_json)
        self._text = Rewritten(as_text)

    def on_http2(self, otherwise: Begin, rota: Rota) -> Begin:
        """What begins calls on HTTP/2 streams; what is no stream of ours goes to `otherwise`.

        So does what may not be served: it is answered as any other request is. Joins take
        turns, as all calls of a connection do with those of others.
        """

        def begin(connection: Http2Protocol, stream: Stream, headers: Headers, end: bool) -> None:
            fields = dict(headers)
            path = fields.get(b":path", b"").decode("latin-1")
            if path not in MESSAGES or fields[b":method"] != b"POST":
                otherwise(connection, stream, headers, end)
                return
            protocol = PROTOCOLS.get(media_type(fields.get(b"content-type", b"")))
            try:
                origin = self._gate.admit("POST", path, headers)
            except (Foreign, HeaderInvalid):
                protocol = None
            if protocol is None:
                otherwise(connection, stream, headers, end)
                return
            handled = self._begun(path, headers)
            info = connection.transport.get_extra_info
            exchange = self._in_form(protocol, StreamExchange(connection, stream))
            extra = exposed_to(origin) if origin else []
            limit = self._hub.limits.connection_streams
            if connection.lasting >= limit:
                refusal = StreamsExhausted(limit)
                self._refused(refusal)
                self._refuse(handled, exchange, protocol, Status.of(refusal), extra)
                return
            peer = self._clients.of(address_of(info("peername")), headers)
            visit = self._visit(headers, peer, client_certificate(info("ssl_object")))
            turn = rota.of(connection)
            self._serve(exchange, path, protocol, headers, extra, turn, visit, handled, connection)
            if end and stream.call is not None:
                stream.call.hear(b"", end=True)

        return begin

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same as an ASGI application, for HTTP/1.1; the front has admitted the request."""
        if scope["method"] != "POST":
            await respond(send, 405, b"", b"text/plain", [(b"allow", b"POST")])
            return
        headers: Headers = scope["headers"]
        protocol = PROTOCOLS.get(media_type(first(headers, b"content-type")))
        if protocol is None:
            await respond(send, 415, b"", b"text/plain", [(b"accept-post", _ACCEPT_POST)])
            return
        path: str = scope["path"]
        if path == CHAT:
            sentence = b"a stream in both directions needs HTTP/2\n"
            await respond(send, 505, sentence, b"text/plain; charset=utf-8")
            return
        handled = self._begun(path, headers)
        exchange = AsgiExchange(scope, receive, send)
        carried = self._in_form(protocol, exchange)
        shown = scope.get("extensions", {}).get(CERTIFICATE, b"")
        visit = self._visit(headers, scope.get("client"), shown)
        self._serve(carried, path, protocol, headers, [UNBUFFERED], next_turn, visit, handled)
        await exchange.run()

    def _begun(self, path: str, headers: Headers) -> Handled:
        """Count a call that has come; what is to be told its status code, once."""
        self._calls.begin(path)
        handled = self._handled[path]
        return handled if self._traces is None else Traced(self._traces, path, headers, handled)

    def _in_form(self, protocol: RpcProtocol, exchange: Exchange) -> Exchange:
        return TextExchange(exchange, self._text) if protocol.text else exchange

    def _visit(self, headers: Headers, peer: object, certificate: bytes) -> Visit:
        """Of somebody with this socket's name and this certificate, in DER."""
        shown = first(headers, b"authorization").decode()
        return Visit(self._access, shown, client_address(peer), certificate)

    def _serve(
        self,
        exchange: Exchange,
        path: str,
        protocol: RpcProtocol,
        headers: Headers,
        extra: Headers,
        turn: Turn,
        visit: Visit,
        handled: Handled,
        connection: Http2Protocol | None = None,
    ) -> None:
        """Begin the call, and count it where it is at work."""

        def on_end() -> None:
            self._in_flight.end(path)
            if connection is not None:
                connection.lasting -= 1

        now = asyncio.get_running_loop().time()
        try:
            call = (handled.stream_call if isinstance(handled, Traced) else StreamCall)(
                exchange,
                protocol,
                headers,
                MESSAGES[path],
                limit=self._hub.limits.envelope_bytes,
                json=self._json,
                extra=extra,
                now=now,
                on_end=on_end,
                on_refused=self._refused,
                on_handled=handled,
                streamed=self._streamed[path],
            )
        except Refusal as refusal:
            self._refused(refusal)
            self._refuse(handled, exchange, protocol, Status.of(refusal), extra)
            return
        if call.late(now):
            self._refuse(handled, exchange, protocol, LATE, extra)
            return
        if connection is not None:
            connection.lasting += 1
        self._in_flight.begin(path)
        listener = MemberStream(
            self._hub, call, subscribe=path == SUBSCRIBE, turn=turn, visit=visit
        )
        call.serve(listener)
        exchange.carry(call)

    def _refuse(
        self,
        handled: Handled,
        exchange: Exchange,
        protocol: RpcProtocol,
        status: Status,
        extra: Headers,
    ) -> None:
        """Answer a call that does not begin."""
        handled(status.code)
        protocol.end(exchange, status, [*protocol.head(), *extra])
        exchange.release()
