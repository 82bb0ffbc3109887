"""A server may tell anything of itself: it costs a sentence, and a bounded time and memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha import reflection_pb2_grpc

from chatroom.chatwire.schema import Reflected, reflection
from chatroom.chatwire.schema.proto_files import in_order
from chatroom.chatwire.schema.reflection import Reflection

Answer = Callable[[pb.ServerReflectionRequest], Iterator[bytes]]


class Server(reflection_pb2_grpc.ServerReflectionServicer):
    """Names one service, and answers what is asked of files as it is told."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def ServerReflectionInfo(
        self, requests: Iterator[pb.ServerReflectionRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ServerReflectionResponse]:
        for request in requests:
            answer = pb.ServerReflectionResponse()
            if request.WhichOneof("message_request") == "list_services":
                answer.list_services_response.service.add(name="e.S")
                yield answer
                continue
            for file in self._answer(request):
                if not context.is_active():
                    return
                yield pb.ServerReflectionResponse(
                    file_descriptor_response=pb.FileDescriptorResponse(file_descriptor_proto=[file])
                )


def asked(answer: Answer) -> list[str]:
    """What is said when such a server has been asked."""
    server = grpc.server(ThreadPoolExecutor(2))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Server(answer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    said: list[str] = []
    try:
        schema = Reflection(Reflected(address=f"127.0.0.1:{port}"), said.append)
        schema.wait()
        assert schema.types("/e.S/M") is None
    finally:
        server.stop(None).wait()
    return said


def file(name: str, *dependencies: str) -> bytes:
    return FileDescriptorProto(name=name, dependency=dependencies).SerializeToString()


def garbage(request: pb.ServerReflectionRequest) -> Iterator[bytes]:
    yield b"\xff\xff\xff\xff"


def incomplete(request: pb.ServerReflectionRequest) -> Iterator[bytes]:
    if request.file_containing_symbol:
        yield file("e.proto", "nowhere.proto")


def circular(request: pb.ServerReflectionRequest) -> Iterator[bytes]:
    yield file("e.proto", "f.proto")
    yield file("f.proto", "e.proto")


def chain(request: pb.ServerReflectionRequest) -> Iterator[bytes]:
    number = int(request.file_by_filename or 0)
    yield file(str(number), str(number + 1))


def wide(request: pb.ServerReflectionRequest) -> Iterator[bytes]:
    yield file("e.proto", *map(str, range(10_000)))


def endless(request: pb.ServerReflectionRequest) -> Iterator[bytes]:
    for number in itertools.count():
        yield file(f"{number}.proto", "x" * 100_000)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (garbage, "is no schema (DecodeError"),
        (incomplete, "is no schema (TypeError"),
        (circular, "is no schema (TypeError"),
        (chain, "more than 100 files and services"),
        (wide, "more than 100 files and services"),
        (endless, "more than 1,000,000 bytes"),
    ],
)
def test_what_is_no_schema_is_said(
    answer: Answer, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, with what to do about it."""
    monkeypatch.setattr(reflection, "FILES", 100)
    monkeypatch.setattr(reflection, "BYTES", 1_000_000)
    monkeypatch.setattr(reflection, "PATIENCE", 60.0)
    (said,) = asked(answer)
    assert sentence in said
    assert "--proto FILE" in said


def test_there_is_one_deadline_for_all_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain without an end, each link of which comes in time."""
    monkeypatch.setattr(reflection, "FILES", 1 << 60)
    monkeypatch.setattr(reflection, "BYTES", 1 << 60)
    monkeypatch.setattr(reflection, "PATIENCE", 1.0)
    (said,) = asked(chain)
    assert "DEADLINE_EXCEEDED" in said


def test_a_long_chain_of_imports_is_put_in_order() -> None:
    """Longer than Python's stack is deep."""
    files = [
        FileDescriptorProto(name=str(number), dependency=[str(number + 1)])
        for number in range(5000)
    ]
    assert list(map(str, reversed(range(5000)))) == [one.name for one in in_order(files)]
