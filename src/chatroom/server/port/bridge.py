"""The bridge from an HTTP/2 stream to an ASGI application, with trailers and back-pressure.

Source: the ASGI specification 3.0, HTTP 2.4, and its extension "HTTP Trailers".
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from chatroom.wire.grpc import is_native, media_type
from chatroom.wire.http2.frames import ErrorCode
from chatroom.wire.http2.headers import Headers, encode, encode_cached
from chatroom.wire.http2.streams import Stream

from .asgi import Application, Event, Scope, address_of, let_go, with_certificate
from .http2 import Begin, Http2Protocol
from .log_names import LogName, here
from .rota import CALL, Rota, Turn, begin_turns
from .wake import Wake

log = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_CONTINUE = encode_cached(((b":status", b"100"),))
_NO_CONTENT = (204, 304)


class ClientDisconnected(OSError):
    """Nobody is left to send to."""


@dataclass(slots=True, frozen=True)
class BodyBounds:
    """What a request's body may cost."""

    bytes: int | None = 128 * 1024
    """None: no bound; the application has its own."""
    idle_seconds: float | None = 10.0
    """Between two pieces of it; None: no bound."""
    seconds: float | None = 60.0
    """From the request's head to the end of its body; None: no bound."""
    answer: int = 0
    """Bytes that its answer may have; it is begun when there is room for them (`Answers`). 0:
    too few to count."""


class AsgiCall:
    """One request, served by an application in a task of its own."""

    __slots__ = (
        "_admitted", "_begun_at", "_body", "_body_bytes", "_bounds", "_connection", "_continue",
        "_ended",
        "_expecting", "_gone", "_head", "_heard_at", "_held", "_loop", "_reader", "_start",
        "_started", "_stream", "_told", "_trailers", "_turn", "_writer",
    )  # fmt: skip

    def __init__(
        self,
        application: Application,
        connection: Http2Protocol,
        stream: Stream,
        headers: Headers,
        bounds: BodyBounds,
        tasks: set[asyncio.Task[None]],
        turn: Turn,
        *,
        end: bool,
    ) -> None:
        """Begin; `end`: the request has no body. `tasks` keeps its task as long as it runs.

        It works when it is its `turn`.
        """
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._stream = stream
        self._bounds = bounds
        self._body: deque[bytes] = deque()
        self._body_bytes = 0
        self._told = False
        """The application knows that the body has ended."""
        self._expecting = not end
        self._begun_at = self._heard_at = self._loop.time()
        self._reader = Wake()
        self._writer = Wake()
        self._gone = False
        self._start: Event | None = None
        """The response's head, until it is known whether anything follows it."""
        self._started = False
        self._trailers = False
        self._ended = False
        self._turn = turn
        self._admitted = False
        self._held = 0
        """Bytes of the connection's room for answers that are its own."""
        scope = self._scope(headers)
        self._head = scope["method"] == "HEAD"
        self._continue = any(n == b"expect" and v.lower() == b"100-continue" for n, v in headers)
        stream.call = self
        task = self._loop.create_task(self._run(application, scope), name=scope["path"])
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _scope(self, headers: Headers) -> Scope:
        pseudo = {name: value for name, value in headers if name[:1] == b":"}
        fields = [(name, value) for name, value in headers if name[:1] != b":"]
        cookies = [value for name, value in fields if name == b"cookie"]
        if len(cookies) > 1:  # 9113, 8.2.3
            fields = [field for field in fields if field[0] != b"cookie"]
            fields.append((b"cookie", b"; ".join(cookies)))
        authority = pseudo.get(b":authority")
        if authority and not any(name == b"host" for name, _ in fields):
            fields.insert(0, (b"host", authority))
        target, _, query = pseudo.get(b":path", b"/").partition(b"?")
        info = self._connection.transport.get_extra_info
        extensions: dict[str, Any] = {}
        if any(name == b"te" or (name == b"content-type" and is_native(media_type(value)))
               for name, value in fields):  # fmt: skip
            extensions["http.response.trailers"] = {}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "2",
            "method": pseudo[b":method"].decode("latin-1"),
            "scheme": "https" if info("ssl_object") else "http",
            "path": unquote(target.decode("latin-1")),
            "raw_path": target,
            "query_string": query,
            "root_path": "",
            "headers": fields,
            "client": address_of(info("peername")),
            "server": address_of(info("sockname")),
            "extensions": with_certificate(extensions, info("ssl_object")),
        }

    # ---- What the stream tells -----------------------------------------------------------

    def hear(self, data: bytes, *, end: bool) -> None:
        """A piece of the body; it is acknowledged when the application takes it."""
        self._heard_at = self._loop.time()
        if self._ended:
            return
        self._body_bytes += len(data)
        bound = self._bounds.bytes
        if bound is not None and self._body_bytes > bound:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        if data:
            self._body.append(data)
        if end:
            self._expecting = False
        self._reader.set()

    def writable(self) -> None:
        """What was sent is gone."""
        self._writer.set()

    def gone(self) -> None:
        """Nobody listens any more; the application is told when it asks."""
        self._gone = True
        self._body.clear()
        self._reader.set()
        self._writer.set()

    def check(self, now: float) -> None:
        """End a request whose body has stopped coming, or does not come to its end."""
        if not self._expecting or self._body or self._ended:
            return
        idle, whole = self._bounds.idle_seconds, self._bounds.seconds
        if (idle is not None and now - self._heard_at >= idle) or (
            whole is not None and now - self._begun_at >= whole
        ):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def leaving(self) -> None:
        """One answer is under way: nothing is to be told."""

    def leave(self) -> None:
        """It ends by itself."""

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer in the application's place; what it still does is for nobody."""
        if self._started:
            self._connection.reset(self._stream, ErrorCode.CANCEL)
        else:
            head = ((b":status", b"%d" % status), (b"content-length", b"0"))
            self._stream.headers(encode_cached(head), end=True)
        self._ended = True
        self.gone()

    # ---- What the application does -----------------------------------------------------

    async def _run(self, application: Application, scope: Scope) -> None:
        name = LogName(scope["client"], self._stream.stream_id)
        here.set(name)
        try:
            if await self._may_begin():
                await application(scope, self._receive, self._send)
        except ClientDisconnected as error:
            let_go(error)
        except Exception:
            log.exception(
                "%s: the application failed at %s", name, scope["path"], extra=name.known()
            )
        else:
            if not self._over():
                log.error(
                    "%s: the application did not answer at %s",
                    name, scope["path"], extra=name.known(),
                )  # fmt: skip
        finally:
            self._finish()

    async def _may_begin(self) -> bool:
        """Wait until it is its turn, and there is room for its answer; False: nobody is left."""
        begin_turns(self._turn)
        size = self._bounds.answer
        if size:
            answers = self._connection.answers
            answers.line_up(size, self._admit)
            while not self._admitted and not self._over():
                await self._writer.wait()
            if not self._admitted:
                answers.leave(self._admit)
                return False
        await self._turn()
        return not self._over()

    def _admit(self) -> None:
        self._admitted = True
        self._held = self._bounds.answer
        self._writer.set()

    def _give_back(self, left: int) -> None:
        """Hold no more than `left` bytes of the connection's room for answers."""
        spare, self._held = self._held - left, left
        self._connection.answers.give_back(spare)

    def _finish(self) -> None:
        if self._held:
            self._give_back(0)
        if not self._over():
            if self._started:
                self._connection.reset(self._stream, ErrorCode.INTERNAL_ERROR)
            else:
                head = ((b":status", b"500"), (b"content-length", b"0"))
                self._stream.headers(encode_cached(head), end=True)
        self._ended = True
        self._connection.release(self._stream)

    async def _receive(self) -> Event:
        if self._continue:
            self._continue = False
            if not self._started and self._expecting:
                self._stream.headers(_CONTINUE)
        while not self._body and self._expecting and not self._over():
            await self._reader.wait()
        if self._over():
            return {"type": "http.disconnect"}
        if self._body:
            data = self._body.popleft()
            self._stream.acknowledge(len(data))
            more = self._expecting or bool(self._body)
            self._told = not more
            return {"type": "http.request", "body": data, "more_body": more}
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while not self._over():
            await self._reader.wait()
        return {"type": "http.disconnect"}

    def _over(self) -> bool:
        """Whether there is nobody to answer, or the answer is given."""
        return self._gone or self._ended

    async def _send(self, event: Event) -> None:
        self._check_gone()
        if self._ended:
            raise RuntimeError("the response has ended")
        kind = event["type"]
        if kind == "http.response.start":
            self._start = event
            self._trailers = bool(event.get("trailers"))
        elif kind == "http.response.body":
            await self._send_body(event.get("body", b""), more=bool(event.get("more_body")))
        elif kind == "http.response.trailers":
            self._end(encode(event.get("headers", ())))
        else:
            raise RuntimeError(f"an HTTP response has no {kind}")

    def _check_gone(self) -> None:
        if self._gone:
            raise ClientDisconnected("the peer is gone")

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        over = not more and not self._trailers
        if self._start is not None:
            start, self._start = self._start, None
            status = int(start["status"])
            bodiless = self._head or status in _NO_CONTENT
            head = [(b":status", b"%d" % status)]
            head += [
                (name.lower(), value)
                for name, value in start.get("headers", ())
                if name.lower() not in _HOP_BY_HOP
            ]
            self._started = True
            if over and (bodiless or not body):
                self._ended = True
                self._stream.headers(encode(head), end=True)
                return
            self._stream.headers(encode(head))
            if bodiless:
                self._head = True
        if body and not self._head:
            if self._held > len(body):
                self._give_back(len(body))
            self._stream.send(body, self._loop.time())
            while not self._stream.idle and not self._gone:
                await self._writer.wait()
            self._check_gone()
        if over:
            self._end(None)

    def _end(self, trailers: bytes | None) -> None:
        self._ended = True
        self._stream.end(trailers)


def asgi_calls(application: Application, bounds: Callable[[str], BodyBounds], rota: Rota) -> Begin:
    """What begins every call as a request to an application; `bounds` are of a path.

    A connection's calls take turns with those of others.
    """
    tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive
    not_allowed = encode_cached(((b":status", b"405"), (b"content-length", b"0")))

    def begin(connection: Http2Protocol, stream: Stream, headers: Headers, end: bool) -> None:
        path = next((value for name, value in headers if name == b":path"), None)
        if path is None:  # CONNECT (9113, 8.5)
            stream.headers(not_allowed, end=True)
            connection.release(stream)
            return
        bounded = bounds(path.decode("latin-1"))
        turn = rota.of(connection, CALL)
        AsgiCall(application, connection, stream, headers, bounded, tasks, turn, end=end)

    return begin
