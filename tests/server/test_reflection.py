"""Reflection on the wire: both versions, and many questions at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from chatroom.api.rpc import chat_pb2
from chatroom.core.limits import Limits
from chatroom.server.calls.reflection import ConnectReflection, descriptions, native
from chatroom.server.port.asgi import Application, Event, Scope
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import REFLECTION, Code

from .services import running

QUESTION = ServerReflectionRequest(file_containing_symbol="rpc.ChatService")
MANY = 50


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


@pytest.mark.parametrize("path", REFLECTION)
def test_both_versions_are_served(path: str) -> None:
    """With the same bytes; a question without an answer is no end of the stream."""

    async def scenario() -> None:
        async with (
            running() as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            ask = channel.stream_stream(
                path,
                ServerReflectionRequest.SerializeToString,
                ServerReflectionResponse.FromString,
            )
            call = ask(iter([ServerReflectionRequest(), QUESTION]))
            refused, told = [answer async for answer in call]
            assert Code.INVALID_ARGUMENT == refused.error_response.error_code
            first = told.file_descriptor_response.file_descriptor_proto[0]
            assert chat_pb2.DESCRIPTOR.serialized_pb == first
            assert grpc.StatusCode.OK == await call.code()

    run(scenario)


def test_grpcio_learns_the_contract() -> None:
    """Its own client for reflection finds services and methods by it."""

    def learn(port: int) -> list[str]:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            return [method.name for method in pool.FindServiceByName("rpc.ChatService").methods]

    async def scenario() -> None:
        async with running() as server:
            methods = chat_pb2.DESCRIPTOR.services_by_name["ChatService"].methods
            assert [method.name for method in methods] == await asyncio.to_thread(
                learn, server.port
            )

    run(scenario)


def test_a_question_above_the_limit_of_a_message() -> None:
    """Ends the stream; nothing of it is kept."""

    async def scenario() -> None:
        async with (
            running(limits=Limits(envelope_bytes=1024)) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            call = channel.stream_stream(REFLECTION[0])(iter([bytes(1025)]))
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await call.read()
            assert grpc.StatusCode.RESOURCE_EXHAUSTED == ended.value.code()

    run(scenario)


def applications() -> list[Application]:
    return [native(descriptions(), Limits()), ConnectReflection(descriptions(), Limits())]


def scope(content_type: bytes) -> Scope:
    return {
        "type": "http", "method": "POST", "path": REFLECTION[0], "root_path": "",
        "http_version": "2", "headers": [(b"content-type", content_type), (b"te", b"trailers")],
        "extensions": {"http.response.trailers": {}}, "query_string": b"", "scheme": "http",
    }  # fmt: skip


async def flood() -> AsyncIterator[Event]:
    """Many questions in one event, then a stream that stays open."""
    yield {
        "type": "http.request",
        "more_body": True,
        "body": MANY * envelope(QUESTION.SerializeToString()),
    }
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("which", "content_type"),
    [(0, b"application/grpc"), (1, b"application/connect+proto"), (1, b"application/grpc-web")],
    ids=["grpc", "connect", "grpc-web"],
)
def test_a_flood_of_questions_leaves_turns_to_others(which: int, content_type: bytes) -> None:
    """One stream gets one answer a turn, however fast its peer takes them."""

    async def scenario() -> None:
        turn = 0
        answered: list[int] = []
        done = asyncio.Event()

        def count() -> None:
            nonlocal turn
            turn += 1
            loop.call_soon(count)

        async def take(event: Event) -> None:
            if event["type"] == "http.response.body":
                answered.append(turn)
                if MANY == len(answered):
                    done.set()

        loop = asyncio.get_running_loop()
        loop.call_soon(count)
        application = applications()[which]
        call = asyncio.create_task(application(scope(content_type), flood().__anext__, take))
        await done.wait()
        call.cancel()
        assert MANY == len(set(answered))

    run(scenario)


def test_an_answer_that_is_not_taken_holds_up_the_next_question() -> None:
    """A peer that asks and does not read costs one answer."""

    async def scenario() -> None:
        taken = asyncio.Semaphore(3)
        waits = asyncio.Event()
        answers = 0

        async def take(event: Event) -> None:
            nonlocal answers
            if event["type"] == "http.response.body":
                answers += 1
                if taken.locked():
                    waits.set()
                await taken.acquire()

        application = native(descriptions(), Limits())
        call = asyncio.create_task(application(scope(b"application/grpc"), flood().__anext__, take))
        await waits.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert 4 == answers
        call.cancel()

    run(scenario)
