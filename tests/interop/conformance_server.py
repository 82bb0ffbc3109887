"""The service of Connect's conformance suite on our own native gRPC stream.

    python conformance_server.py DESCRIPTORS

DESCRIPTORS is a FileDescriptorSet of the suite's proto files. The suite's runner starts
this program, hands it a ServerCompatRequest on standard input, takes the address from a
ServerCompatResponse on standard output, and ends it with SIGTERM. Both messages follow
their length in four bytes. What the methods do is laid down in the suite's service.proto.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any as Anything

from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message_factory import GetMessageClassesForFiles

from chatroom.core.refusals import Refusal
from chatroom.server.calls.grpcstream import GrpcStream, serve_call
from chatroom.server.calls.statuses import OK, Status, code_of
from chatroom.server.port import sockets
from chatroom.server.port.asgi import Application, Receive, Scope, Send, respond
from chatroom.server.port.bridge import BodyBounds, asgi_calls
from chatroom.server.port.clients import Clients
from chatroom.server.port.front import Front
from chatroom.server.port.gate import Allowed, Gate
from chatroom.server.port.in_flight import InFlight
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port, PortLimits
from chatroom.server.port.rota import Rota
from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import envelope

PACKAGE = "connectrpc.conformance.v1"
NO_LIMIT = 2**32 - 1
GOODBYE_SECONDS = 1.0
"""How long the runner may take to read what was written."""

Call = Callable[[GrpcStream], Awaitable[Status | None]]
Message = Anything


def load(descriptors: Path) -> dict[str, Callable[..., Message]]:
    """The messages of the suite, by name."""
    files = FileDescriptorSet.FromString(descriptors.read_bytes()).file
    pool = descriptor_pool.Default()
    for file in files:
        pool.Add(file)
    return GetMessageClassesForFiles([file.name for file in files], pool)


class Conformance:
    """`connectrpc.conformance.v1.ConformanceService`, each method a call on a stream."""

    def __init__(self, types: dict[str, Callable[..., Message]]) -> None:
        self._types = types

    def calls(self) -> dict[str, Call]:
        """The methods by path; `Unimplemented` is left to the front."""
        methods = {
            "Unary": self.unary,
            "IdempotentUnary": self.idempotent_unary,
            "ClientStream": self.client_stream,
            "ServerStream": self.server_stream,
            "BidiStream": self.bidi_stream,
        }
        return {f"/{PACKAGE}.ConformanceService/{name}": call for name, call in methods.items()}

    # ---- One answer -----------------------------------------------------------------

    async def unary(self, stream: GrpcStream) -> Status:
        request = await stream.message(self._type("UnaryRequest"))
        return await self._answer(stream, "UnaryResponse", [request])

    async def idempotent_unary(self, stream: GrpcStream) -> Status:
        request = await stream.message(self._type("IdempotentUnaryRequest"))
        return await self._answer(stream, "IdempotentUnaryResponse", [request])

    async def client_stream(self, stream: GrpcStream) -> Status:
        requests = [each async for each in stream.messages(self._type("ClientStreamRequest"))]
        return await self._answer(stream, "ClientStreamResponse", requests)

    async def _answer(self, stream: GrpcStream, kind: str, requests: list[Message]) -> Status:
        wanted = requests[0].response_definition if requests else None
        echo = self._echo(stream, requests)
        data = b""
        if wanted is not None:
            add_metadata(stream, wanted)
            await asyncio.sleep(wanted.response_delay_ms / 1000)
            if wanted.HasField("error"):
                return status(wanted.error, echo)
            data = wanted.response_data
        payload = self._type("ConformancePayload")(data=data, request_info=echo)
        await stream.write(envelope(self._type(kind)(payload=payload).SerializeToString()))
        return OK

    # ---- Many answers ---------------------------------------------------------------

    async def server_stream(self, stream: GrpcStream) -> Status:
        request = await stream.message(self._type("ServerStreamRequest"))
        answers = Answers(self, stream, "ServerStreamResponse", request.response_definition)
        answers.requests.append(request)
        return await answers.rest()

    async def bidi_stream(self, stream: GrpcStream) -> Status:
        answers = None
        full_duplex = False
        async for request in stream.messages(self._type("BidiStreamRequest")):
            if answers is None:
                wanted, full_duplex = request.response_definition, request.full_duplex
                answers = Answers(self, stream, "BidiStreamResponse", wanted)
                if full_duplex and answers.left:
                    await stream.write(b"")
            answers.requests.append(request)
            if full_duplex:
                if not answers.left:
                    break
                await answers.one()
                answers.requests.clear()
        return OK if answers is None else await answers.rest()

    # ---- Inside ---------------------------------------------------------------------

    def _type(self, name: str) -> Anything:
        return self._types[f"{PACKAGE}.{name}"]

    def _echo(self, stream: GrpcStream, requests: list[Message], *, whole: bool = True) -> Message:
        """What the suite wants to see of the request."""
        echo = self._type("ConformancePayload").RequestInfo()
        for request in requests:
            echo.requests.add().Pack(request)
        if not whole:
            return echo
        values: dict[str, list[str]] = {}
        for name, value in stream.metadata:
            values.setdefault(name.decode(), []).append(value.decode())
        for name, several in values.items():
            echo.request_headers.add(name=name, value=several)
        seconds = stream.timeout()
        if seconds is not None:
            echo.timeout_ms = round(seconds * 1000)
        return echo


class Answers:
    """What is still to be answered on a stream."""

    def __init__(
        self, service: Conformance, stream: GrpcStream, kind: str, wanted: Message
    ) -> None:
        self._service = service
        self._stream = stream
        self._type = service._type(kind)
        self._wanted = wanted
        self._first = True
        self.left = list(wanted.response_data)
        self.requests: list[Message] = []
        add_metadata(stream, wanted)

    async def one(self) -> None:
        """Answer once; the first answer echoes the whole request, later ones what is new."""
        payload = self._service._type("ConformancePayload")(data=self.left.pop(0))
        if self.requests:
            echo = self._service._echo(self._stream, self.requests, whole=self._first)
            payload.request_info.CopyFrom(echo)
        self._first = False
        await asyncio.sleep(self._wanted.response_delay_ms / 1000)
        await self._stream.write(envelope(self._type(payload=payload).SerializeToString()))

    async def rest(self) -> Status:
        """Answer all that is left, then the status."""
        if self.left:
            await self._stream.write(b"")
        while self.left:
            await self.one()
            self.requests.clear()
        if not self._wanted.HasField("error"):
            return OK
        echo = self._service._echo(self._stream, self.requests) if self._first else None
        return status(self._wanted.error, echo)


def add_metadata(stream: GrpcStream, wanted: Message) -> None:
    """The headers and trailers that a response is to have."""
    for metadata, fields in (
        (stream.headers, wanted.response_headers),
        (stream.trailers, wanted.response_trailers),
    ):
        metadata.extend(
            (field.name.lower().encode(), value.encode())
            for field in fields
            for value in field.value
        )


def status(error: Message, echo: Message | None) -> Status:
    """The error that the suite asks for; its codes are those of gRPC."""
    details = list(error.details)
    if echo is not None:
        detail = Any()
        detail.Pack(echo)
        details.append(detail)
    return Status(error.code, error.message, tuple(details))


def application(call: Call, limit: int) -> Application:
    """A call as an ASGI application.

    The suite takes details that it did not ask for as a failure, so the ErrorInfo of our
    refusals is left out: their codes are what is to be compared.
    """

    async def without_details(stream: GrpcStream) -> Status | None:
        try:
            return await call(stream)
        except Refusal as refusal:
            return Status(code_of(refusal), str(refusal))

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await serve_call(GrpcStream(scope, receive, send, limit=limit), without_details)

    return serve


async def no_call(scope: Scope, _receive: Receive, send: Send) -> None:
    """Stand in for connectrpc, to which the front hands what is no native gRPC call."""
    if scope["method"] == "POST":
        await respond(send, 415, b"", b"text/plain")
    else:
        await respond(send, 405, b"", b"text/plain", [(b"allow", b"POST")])


def receive(message_type: Anything) -> Message:
    """Take one message from standard input."""
    size = int.from_bytes(sys.stdin.buffer.read(4), "big")
    return message_type.FromString(sys.stdin.buffer.read(size))


def answer(message: Message) -> None:
    """Put one message on standard output."""
    data = message.SerializeToString()
    sys.stdout.buffer.write(len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()


async def main() -> None:
    """Serve until SIGTERM."""
    types = load(Path(sys.argv[1]))
    request = receive(types[f"{PACKAGE}.ServerCompatRequest"])
    limit = request.message_receive_limit or NO_LIMIT
    calls = Conformance(types).calls()
    native = {path: application(call, limit) for path, call in calls.items()}
    [listener] = sockets.listen(Address("127.0.0.1", 0))
    gate = Gate(Allowed())
    notices = Notices(time.monotonic)
    no_calls = dict.fromkeys(native, no_call)
    front = Front(
        no_calls,
        gate,
        Clients((), notices),
        native=native,
        in_flight=InFlight(()),
        notices=notices,
    )
    bounds = BodyBounds(bytes=None, idle_seconds=None, seconds=None)
    begin = asgi_calls(front, lambda _path: bounds, Rota())
    port = Port((listener,), begin, front, PortLimits(), notices=notices)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    port.open()
    address = sockets.address_of(listener)
    answer(types[f"{PACKAGE}.ServerCompatResponse"](host=address.host, port=address.port))
    await stop.wait()
    port.drain()
    await port.close(GOODBYE_SECONDS)


if __name__ == "__main__":
    asyncio.run(main())
