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
UNREACHED_PAUSE = 0.5
"""The same while nobody is there to ask: a call that passes says that somebody is by now."""
HOLD = 2.0
"""Seconds for which a call of an unknown method waits for the answer under way. A server that
answers does so in some hundredths."""
PATIENCE = 5.0
"""Seconds that a server has for all of its answers."""
FILES = 2000
"""Files and services that it may name; the largest public sets have some hundreds."""
NAMED = 8
"""Services that are named when a schema is learnt; of more, the number."""
BYTES = 16 << 20
"""Of all its answers."""
VERSIONS = ("v1", "v1alpha")
"""Of the protocol, in the order in which they are asked. Newer servers have v1 alone, older ones
v1alpha alone. Their messages are the same in all but the package's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflected:
    """A server that can be asked."""

    address: str
    tls: bool = False
    authority: bytes | None = None
    """Certificates, PEM, of whom to believe; None: those the system believes."""


class Reflection:
    """Asks in a thread of its own: once at the beginning, and when a service is unknown.

    Whoever wants to know a method waits for the answer under way, but not long, so that a call
    that is as old as the question has its names. Messages that pass later than that, and before
    the answer, are shown by field number. A server that does not run yet costs nothing but the
    attempt; one that has once let somebody wait in vain is not waited for again.
    """

    def __init__(
        self,
        server: Reflected,
        say: Callable[[str], object] = lambda _sentence: None,
        *,
        patient: bool = True,
    ) -> None:
        """`say` is told, mostly from a thread, what was learnt, or why nothing was.

        `patient`: whether `types` waits for an answer.
        """
        self._server = server
        self._patient = patient
        self._say = say
        self._said: set[str] = set()
        self._told: PoolSchema | None = None
        self._asked = -PAUSE
        self._pause = PAUSE
        self._asking: threading.Thread | None = None
        self._slow = False
        self._without = False
        """Whether the server has no reflection, in any version."""
        self._ask()

    def types(self, path: str) -> Types | None:
        types = self._types(path)
        if types is None:
            self._ask()
            self._hold()
            types = self._types(path)
        if types is None and self._without:
            self._complain(f"it has none ({' or '.join(VERSIONS)})")
        return types

    def _types(self, path: str) -> Types | None:
        told = self._told
        return told.types(path) if told is not None else None

    def _ask(self) -> None:
        if self._asking is not None and self._asking.is_alive():
            return
        if time.monotonic() - self._asked < self._pause:
            return
        self._asked = time.monotonic()
        self._asking = threading.Thread(target=self._listen, name="reflection", daemon=True)
        self._asking.start()

    def _hold(self) -> None:
        """Wait for the answer under way, though not for long, and only if that may help."""
        if self._asking is None or self._slow or not self._patient:
            return
        self._asking.join(max(0.0, self._asked + HOLD - time.monotonic()))
        self._slow = self._asking.is_alive()

    def wait(self) -> None:
        """Until the question under way is answered, or given up."""
        if self._asking is not None:
            self._asking.join()

    def _listen(self) -> None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        pause = PAUSE
        try:
            described = described_by(self._server)
        except grpc.RpcError as error:
            self._without = error.code() is grpc.StatusCode.UNIMPLEMENTED
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                pause = UNREACHED_PAUSE
            elif not self._without:
                self._complain(f"{error.code().name}")
        except TooMuch as error:
            self._complain(str(error))
        except Exception as error:  # noqa: BLE001 - what it describes may be anything
            self._complain(f"what it describes is no schema ({type(error).__name__}: {error})")
        else:
            self._without = False
            self._learn(described)
        self._pause = pause

    def _learn(self, described: Described) -> None:
        """Know it, and say so if it is new."""
        took = time.monotonic() - self._asked
        self._told = PoolSchema(described.pool)
        self._slow = False
        named, more = described.services[:NAMED], len(described.services) - NAMED
        self._once(
            f"learnt from {self._server.address} by reflection ({described.version}): "
            + ", ".join([*named, *([f"{more} more"] if more > 0 else [])]),
            f" ({took:.1f} s after asking)",
        )

    def _complain(self, why: str) -> None:
        self._once(
            f"no schema from {self._server.address} by reflection: {why}; messages that are "
            "not known otherwise are shown by field number (--proto FILE names them)"
        )

    def _once(self, sentence: str, more: str = "") -> None:
        """Say it, but not again, however often the server is asked; `more` may be another."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence + more)


class TooMuch(Exception):
    """A server tells more than a schema can be."""


class Answers:
    """What a server tells, within bounds of time and size for all of it together."""

    def __init__(self, channel: grpc.Channel, version: str, until: float) -> None:
        """`until` is when it has to be told, on the clock of `time.monotonic`."""
        from grpc_reflection.v1alpha import reflection_pb2 as pb

        self._ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=pb.ServerReflectionResponse.FromString,
        )
        self._until = until
        self._requests = 0
        self._bytes = 0

    def to(self, requests: Sequence[ServerReflectionRequest]) -> Iterator[ServerReflectionResponse]:
        """Raises grpc.RpcError and TooMuch."""
        self._requests += len(requests)
        if self._requests > FILES:
            raise TooMuch(f"it names more than {FILES:,} files and services")
        left = max(0.0, self._until - time.monotonic())
        for answer in self._ask(iter(requests), timeout=left):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a server says of itself. `version`: in which version of the protocol."""

    pool: DescriptorPool
    services: tuple[str, ...]
    version: str


def described_by(server: Reflected) -> Described:
    """Every file that the services of a server need. Raises grpc.RpcError and TooMuch."""
    import grpc
    from grpc import StatusCode as Code

    options = (("grpc.enable_http_proxy", 0),)  # the tap itself goes past any proxy, too
    if server.tls:
        credentials = grpc.ssl_channel_credentials(server.authority)
        channel = grpc.secure_channel(server.address, credentials, options)
    else:
        channel = grpc.insecure_channel(server.address, options)
    until = time.monotonic() + PATIENCE
    *newer, oldest = VERSIONS
    with channel:
        for version in newer:
            try:
                return _described(Answers(channel, version, until), version)
            except grpc.RpcError as error:
                # Not every server says UNIMPLEMENTED of what it does not have.
                if error.code() in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED):
                    raise
        return _described(Answers(channel, oldest, until), oldest)


def _described(answers: Answers, version: str) -> Described:
    from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest as Request

    files: dict[str, FileDescriptorProto] = {}
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
    return Described(pool=pool, services=tuple(sorted(set(services))), version=version)
