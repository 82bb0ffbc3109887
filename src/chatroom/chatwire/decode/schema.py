"""Which messages a method takes and gives: what the decoder asks a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message


class Types(NamedTuple):
    """The classes of a method's messages."""

    request: type[Message]
    response: type[Message]


class Schema(Protocol):
    """Knows methods."""

    def types(self, path: str) -> Types | None:
        """The messages of a method, by its path such as /rpc.ChatService/Chat."""


class PoolSchema:
    """The methods of one pool of descriptors."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._known: dict[tuple[str, str], Types] = {}

    def types(self, path: str) -> Types | None:
        *_, service, method = "", *path.rsplit("/", 2)[-2:]
        if known := self._known.get((service, method)):
            return known
        try:
            found = self._pool.FindServiceByName(service).FindMethodByName(method)
            types = Types(GetMessageClass(found.input_type), GetMessageClass(found.output_type))
        except (KeyError, TypeError, ValueError):
            # Unknown, or no name at all: the bytes of a path need not be UTF-8.
            return None
        self._known[service, method] = types
        return types


def own_schema() -> PoolSchema:
    """What is always known: our contract, health, reflection, and the usual error details."""
    from google.protobuf import descriptor_pool
    from google.rpc import error_details_pb2, status_pb2
    from grpc_health.v1 import health_pb2
    from grpc_reflection.v1alpha import reflection_pb2

    from chatroom.api.rpc import chat_pb2

    # Each import puts its file into the default pool.
    assert all((chat_pb2, health_pb2, reflection_pb2, error_details_pb2, status_pb2))
    return PoolSchema(descriptor_pool.Default())
