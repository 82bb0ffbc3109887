"""The site: which path of the page gets what, and what a browser is told about it."""

from __future__ import annotations

import re

from chatroom.server.port.asgi import Headers, Receive, Scope, Send, respond

from .edition import FOLDER, NAME_DIGITS, Edition, File
from .negotiation import prefers_gzip, still_has

ROOM = "/r/"
"""The path of rooms. Whether what follows is one, the page says."""
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
REVALIDATED = b"no-cache"
"""It may be kept, but is asked for again before it is used (RFC 9111, 5.2.2.4)."""
FOR_GOOD = b"public, max-age=31536000, immutable"
"""RFC 8246."""
PLAIN = b"text/plain; charset=utf-8"

_OTHER_EDITION = re.compile(rf"{FOLDER}[0-9a-f]{{{NAME_DIGITS}}}/.*\.js")
LOAD_AGAIN = b"""\
// This server has another edition of the page than the document that asks for this.
if (performance.getEntriesByType("navigation")[0]?.type !== "reload") location.reload();
else document.body.textContent = "This page was replaced by a newer one. Load it again.";
"""
"""In place of the first module of another edition. A document without its modules shows
nothing, so it is loaded again: once, lest two servers of two editions behind one name make
that a circle."""


class Site:
    """An ASGI application for `/`, for everything below `/r/` and everything below `/page/`."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            sentence = b"this is a page: it can be read by GET and HEAD\n"
            await respond(send, 405, sentence, PLAIN, [(b"allow", b"GET, HEAD"), *GUARDS])
        elif path == "/" or path.startswith(ROOM):
            await _give(scope, send, self._edition.document, REVALIDATED)
        elif (file := self._edition.files.get(path)) is not None:
            await _give(scope, send, file, FOR_GOOD)
        elif _OTHER_EDITION.fullmatch(path):
            again: Headers = [(b"cache-control", b"no-store"), *GUARDS]
            await respond(send, 200, LOAD_AGAIN, b"text/javascript; charset=utf-8", again)
        else:
            await respond(send, 404, b"there is no such file of the page\n", PLAIN, GUARDS)


async def _give(scope: Scope, send: Send, file: File, caching: bytes) -> None:
    """A file, or that the browser's copy of it is still good."""
    asked: Headers = scope["headers"]
    body = file.gzipped if file.gzipped is not None and prefers_gzip(asked) else file.plain
    told: Headers = [(b"etag", body.etag), (b"cache-control", caching)]
    if file.gzipped is not None:
        told.append((b"vary", b"accept-encoding"))
    told += GUARDS
    if still_has(asked, body.etag):
        await send({"type": "http.response.start", "status": 304, "headers": told})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    if body is file.gzipped:
        told.append((b"content-encoding", b"gzip"))
    await respond(send, 200, body.content, file.content_type, told)
