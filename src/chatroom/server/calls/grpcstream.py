"""One native gRPC call, server side, on ASGI.

The hot path: what is written is a run of enveloped messages, already joined, and goes
out as one body event whatever number of messages it holds. Sources: gRPC over HTTP/2
(grpc/grpc, doc/PROTOCOL-HTTP2.md), whose section names stand in quotation marks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from chatroom.core.refusals import Refusal
from chatroom.server.port.asgi import Event, Headers, Receive, Scope, Send, trailers_only
from chatroom.server.port.log_names import here
from chatroom.wire.envelopes import ENCODINGS, EnvelopeError, EnvelopeReader
from chatroom.wire.grpc import CONTENT_TYPE, Code, TimeoutInvalid, timeout_seconds

from .statuses import LATE, OK, EnvelopeInvalid, Status, refusal_of

log = logging.getLogger(__name__)

M = TypeVar("M", bound=ProtobufMessage)


class Disconnected(Exception):
    """The peer is gone, or has cancelled the call; nobody is left to tell."""


class GrpcStream:
    """One call: messages in, writes of enveloped messages out, a status at the end.

    Response headers go out with the first write, so that a call refused before it is
    answered by a single HEADERS frame ("Trailers-Only").
    """

    __slots__ = ("_ended", "_receive", "_send", "_started", "headers", "limit", "metadata",
                 "trailers")  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, limit: int) -> None:
        """`limit` is in bytes for one message, compressed or not."""
        self._receive = receive
        self._send = send
        self._started = False
        self._ended = False
        self.limit = limit
        self.metadata: Headers = scope["headers"]
        self.headers: Headers = []
        """Metadata to add to the response headers, before the first write or the end."""
        self.trailers: Headers = []
        """Metadata to add to the trailers."""

    def header(self, name: bytes) -> bytes:
        """The first value of a request header; empty if there is none."""
        return next((value for key, value in self.metadata if key == name), b"")

    def timeout(self) -> float | None:
        """How long the call may take, in seconds, if it says so; raises TimeoutInvalid."""
        value = next((value for key, value in self.metadata if key == b"grpc-timeout"), None)
        return None if value is None else timeout_seconds(value)

    async def messages(self, message_type: type[M]) -> AsyncIterator[M]:
        """The messages of the request, until the peer half-closes.

        Raises Disconnected when the peer is gone, EnvelopeInvalid for what is not a
        message of the type, MessageTooLarge. One generator and no layers: it runs once
        for every message that anybody sends.
        """
        parse = message_type.FromString
        try:
            reader = EnvelopeReader(self.header(b"grpc-encoding"), self.limit)
            while True:
                event = await self._receive()
                if event["type"] == "http.disconnect":
                    raise Disconnected
                for payload in reader.feed(event.get("body", b"")):
                    yield parse(payload)
                if not event.get("more_body", False):
                    reader.end()
                    return
        except EnvelopeError as error:
            raise refusal_of(error) from error
        except DecodeError:
            raise EnvelopeInvalid(
                f"a message is not a valid {message_type.DESCRIPTOR.full_name}"
            ) from None

    async def message(self, message_type: type[M]) -> M:
        """The one message of a request that has one; raises EnvelopeInvalid."""
        found: M | None = None
        async for message in self.messages(message_type):
            if found is not None:
                raise EnvelopeInvalid("the request has more than one message", Code.UNIMPLEMENTED)
            found = message
        if found is None:
            raise EnvelopeInvalid("the request has no message", Code.UNIMPLEMENTED)
        return found

    async def disconnected(self) -> None:
        """After the half-close: raise Disconnected once the peer is gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise Disconnected

    async def write(self, data: bytes) -> None:
        """Send enveloped messages; returns when the HTTP/2 layer has taken them.

        Raises Disconnected when the peer is gone: ASGI servers then raise an OSError.
        """
        if not self._started:
            await self._start()
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except OSError as error:
            raise Disconnected from error

    async def _start(self) -> None:
        if self._started:
            return
        self._started = True
        await self._deliver(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", CONTENT_TYPE),
                    (b"grpc-accept-encoding", b",".join(ENCODINGS)),
                    *self.headers,
                ],
                "trailers": True,
            }
        )

    async def end(self, status: Status) -> None:
        """Send the status: as trailers, or alone if there was neither a write nor a header.

        Raises Disconnected when the peer is gone.
        """
        if self._ended:
            return
        self._ended = True
        trailers = [*status.trailers(), *self.trailers]
        if not self._started and not self.headers:
            await trailers_only(self._deliver, trailers)
            return
        await self._start()
        await self._deliver({"type": "http.response.body", "body": b"", "more_body": False})
        await self._deliver({"type": "http.response.trailers", "headers": trailers})

    async def _deliver(self, event: Event) -> None:
        try:
            await self._send(event)
        except OSError as error:
            raise Disconnected from error


async def serve_call(
    stream: GrpcStream, call: Callable[[GrpcStream], Awaitable[Status | None]]
) -> int:
    """Run one call to its status, whatever happens in it; the status code.

    `call` writes, and returns the status (None: OK) or raises: a Refusal becomes its
    status, an elapsed `grpc-timeout` DEADLINE_EXCEEDED, Disconnected nothing, and what
    nobody expected INTERNAL, with the traceback in the log and not on the wire.
    """
    try:
        seconds = stream.timeout()
        async with asyncio.timeout(seconds) as deadline:
            status = LATE if seconds == 0 else await call(stream) or OK
    except Disconnected:
        return Code.CANCELLED
    except TimeoutError:
        if not deadline.expired():
            raise
        status = LATE
    except Refusal as refusal:
        status = Status.of(refusal)
    except TimeoutInvalid as error:
        status = Status.of(refusal_of(error))
    except asyncio.CancelledError:
        raise
    except Exception:
        name = here.get()
        log.exception("%s: a call failed", name, extra=name.known())
        status = Status(Code.INTERNAL, "the server failed; its log has the reason")
    with contextlib.suppress(Disconnected):
        await stream.end(status)
    return status.code
