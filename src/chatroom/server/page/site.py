"""The site: which path of the page gets what, and what a browser is told about it."""

from __future__ import annotations

import re

from chatroom.server.port.asgi import Headers, Receive, Scope, Send, respond

from .edition import FOLDER, NAME_DIGITS, TYPES, Edition, File
from .guards import GUARDS, is_read, refuse
from .negotiation import prefers_gzip, still_has

ROOM = "/r/"
"""The path of rooms. Whether what follows is one, the page says."""
REVALIDATED = b"no-cache"
"""It may be kept, but is asked for again before it is used (RFC 9111, 5.2.2.4)."""
FOR_GOOD = b"public, max-age=31536000, immutable"
"""RFC 8246."""

_SCRIPT = re.compile(rf"{FOLDER}([0-9a-f]{{{NAME_DIGITS}}})/.*\.js")
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
        if not await is_read(scope, send):
            return
        if path == "/" or path.startswith(ROOM):
            await _give(scope, send, self._edition.document, REVALIDATED)
        elif (file := self._edition.files.get(path)) is not None:
            await _give(scope, send, file, FOR_GOOD)
        elif (found := _SCRIPT.fullmatch(path)) and found[1] != self._edition.name:
            again: Headers = [(b"cache-control", b"no-store"), *GUARDS]
            await respond(send, 200, LOAD_AGAIN, TYPES[".js"], again)
        else:
            await refuse(send, 404, "there is no such file of the page")


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
