"""What connectrpc is told, so that it answers odd requests as our own streams do.

Sources: gRPC over HTTP/2 (PROTOCOL-HTTP2.md), gRPC compression, and the Connect protocol
reference. `tests/interop/test_one_behaviour.py` compares all that serves calls.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from connectrpc.code import Code as ConnectCode
from connectrpc.codec import Codec
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.compression import Compression
from connectrpc.errors import ConnectError
from connectrpc.interceptor import Interceptor
from connectrpc.request import RequestContext

from chatroom.server.counters import Calls
from chatroom.wire import envelopes
from chatroom.wire.envelopes import CompressionInvalid, MessageTooLong
from chatroom.wire.grpc import Code, media_type

from .json_requests import JsonInvalid, from_json
from .protocols import ACCEPTED
from .statuses import LATE

_CONNECT_TIMEOUT = "connect-timeout-ms"
Responses = AsyncGenerator[Any, None]
_NO_BOUND = (1 << 31) - 1


class Heads:
    """Of a request's head: what is wrong with its time-out. Of a response's: what is accepted."""

    async def on_start(self, context: RequestContext[Any, Any]) -> None:
        """Raises ConnectError; it is called before the request's body is read."""
        headers = context.request_headers
        media = media_type(headers.get("content-type", "").encode())
        context.response_headers[_accepting(media)] = ACCEPTED.decode()
        if headers.get(_CONNECT_TIMEOUT) == "" and not media.startswith(b"application/grpc"):
            raise ConnectError(ConnectCode.INVALID_ARGUMENT, f"{_CONNECT_TIMEOUT} '' is not valid")
        left = context.timeout_ms
        if left is not None and left <= 0:
            raise ConnectError(ConnectCode[LATE.name], LATE.message)

    async def on_end(
        self, _token: None, _context: RequestContext[Any, Any], error: Exception | None, /
    ) -> None:
        """Drop where an error was raised: its client is told, and no log needs it.

        Else error, traceback and frames hold each other, with the call's stream and all else
        that it had: 69 objects for each refusal, until the collector stops everybody for them.
        """
        if isinstance(error, ConnectError):
            error.__traceback__ = None


def _accepting(media: bytes) -> str:
    """The field that names the encodings of requests, in the protocol of a media type."""
    if media.startswith(b"application/grpc"):
        return "grpc-accept-encoding"
    if media.startswith(b"application/connect+"):
        return "connect-accept-encoding"
    return "accept-encoding"


class CountedCalls:
    """Counts calls, and with which status they end."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def on_start(self, context: RequestContext[Any, Any]) -> None:
        """The request's body has not been read."""
        self._calls.begin(path_of(context))

    async def on_end(
        self, _token: None, context: RequestContext[Any, Any], error: Exception | None, /
    ) -> None:
        """The response has not been sent."""
        self._calls.end(path_of(context), code_of_end(error))


class CountedMessages:
    """Counts the messages of calls, once they are read."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_unary(
        self, go_on: Callable[[Any, Any], Awaitable[Any]], request: Any, context: Any, /
    ) -> Any:
        """One in, and one out if there is an answer."""
        path = path_of(context)
        self._calls.receive(path)
        response = await go_on(request, context)
        self._calls.send(path)
        return response

    async def intercept_server_stream(
        self, go_on: Callable[[Any, Any], Responses], request: Any, context: Any, /
    ) -> AsyncIterator[Any]:
        """One in, any number out."""
        path = path_of(context)
        self._calls.receive(path)
        async with aclosing(go_on(request, context)) as responses:
            async for response in responses:
                self._calls.send(path)
                yield response

    async def intercept_bidi_stream(
        self,
        go_on: Callable[[Any, Any], Responses],
        requests: AsyncIterator[Any],
        context: Any,
        /,
    ) -> AsyncIterator[Any]:
        """Any number in and out."""
        path = path_of(context)

        async def counted() -> AsyncIterator[Any]:
            async for request in requests:
                self._calls.receive(path)
                yield request

        async with aclosing(go_on(counted(), context)) as responses:
            async for response in responses:
                self._calls.send(path)
                yield response


def path_of(context: RequestContext[Any, Any]) -> str:
    """The path of a call's method."""
    return f"/{context.method.service_name}/{context.method.name}"


def code_of_end(error: Exception | None) -> int:
    """The status of a call that ended with this error, or (None) well."""
    if error is None:
        return Code.OK
    if isinstance(error, ConnectError):
        name = error.code.name
        return Code.CANCELLED if name == "CANCELED" else Code[name]
    return Code.DEADLINE_EXCEEDED if isinstance(error, TimeoutError) else Code.UNKNOWN


class Gzip:
    """gzip with our bounds."""

    def name(self) -> str:
        return "gzip"

    def compress(self, data: bytes | bytearray | memoryview) -> bytes:
        return envelopes.gzip(bytes(data))

    def decompress(
        self, data: bytes | bytearray | memoryview, read_max_bytes: int | None = None
    ) -> bytes:
        """Raises ConnectError."""
        limit = _NO_BOUND if read_max_bytes is None else read_max_bytes
        try:
            return envelopes.decompressed(bytes(data), "gzip", limit)
        except MessageTooLong as error:
            raise ConnectError(ConnectCode.RESOURCE_EXHAUSTED, str(error)) from None
        except CompressionInvalid as error:
            raise ConnectError(ConnectCode.INVALID_ARGUMENT, str(error)) from None


class Json(Codec[Any, Any]):
    """JSON as `json_requests` reads it."""

    def __init__(self) -> None:
        self._answers = google_protobuf_json_codec()

    def name(self) -> str:
        return "json"

    def encode(self, message: Any) -> bytes:
        return self._answers.encode(message)

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> Any:
        """Raises ConnectError."""
        try:
            return from_json(data, message_class)
        except JsonInvalid as error:
            raise ConnectError(ConnectCode.INVALID_ARGUMENT, str(error)) from None


def interceptors(calls: Calls, *around: Interceptor) -> tuple[Interceptor, ...]:
    """What stands around every call, which is counted in `calls`; `around` stands outside of it."""
    return (*around, CountedCalls(calls), Heads(), CountedMessages(calls))


COMPRESSIONS: tuple[Compression, ...] = (Gzip(),)
CODECS: tuple[Codec[Any, Any], ...] = (google_protobuf_binary_codec(), Json())
