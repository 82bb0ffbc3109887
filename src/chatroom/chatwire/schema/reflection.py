"""The schema that a server tells of itself (grpc/grpc, doc/server-reflection.md)."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pool import DescriptorPool

from chatroom.chatwire.decode.schema import PoolSchema

if TYPE_CHECKING:
    from chatroom.chatwire.decode.schema import Types

PAUSE = 5.0
"""Seconds between two attempts to ask."""
PATIENCE = 5.0
"""Seconds that a server has for its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflected:
    """A server that can be asked."""

    address: str
    tls: bool = False
    authority: bytes | None = None
    """Certificates, PEM, of whom to believe; None: those the system believes."""


class Reflection:
    """Asks in a thread of its own: once at the beginning, and when a service is unknown.

    Messages that pass before the answer is there are shown by field number. A server
    without reflection, or that does not run yet, costs nothing but the attempt.
    """

    def __init__(self, server: Reflected) -> None:
        self._server = server
        self._told: PoolSchema | None = None
        self._asked = -PAUSE
        self._asking: threading.Thread | None = None
        self._ask()

    def types(self, path: str) -> Types | None:
        told = self._told
        types = told.types(path) if told is not None else None
        if types is None:
            self._ask()
        return types

    def _ask(self) -> None:
        if self._asking is not None and self._asking.is_alive():
            return
        if time.monotonic() - self._asked < PAUSE:
            return
        self._asked = time.monotonic()
        self._asking = threading.Thread(target=self._listen, name="reflection", daemon=True)
        self._asking.start()

    def wait(self) -> None:
        """Until the question under way is answered, or given up."""
        if self._asking is not None:
            self._asking.join()

    def _listen(self) -> None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        try:
            self._told = PoolSchema(_pool_of(self._server))
        except (grpc.RpcError, TypeError, ValueError, KeyError):
            # It does not run, has no reflection, or describes what is no schema.
            return


def _pool_of(server: Reflected) -> DescriptorPool:
    """Every file that the services of a server need."""
    import grpc
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
    from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

    channel = (
        grpc.secure_channel(server.address, grpc.ssl_channel_credentials(server.authority))
        if server.tls
        else grpc.insecure_channel(server.address)
    )
    pool = DescriptorPool()
    files: dict[str, FileDescriptorProto] = {}
    added: set[str] = set()

    def ask(*requests: ServerReflectionRequest) -> list[FileDescriptorProto]:
        stub = ServerReflectionStub(channel)
        answers = stub.ServerReflectionInfo(iter(requests), timeout=PATIENCE)
        return [
            FileDescriptorProto.FromString(one)
            for answer in answers
            for one in answer.file_descriptor_response.file_descriptor_proto
        ]

    def add(file: FileDescriptorProto) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for name in file.dependency:
            if name not in files:
                for found in ask(ServerReflectionRequest(file_by_filename=name)):
                    files.setdefault(found.name, found)
            if name in files:
                add(files[name])
        pool.Add(file)

    with channel:
        listed = ServerReflectionStub(channel).ServerReflectionInfo(
            iter([ServerReflectionRequest(list_services="")]), timeout=PATIENCE
        )
        services = [
            service.name for answer in listed for service in answer.list_services_response.service
        ]
        for service in services:
            for file in ask(ServerReflectionRequest(file_containing_symbol=service)):
                files.setdefault(file.name, file)
        for file in list(files.values()):
            add(file)
    return pool
