"""The front: what every request passes before a method sees it.

It repairs what the stack leaves out (`root_path`), refuses what must not get further
(header bytes that are no text, foreign Hosts and Origins), and routes by path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from chatroom.wire.grpc import PROTOBUF_TYPES, Code, is_native, media_type, status_trailers

from .asgi import (
    Application,
    Event,
    Headers,
    Receive,
    Scope,
    Send,
    respond,
    trailers_only,
)
from .clients import Clients
from .gate import Foreign, Gate, HeaderInvalid
from .in_flight import InFlight
from .notices import Notices

PAGE = ("/r/", "/page/")
CORS_METHODS = b"POST, GET"
CORS_MAX_AGE = b"7200"
ALLOWED_METHODS = b"GET, HEAD, POST, OPTIONS"
ABOUT_ALL = ("/", "*")
"""Paths of OPTIONS that are about the server (RFC 9110, 9.3.7), as HAProxy's checks are."""
NO_TRAILERS = status_trailers(
    Code.INTERNAL,
    "gRPC needs HTTP/2; a proxy on the way may have made HTTP/1.1 of it",
)
"""For a request whose response can have no trailers (ASGI, HTTP trailers)."""
CORS_EXPOSED = b"grpc-status, grpc-message, grpc-status-details-bin"


def exposed_to(origin: bytes) -> Headers:
    """What a response says so that a page of this origin may read it (Fetch, CORS protocol)."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", CORS_EXPOSED),
        (b"vary", b"Origin"),
    ]


class Front:
    """The outermost ASGI application."""

    def __init__(
        self,
        routes: Mapping[str, Application],
        gate: Gate,
        clients: Clients,
        *,
        native: Mapping[str, Application],
        page: Application | None = None,
        in_flight: InFlight,
        notices: Notices,
    ) -> None:
        """`routes` maps whole paths; `native` takes precedence for native gRPC requests.

        `page` has `/`, and what is below the folders of `PAGE`. Applications are told
        of clients, and not of their proxies.

        Who is refused by the gate is told to the operator by `notices`.
        """
        self._routes = routes
        self._native = native
        self._page = page
        self._gate = gate
        self._clients = clients
        self._in_flight = in_flight
        self._notices = notices

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        headers: Headers = scope["headers"]
        scope["client"] = self._clients.of(scope.get("client"), headers)
        content_type = media_type(next((v for k, v in headers if k == b"content-type"), b""))
        try:
            origin = self._gate.admit(scope["method"], scope["path"], headers)
        except HeaderInvalid as invalid:
            await _plain(send, 400, str(invalid))
            return
        except Foreign as foreign:
            self._notices.tell(foreign.kind, scope.get("client"), f"refused: {foreign}")
            await _refused(send, content_type, 403, str(foreign))
            return
        if origin:
            if scope["method"] == "OPTIONS":
                await _preflight(send, origin, headers)
                return
            send = _with_origin(send, origin)
        scope["root_path"] = ""
        path: str = scope["path"]
        native = is_native(content_type)
        if native and "http.response.trailers" not in scope.get("extensions", ()):
            await trailers_only(send, NO_TRAILERS)
            return
        application = None
        if scope["method"] == "POST" and content_type in PROTOBUF_TYPES:
            application = self._native.get(path)
        if application is None:
            application = self._routes.get(path)
            if native:
                send = _trailers_only_without_messages(send)
            elif application is None and (path == "/" or path.startswith(PAGE)):
                application = self._page
        if scope["method"] == "OPTIONS" and (application is not None or path in ABOUT_ALL):
            await respond(send, 200, b"", b"text/plain", [(b"allow", ALLOWED_METHODS)])
            return
        if application is None:
            if native:
                sentence = f"there is no method {path} here"
                await trailers_only(send, status_trailers(Code.UNIMPLEMENTED, sentence))
            else:
                await _plain(send, 404, f"there is nothing at {path}")
            return
        self._in_flight.begin(path)
        try:
            await application(scope, receive, send)
        finally:
            self._in_flight.end(path)


async def _refused(send: Send, content_type: bytes, http_status: int, sentence: str) -> None:
    if is_native(content_type):
        await trailers_only(send, status_trailers(Code.PERMISSION_DENIED, sentence))
    elif content_type in (b"application/json", b"application/proto"):
        body = json.dumps({"code": "permission_denied", "message": sentence}).encode()
        await respond(send, http_status, body, b"application/json")
    else:
        await _plain(send, http_status, sentence)


async def _plain(send: Send, status: int, sentence: str) -> None:
    body = sentence.encode() + b"\n"
    nosniff = [(b"x-content-type-options", b"nosniff")]  # it may repeat what a link has brought
    await respond(send, status, body, b"text/plain; charset=utf-8", nosniff)


async def _preflight(send: Send, origin: bytes, headers: Headers) -> None:
    """A browser asks whether its page may call (Fetch standard, CORS preflight).

    A page of a public address asks as well whether it may call one on a private network
    (WICG, Private Network Access, 3.3.1).
    """
    asked = dict(headers)
    private = asked.get(b"access-control-request-private-network") == b"true"
    await respond(
        send,
        200,
        b"",
        b"text/plain",
        [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", CORS_METHODS),
            (b"access-control-allow-headers", asked.get(b"access-control-request-headers", b"")),
            (b"access-control-max-age", CORS_MAX_AGE),
            (b"vary", b"Origin"),
            *([(b"access-control-allow-private-network", b"true")] if private else ()),
        ],
    )


def _with_origin(send: Send, origin: bytes) -> Send:
    async def sending(event: Scope) -> None:
        if event["type"] == "http.response.start":
            event["headers"] = [*event.get("headers", ()), *exposed_to(origin)]
        await send(event)

    return sending


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


def _trailers_only_without_messages(send: Send) -> Send:
    """Make one HEADERS frame of a gRPC response that has no message ("Trailers-Only").

    connectrpc always sends headers first, which tells a client that the call is under
    way: it would not retry a refusal.
    """
    held: Event | None = None

    async def sending(event: Event) -> None:
        nonlocal held
        kind = event["type"]
        if kind == "http.response.start" and event.get("trailers"):
            held = event
            return
        if held is not None:
            if kind == "http.response.body" and not event.get("body"):
                return
            start, held = held, None
            if kind == "http.response.trailers":
                headers = [*start["headers"], *event["headers"]]
                await send({**start, "headers": headers, "trailers": False})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await send(start)
        await send(event)

    return sending
