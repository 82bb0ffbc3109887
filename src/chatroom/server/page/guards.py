"""What every answer of the page says to browsers for its safety, and refusals that say it too."""

from __future__ import annotations

from collections.abc import Iterable

from chatroom.server.port.asgi import Headers, Scope, Send, respond

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self' data:; worker-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content Security Policy, level 3: nothing inline, nothing of elsewhere, in no frame.
`data:` is for the favicon, which the page draws."""
WITHHELD = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
"""Features that no script of the page may ask for."""
GUARDS: Headers = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", ", ".join(f"{each}=()" for each in WITHHELD).encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""With every answer. A path of a private room is what lets in, so no link may tell it."""


async def is_read(scope: Scope, send: Send, *more: str) -> bool:
    """Whether a request is GET, HEAD or one of `more`; another one is refused."""
    methods = ("GET", "HEAD", *more)
    if scope["method"] in methods:
        return True
    allow = ", ".join(methods)
    await refuse(send, 405, f"this can be asked for by {allow}", [(b"allow", allow.encode())])
    return False


async def refuse(
    send: Send, status: int, sentence: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with a sentence. It must not repeat what a link has brought."""
    body = sentence.encode() + b"\n"
    await respond(send, status, body, b"text/plain; charset=utf-8", [*headers, *GUARDS])
