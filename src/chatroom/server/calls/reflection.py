"""Server reflection v1 and v1alpha, so that grpcurl needs no proto file.

connectrpc-grpcreflect reads descriptors of protobuf-py; `api.reflection` has the
contract and health once more as such, for this file alone.
"""

from __future__ import annotations

from connectrpc_grpcreflect import (
    ServerReflectionAlphaASGIApplication,
    ServerReflectionAlphaService,
    ServerReflectionASGIApplication,
    ServerReflectionService,
)

from chatroom.api.reflection.google.rpc import error_details_pb
from chatroom.api.reflection.grpc.health.v1 import health_pb
from chatroom.api.reflection.rpc import chat_pb
from chatroom.server.port.asgi import Application
from chatroom.wire.grpc import REFLECTION


def applications() -> dict[str, Application]:
    """Both versions, by path."""
    described = (chat_pb.desc(), health_pb.desc(), error_details_pb.desc())
    v1, v1alpha = REFLECTION
    return {
        v1: ServerReflectionASGIApplication(ServerReflectionService(*described)),
        v1alpha: ServerReflectionAlphaASGIApplication(ServerReflectionAlphaService(*described)),
    }
