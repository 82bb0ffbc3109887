"""Server reflection v1 and v1alpha, so that grpcurl needs no proto file.

Native gRPC is ours; gRPC-Web and Connect, which `buf curl` speaks, go through connectrpc.
Either answers one question of a stream a turn of the loop (connectrpc does so of itself),
and reads the next one when the HTTP/2 layer has taken the answer: who asks without end
costs the others one answer a turn, some 5 µs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2 as pb

from chatroom.api.rpc import chat_pb2, moderation_pb2
from chatroom.core.limits import Limits
from chatroom.server.counters import Calls
from chatroom.server.port.asgi import Application, Receive, Scope, Send
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import REFLECTION, Code

from .agreement import CODECS, COMPRESSIONS, interceptors
from .descriptions import Descriptions, reflection_v1
from .grpcstream import GrpcStream, serve_call


def descriptions() -> Descriptions:
    """The contract, the standard services, and the details that refusals carry."""
    return Descriptions(
        (
            chat_pb2.DESCRIPTOR,
            moderation_pb2.DESCRIPTOR,
            health_pb2.DESCRIPTOR,
            error_details_pb2.DESCRIPTOR,
            pb.DESCRIPTOR,
            reflection_v1(),
        )
    )


def native(described: Descriptions, limits: Limits, calls: Calls | None = None) -> Application:
    """Either version over native gRPC, as an ASGI application; counted in `calls`."""
    count = calls or Calls()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]

        async def call(stream: GrpcStream) -> None:
            async for question in stream.messages(pb.ServerReflectionRequest):
                count.receive(path)
                await stream.write(envelope(described.answer(question).SerializeToString()))
                count.send(path)
                await asyncio.sleep(0)

        count.begin(path)
        code: int = Code.CANCELLED
        try:
            stream = GrpcStream(scope, receive, send, limit=limits.envelope_bytes)
            code = await serve_call(stream, call)
        finally:
            count.end(path, code)

    return application


class ConnectReflection(ConnectASGIApplication[Descriptions]):
    """Both versions over gRPC-Web and Connect."""

    def __init__(self, described: Descriptions, limits: Limits, calls: Calls | None = None) -> None:
        async def call(
            questions: AsyncIterator[pb.ServerReflectionRequest], _context: Any
        ) -> AsyncIterator[pb.ServerReflectionResponse]:
            async for question in questions:
                yield described.answer(question)

        super().__init__(
            service=described,
            endpoints=lambda _: {
                f"/{service}/{name}": Endpoint.bidi_stream(
                    method=MethodInfo(
                        name=name,
                        service_name=service,
                        input=pb.ServerReflectionRequest,
                        output=pb.ServerReflectionResponse,
                        idempotency_level=IdempotencyLevel.UNKNOWN,
                        stream_type=StreamType.BIDI_STREAM,
                    ),
                    function=call,
                )
                for _, service, name in (path.split("/") for path in REFLECTION)
            },
            read_max_bytes=limits.envelope_bytes,
            interceptors=interceptors(calls or Calls()),
            compressions=COMPRESSIONS,
            codecs=CODECS,
        )

    @property
    def path(self) -> str:
        """Where the first of the services is; nothing here looks at it."""
        return REFLECTION[0].rpartition("/")[0]
