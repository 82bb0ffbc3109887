"""The front: what every request passes before a method sees it.

It repairs what the stack leaves out (`root_path`), refuses what must not get further
(header bytes that are no text, foreign Hosts and Origins), and routes by path.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from chatroom.wire.addresses import hostname
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
from .in_flight import InFlight

BAD_REQUEST = 400
CORS_METHODS = b"POST, GET"
CORS_MAX_AGE = b"7200"
NO_TRAILERS = status_trailers(
    Code.INTERNAL,
    "gRPC needs HTTP/2 and the header te: trailers; a proxy on the way may have taken it out",
)
"""For a request whose response may have no trailers ("TE"; ASGI, HTTP trailers)."""
CORS_EXPOSED = b"grpc-status, grpc-message, grpc-status-details-bin"


@dataclass(slots=True, frozen=True)
class Allowed:
    """Which Hosts and Origins may be named by a request.

    A page of elsewhere that a browser was led to must not reach a server that only
    this machine is meant to reach (DNS rebinding), nor call one without being asked.
    """

    hosts: frozenset[str] = field(default_factory=frozenset)
    """Names, without port, beside localhost and all IP addresses; `*`: any."""
    origins: frozenset[str] = field(default_factory=frozenset)
    """As a browser sends them (`https://chat.example`), beside the Host's own; `*`: any."""

    def host(self, value: str) -> bool:
        """Whether a Host header may be served."""
        name = hostname(value)
        if "*" in self.hosts or name == "localhost" or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def origin(self, value: str, host: str) -> bool:
        """Whether a page of this Origin may call, when the request names this Host."""
        if "*" in self.origins or value in self.origins:
            return True
        return value.partition("://")[2].lower() == host.lower()


class Foreign(Exception):
    """A request that must not get further, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Gate:
    """Whether a request may reach a method, by its header alone."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    def admit(self, headers: Headers, server: tuple[str, int] | None) -> bytes:
        """The request's Origin, empty if it names none. Raises Foreign."""
        host = origin = b""
        for key, value in headers:
            if key in (b"host", b":authority"):
                host = host or value
            elif key == b"origin":
                origin = value
            if not (key.isascii() and value.isascii()):
                try:
                    key.decode()
                    value.decode()
                except UnicodeDecodeError:
                    raise Foreign(400, "a request header is not valid UTF-8") from None
        host_name = host.decode() or (server[0] if server else "localhost")
        if not self._allowed.host(host_name):
            raise Foreign(
                403,
                f"this server does not answer to the name {hostname(host_name)!r}; "
                "its --allow-host can add it",
            )
        if origin and not self._allowed.origin(origin.decode(), host_name):
            raise Foreign(
                403,
                f"pages of {origin.decode()} may not call this server; "
                "its --allow-origin can add them",
            )
        return origin


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
        *,
        native: Mapping[str, Application],
        in_flight: InFlight,
    ) -> None:
        """`routes` maps whole paths; `native` takes precedence for native gRPC requests."""
        self._routes = routes
        self._native = native
        self._gate = gate
        self._in_flight = in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        headers: Headers = scope["headers"]
        content_type = media_type(next((v for k, v in headers if k == b"content-type"), b""))
        try:
            origin = self._gate.admit(headers, scope.get("server"))
        except Foreign as foreign:
            if foreign.status == BAD_REQUEST:
                await _plain(send, foreign.status, str(foreign))
            else:
                await _refused(send, content_type, foreign.status, str(foreign))
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
    await respond(send, status, sentence.encode() + b"\n", b"text/plain; charset=utf-8")


async def _preflight(send: Send, origin: bytes, headers: Headers) -> None:
    """A browser asks whether its page may call (Fetch standard, CORS preflight)."""
    wanted = next((v for k, v in headers if k == b"access-control-request-headers"), b"")
    await respond(
        send,
        200,
        b"",
        b"text/plain",
        [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", CORS_METHODS),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", CORS_MAX_AGE),
            (b"vary", b"Origin"),
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
