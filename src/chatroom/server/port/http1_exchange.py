"""One request over HTTP/1.1 and its response, as an ASGI application sees them."""

from __future__ import annotations

import asyncio
import enum
import ssl
from typing import Protocol

from .asgi import CARRIES, PUSH, Event, Scope, with_certificate
from .http1_requests import RequestHead
from .http1_responses import CONTINUE, Response, ResponseError


class ClientDisconnected(OSError):
    """The peer is gone; nothing can be sent any more (ASGI, "Disconnected Client")."""


class Wire(Protocol):
    """What an exchange asks of its connection."""

    def write(self, data: bytes | memoryview) -> None: ...
    @property
    def ready(self) -> bool:
        """Whether the peer takes bytes now."""

    async def writable(self) -> None:
        """Returns when the peer takes bytes; raises ClientDisconnected."""

    def body_taken(self) -> None:
        """More of a body may be read."""

    def response_ended(self) -> None: ...
    def may_keep_alive(self) -> bool:
        """Whether another request will be served after the response that begins now."""


class Answer(enum.Enum):
    """How far the response is."""

    NONE = enum.auto()
    HEAD_WAITS = enum.auto()
    """The head is made, and goes with the first piece of the body or at the end of the turn."""
    BODY = enum.auto()
    ENDED = enum.auto()


class Exchange:
    """Holds the body's bytes that have come and were not taken yet."""

    __slots__ = (
        "_body",
        "_changed",
        "_delivered",
        "_expects_continue",
        "_loop",
        "_piece_bytes",
        "_response",
        "_wire",
        "answer",
        "awaits_body",
        "call",
        "gone",
        "head",
        "received",
    )

    def __init__(
        self,
        wire: Wire,
        head: RequestHead,
        loop: asyncio.AbstractEventLoop,
        piece_bytes: int,
    ) -> None:
        self._wire = wire
        self.head = head
        self._loop = loop
        self._piece_bytes = piece_bytes
        self._body = bytearray()
        self._changed = asyncio.Event()
        self._response: Response | None = None
        self._expects_continue = head.expects_continue
        self._delivered = False
        """The application has had the end of the body."""
        self.answer = Answer.NONE
        self.received = False
        """The request has come to its end."""
        self.gone = False
        """The peer takes no response."""
        self.awaits_body = False
        """The application waits for bytes of the body."""
        self.call: object = None
        """What its response carries, as long as that is at work and is more than an answer."""

    @property
    def unread(self) -> int:
        """Bytes of the body that the application has not taken."""
        return len(self._body)

    @property
    def keep_alive(self) -> bool:
        """Whether the response, which has begun, said that the connection stays."""
        return self._response is not None and self._response.keep_alive

    @property
    def begun(self) -> bool:
        """Whether bytes of the response are written."""
        return self.answer in (Answer.BODY, Answer.ENDED)

    @property
    def over(self) -> bool:
        """Nobody waits for anything more of the response."""
        return self.gone or self.answer is Answer.ENDED

    # What the connection tells.

    def body_came(self, data: bytes) -> None:
        """Keep it, unless there is nobody to read it."""
        if self.answer is not Answer.ENDED:
            self._body += data
            self._changed.set()

    def body_ended(self) -> None:
        """The request is whole."""
        self.received = True
        self._changed.set()

    def disconnect(self) -> None:
        """The peer is gone, or is refused: the application learns so."""
        self.gone = True
        self._changed.set()

    # ASGI.

    def scope(
        self,
        scheme: str,
        server: tuple[str, int | None] | None,
        client: tuple[str, int] | None,
        tls: ssl.SSLObject | None,
    ) -> Scope:
        """The request as ASGI 3 describes it (HTTP and WebSocket, 2.4)."""
        head = self.head
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": head.version,
            "method": head.method,
            "scheme": scheme,
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "root_path": "",
            "headers": head.headers,
            "server": server,
            "client": client,
            "extensions": with_certificate({PUSH: self.push, CARRIES: self.carries}, tls),
        }

    def carries(self, call: object) -> None:
        """Note what the response carries; None: nothing any more."""
        self.call = call

    async def receive(self) -> Event:
        """The next piece of the body; after its end, the end of the exchange."""
        if self._expects_continue:
            self._expects_continue = False
            if not (self.received or self._body or self.gone) and self.answer is Answer.NONE:
                self._wire.write(CONTINUE)
        while not (self.gone or self.answer is Answer.ENDED):
            if self._body or (self.received and not self._delivered):
                body = bytes(self._body)
                self._body.clear()
                self._delivered = self.received
                self._wire.body_taken()
                return {"type": "http.request", "body": body, "more_body": not self._delivered}
            self._changed.clear()
            self.awaits_body = not self.received
            try:
                await self._changed.wait()
            finally:
                self.awaits_body = False
        return {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        """Write a part of the response.

        Raises ClientDisconnected when the peer is gone, ResponseError for what HTTP cannot say.
        """
        if self.gone:
            raise ClientDisconnected
        kind = event["type"]
        if kind == "http.response.start" and self.answer is Answer.NONE:
            self._response = Response(
                self.head,
                event["status"],
                event.get("headers", ()),
                # Of a request that has not ended nobody knows where the next one begins.
                keep_alive=self.head.keep_alive and self.received and self._wire.may_keep_alive(),
            )
            self.answer = Answer.HEAD_WAITS
            self._loop.call_soon(self._write_head)
        elif kind == "http.response.body" and self.answer in (Answer.HEAD_WAITS, Answer.BODY):
            await self._send_body(event.get("body", b""), last=not event.get("more_body", False))
        else:
            raise ResponseError(f"{kind} has no place in a response that is {self.answer.name}")

    def push(self, body: bytes) -> bool:
        """Write a piece of the body now; False, and nothing, where it has to be sent instead.

        Everything that was sent before must be written.
        """
        response = self._response
        if (
            response is None
            or self.gone
            or self.answer is Answer.ENDED
            or len(body) > self._piece_bytes
            or not self._wire.ready
        ):
            return False
        self._write(response, body, last=False)
        return True

    def _write(self, response: Response, body: bytes | memoryview, *, last: bool) -> None:
        """Write a piece of the body, and what of the head waits before it."""
        piece = response.body(body, last=last)
        if self.answer is Answer.HEAD_WAITS:
            self.answer = Answer.BODY
            piece = b"".join((response.head, piece))
        if piece:
            self._wire.write(piece)

    def _write_head(self) -> None:
        if self.answer is Answer.HEAD_WAITS and not self.gone:
            assert self._response is not None
            self.answer = Answer.BODY
            self._wire.write(self._response.head)

    async def _send_body(self, body: bytes, *, last: bool) -> None:
        """Write it in pieces, each when the peer takes bytes."""
        response = self._response
        assert response is not None
        whole = memoryview(body)
        start = 0
        while True:
            await self._wire.writable()
            if self.gone:
                raise ClientDisconnected
            end = start + self._piece_bytes
            ends = last and end >= len(body)
            piece = body if len(body) <= self._piece_bytes else whole[start:end]
            self._write(response, piece, last=ends)
            start = end
            if start >= len(body):
                break
        if last:
            self.answer = Answer.ENDED
            self._body.clear()
            self._changed.set()
            self._wire.response_ended()
