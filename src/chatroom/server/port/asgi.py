"""ASGI 3, as this server uses it: the types, and whole responses."""

from __future__ import annotations

import ssl
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from chatroom.wire.envelopes import ENCODINGS
from chatroom.wire.grpc import CONTENT_TYPE
from chatroom.wire.ip import canonical

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
PUSH = "chatroom.push"
"""An extension of our own servers' scopes: what writes a piece of a response's body without a
task, as `http1_exchange.Exchange.push`."""

CARRIES = "chatroom.carries"
"""Another: hears which call a response carries, and None at its end, for whoever looks at
connections: `http1_exchange.Exchange.carries`."""

CERTIFICATE = "chatroom.certificate"
"""Another: the certificate that the client has shown, in DER. TLS has found it good."""


def address_of(name: object) -> tuple[str, int] | None:
    """A socket's name as a scope has it; None for what has no port, such as a Unix socket."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def client_address(name: object) -> str:
    """The IP address in a socket's name, as `Identity.address`; empty where there is none."""
    return canonical(str(name[0])) if isinstance(name, tuple) else ""


def client_certificate(tls: ssl.SSLObject | None) -> bytes:
    """The certificate that the other side of TLS has shown, in DER; empty where there is none."""
    return (tls.getpeercert(binary_form=True) or b"") if tls is not None else b""


def with_certificate(extensions: dict[str, Any], tls: ssl.SSLObject | None) -> dict[str, Any]:
    """A scope's extensions, and the client's certificate where there is one."""
    shown = client_certificate(tls)
    return {**extensions, CERTIFICATE: shown} if shown else extensions


def let_go(error: BaseException | None) -> None:
    """Free what an application's frames have held when its peer went.

    A library that keeps an exception in a local variable makes a circle of its frames, and
    what is in them, a whole answer for example, would wait for the garbage collector.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


async def respond(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """A whole HTTP response."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def trailers_only(send: Send, trailers: Headers) -> None:
    """A whole response in one HEADERS frame ("Trailers-Only")."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", CONTENT_TYPE),
                (b"grpc-accept-encoding", b",".join(ENCODINGS)),
                *trailers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"", "more_body": False})
