"""The schema that a server tells of itself (grpc/grpc, doc/server-reflection.md)."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pool import DescriptorPool

from chatroom.chatwire.decode.schema import PoolSchema
from chatroom.chatwire.schema.proto_files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import grpc
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from grpc_reflection.v1alpha.reflection_pb2 import (
        ServerReflectionRequest,
        ServerReflectionResponse,
    )

    from chatroom.chatwire.decode.schema import Types

PAUSE = 5.0
"""Seconds between two attempts to ask."""
PATIENCE = 5.0
"""Seconds that a server has for all of its answers."""
FILES = 2000
"""Files and services that it may name; the largest public sets have some hundreds."""
BYTES = 16 << 20
"""Of all its answers."""


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

    def __init__(
        self, server: Reflected, say: Callable[[str], object] = lambda _sentence: None
    ) -> None:
        """`say` is told, from a thread, what is wrong with what the server answers."""
        self._server = server
        self._say = say
        self._complained: set[str] = set()
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
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED):
                self._complain(f"{error.code().name}")
        except TooMuch as error:
            self._complain(str(error))
        except Exception as error:  # noqa: BLE001 - what it describes may be anything
            self._complain(f"what it describes is no schema ({type(error).__name__}: {error})")

    def _complain(self, why: str) -> None:
        """Once for each reason, however often it is asked."""
        if why not in self._complained:
            self._complained.add(why)
            self._say(
                f"no schema from {self._server.address} by reflection: {why}; messages that are "
                "not known otherwise are shown by field number (--proto FILE names them)"
            )


class TooMuch(Exception):
    """A server tells more than a schema can be."""


class Answers:
    """What a server tells, within bounds of time and size for all of it together."""

    def __init__(self, channel: grpc.Channel) -> None:
        from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

        self._stub = ServerReflectionStub(channel)
        self._until = time.monotonic() + PATIENCE
        self._requests = 0
        self._bytes = 0

    def to(self, requests: Sequence[ServerReflectionRequest]) -> Iterator[ServerReflectionResponse]:
        """Raises grpc.RpcError and TooMuch."""
        self._requests += len(requests)
        if self._requests > FILES:
            raise TooMuch(f"it names more than {FILES:,} files and services")
        left = max(0.0, self._until - time.monotonic())
        for answer in self._stub.ServerReflectionInfo(iter(requests), timeout=left):
            self._bytes += answer.ByteSize()
            if self._bytes > BYTES:
                raise TooMuch(f"it tells more than {BYTES:,} bytes")
            yield answer

    def files(self, requests: Sequence[ServerReflectionRequest]) -> list[FileDescriptorProto]:
        """The files in the answers."""
        from google.protobuf.descriptor_pb2 import FileDescriptorProto

        return [
            FileDescriptorProto.FromString(one)
            for answer in self.to(requests)
            for one in answer.file_descriptor_response.file_descriptor_proto
        ]


def _pool_of(server: Reflected) -> DescriptorPool:
    """Every file that the services of a server need."""
    import grpc
    from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest as Request

    options = (("grpc.enable_http_proxy", 0),)  # the tap itself goes past any proxy, too
    if server.tls:
        credentials = grpc.ssl_channel_credentials(server.authority)
        channel = grpc.secure_channel(server.address, credentials, options)
    else:
        channel = grpc.insecure_channel(server.address, options)
    files: dict[str, FileDescriptorProto] = {}
    with channel:
        answers = Answers(channel)
        services = [
            service.name
            for answer in answers.to([Request(list_services="")])
            for service in answer.list_services_response.service
        ]
        wanted = [Request(file_containing_symbol=name) for name in services]
        asked: set[str] = set()
        while wanted:
            for file in answers.files(wanted):
                files.setdefault(file.name, file)
            imported = {name for file in files.values() for name in file.dependency}
            missing = imported - files.keys() - asked
            asked |= missing
            wanted = [Request(file_by_filename=name) for name in sorted(missing)]
    pool = DescriptorPool()
    for file in in_order(files.values()):
        pool.Add(file)
    return pool
