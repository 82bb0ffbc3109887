"""The site of the operators: which path gets what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from chatroom.server.port.asgi import Headers, Receive, Scope, Send, respond
from chatroom.server.port.gate import Foreign, Gate, HeaderInvalid

from .metrics import Metrics
from .observed import Observed
from .query import ParameterInvalid, check_empty, wanted
from .tables import CONNECTION_SORTS, ROOM_SORTS, connz, roomz
from .varz import varz

TEXT = b"text/plain; charset=utf-8"
NEVER_KEPT: Headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
METHODS = ("GET", "HEAD")
PROBES = ("/livez", "/readyz")
"""Whoever asks for these by a name of their own is no page: they tell nothing."""

Answer = Callable[[Scope, Send], Awaitable[None]]


class OpsSite:
    """An ASGI application. It changes nothing, and asks nobody who they are."""

    def __init__(self, observed: Observed, metrics: Metrics, gate: Gate) -> None:
        """`gate` keeps out pages of elsewhere, by Host and Origin."""
        self._observed = observed
        self._written = metrics
        self._gate = gate
        self._answers: dict[str, Answer] = {
            "/metrics": self._metrics,
            "/livez": self._live,
            "/readyz": self._ready,
            "/varz": self._varz,
            "/roomz": self._roomz,
            "/connz": self._connz,
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        try:
            if path not in PROBES:
                self._gate.admit(scope["method"], path, scope["headers"])
            if scope["method"] not in METHODS:
                allow = ", ".join(METHODS)
                sentence = f"this can be asked for by {allow}"
                await say(send, 405, sentence, [(b"allow", allow.encode())])
                return
            answer = self._answers.get(path)
            if answer is None:
                await say(send, 404, f"there is nothing here; see {', '.join(self._answers)}")
                return
            await answer(scope, send)
        except ParameterInvalid as invalid:
            await say(send, 400, str(invalid))
        except HeaderInvalid as invalid:
            await say(send, 400, str(invalid))
        except Foreign as foreign:
            await say(send, 403, str(foreign))

    async def _live(self, _scope: Scope, send: Send) -> None:
        """The event loop turns: a restart would help nobody."""
        await say(send, 200, "ok")

    async def _ready(self, _scope: Scope, send: Send) -> None:
        """As `rpc.ChatService` of the health service."""
        health = self._observed.health
        if health.ready:
            await say(send, 200, "ok")
        else:
            why = "nothing can be stored" if health.serving else "not serving"
            await say(send, 503, why)

    async def _metrics(self, scope: Scope, send: Send) -> None:
        """Prometheus' text, or OpenMetrics for who accepts that."""
        accepts = b", ".join([value for name, value in scope["headers"] if name == b"accept"])
        body, content_type = await self._written.text(accepts.decode("latin-1"))
        await respond(send, 200, body, content_type.encode(), NEVER_KEPT)

    async def _varz(self, scope: Scope, send: Send) -> None:
        check_empty(scope["query_string"])
        await tell(send, varz(self._observed))

    async def _roomz(self, scope: Scope, send: Send) -> None:
        asked = wanted(scope["query_string"], ROOM_SORTS)
        await tell(send, await roomz(self._observed, asked))

    async def _connz(self, scope: Scope, send: Send) -> None:
        asked = wanted(scope["query_string"], CONNECTION_SORTS)
        await tell(send, await connz(self._observed, asked))


async def say(send: Send, status: int, sentence: str, headers: Headers | None = None) -> None:
    """Answer with a sentence. It must not repeat what a request has brought."""
    body = sentence.encode() + b"\n"
    await respond(send, status, body, TEXT, [*(headers or ()), *NEVER_KEPT])


async def tell(send: Send, what: dict[str, Any]) -> None:
    """Answer with JSON, laid out for people; a long table is written in a thread."""
    body = await asyncio.to_thread(json.dumps, what, indent=2)
    await respond(send, 200, body.encode() + b"\n", b"application/json", NEVER_KEPT)
