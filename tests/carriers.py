"""One client interface over every protocol that carries the contract.

The clients are libraries that no one here wrote: grpcio's, and connectrpc's for
gRPC-Web and Connect.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc
import grpc.aio
import pyqwest
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.protocol import ProtocolType
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_connect import ChatServiceClient
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.api.rpc.moderation_connect import ModerationServiceClient
from chatroom.api.rpc.moderation_pb2_grpc import ModerationServiceStub
from tests.turns import watched_loop

SECONDS = 20.0
"""How long anything may take; it never decides a test that passes."""


@dataclass
class Ended(Exception):
    """A call or a stream ended."""

    code: str
    reason: str = ""
    message: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after: float = 0.0
    """Seconds, of RetryInfo; 0: it has none."""

    def __str__(self) -> str:
        return f"{self.code} {self.reason} {self.message}"


class Stream(Protocol):
    """An open `Chat` or `Subscribe`."""

    async def send(self, message: pb.ChatMessage) -> None: ...
    async def half_close(self) -> None: ...
    async def receive(self) -> pb.Message: ...
    async def cancel(self) -> None: ...


class Carrier(Protocol):
    """A protocol."""

    async def call(
        self, method: str, request: Any, headers: dict[str, str] | None = None
    ) -> Any: ...
    def chat(self, headers: dict[str, str] | None = None) -> Stream: ...
    def subscribe(self, join: pb.JoinChat, headers: dict[str, str] | None = None) -> Stream: ...
    async def close(self) -> None: ...


# ---- gRPC, by grpcio ----------------------------------------------------------


def grpc_ended(error: grpc.aio.AioRpcError) -> Ended:
    return _ended(error.code(), error.details(), error.trailing_metadata())


def _ended(code: grpc.StatusCode, message: str | None, trailers: Any) -> Ended:
    ended = Ended(code.name, "", message or "")
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            assert isinstance(value, bytes)
            _read_details(ended, [(d.type_url, d.value) for d in Status.FromString(value).details])
    return ended


def _read_details(ended: Ended, details: list[tuple[str, bytes]]) -> None:
    for type_url, value in details:
        if type_url.endswith("google.rpc.ErrorInfo"):
            info = ErrorInfo.FromString(value)
            assert "rpc.ChatService" == info.domain
            ended.reason, ended.metadata = info.reason, dict(info.metadata)
        elif type_url.endswith("google.rpc.RetryInfo"):
            delay = RetryInfo.FromString(value).retry_delay
            ended.retry_after = delay.seconds + delay.nanos / 1e9


class GrpcStream:
    def __init__(self, call: Any) -> None:
        self.call = call
        self.joined = pb.Joined()
        """For whoever reads it to keep."""

    async def send(self, message: pb.ChatMessage) -> None:
        # If it has ended, `receive` says how.
        with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
            await self.call.write(message)

    async def half_close(self) -> None:
        await self.call.done_writing()

    async def receive(self) -> pb.Message:
        try:
            async with asyncio.timeout(SECONDS):
                message = await self.call.read()
            if message is not grpc.aio.EOF:
                return message
        except grpc.aio.AioRpcError:
            pass  # what was begun has failed; how the call has ended is told below
        call = self.call
        async with asyncio.timeout(SECONDS):
            raise _ended(await call.code(), await call.details(), await call.trailing_metadata())

    async def rest(self) -> None:
        """Read to the end, which raises Ended."""
        while True:
            await self.receive()

    async def cancel(self) -> None:
        self.call.cancel()


class GrpcCarrier:
    def __init__(self, port: int, *, alone: bool = False, ca: Path | None = None) -> None:
        """`alone`: on a connection that it does not share with others to the same port.

        `ca`: who has signed the port's certificate, if it speaks TLS.
        """
        options = (("grpc.use_local_subchannel_pool", int(alone)),)
        target = f"127.0.0.1:{port}"
        if ca is None:
            self._channel = grpc.aio.insecure_channel(target, options)
        else:
            trusted = grpc.ssl_channel_credentials(ca.read_bytes())
            self._channel = grpc.aio.secure_channel(target, trusted, options)
        self._stub = ChatServiceStub(self._channel)
        self._moderation = ModerationServiceStub(self._channel)

    async def call(self, method: str, request: Any, headers: dict[str, str] | None = None) -> Any:
        metadata = tuple((headers or {}).items())
        try:
            stub = self._stub if hasattr(self._stub, method) else self._moderation
            return await getattr(stub, method)(request, timeout=SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise grpc_ended(error) from None

    def chat(self, headers: dict[str, str] | None = None) -> GrpcStream:
        return GrpcStream(self._stub.Chat(metadata=tuple((headers or {}).items())))

    def subscribe(self, join: pb.JoinChat, headers: dict[str, str] | None = None) -> GrpcStream:
        return GrpcStream(self._stub.Subscribe(join, metadata=tuple((headers or {}).items())))

    async def close(self) -> None:
        await self._channel.close()


# ---- gRPC-Web and Connect, by connectrpc ---------------------------------------


def connect_ended(error: ConnectError) -> Ended:
    name = "CANCELLED" if error.code is Code.CANCELED else error.code.name
    ended = Ended(name, "", error.message)
    _read_details(
        ended, [(f"/{detail.type_name}", detail.message_bytes) for detail in error.details]
    )
    return ended


class ConnectStream:
    """Reads in a task of its own, since leaving the iterator would end the call."""

    def __init__(self, open_stream: Callable[[AsyncIterator[Any]], AsyncIterator[Any]]) -> None:
        self._requests: asyncio.Queue[pb.ChatMessage | None] = asyncio.Queue()
        self._messages: asyncio.Queue[pb.Message | Ended] = asyncio.Queue()
        self._task = asyncio.create_task(self._read(open_stream(self._upwards())))

    async def _upwards(self) -> AsyncIterator[pb.ChatMessage]:
        while (message := await self._requests.get()) is not None:
            yield message

    async def _read(self, messages: AsyncIterator[pb.Message]) -> None:
        try:
            async for message in messages:
                self._messages.put_nowait(message)
        except ConnectError as error:
            self._messages.put_nowait(connect_ended(error))
        else:
            self._messages.put_nowait(Ended("OK"))

    async def send(self, message: pb.ChatMessage) -> None:
        self._requests.put_nowait(message)

    async def half_close(self) -> None:
        self._requests.put_nowait(None)

    async def receive(self) -> pb.Message:
        async with asyncio.timeout(SECONDS):
            message = await self._messages.get()
        if isinstance(message, Ended):
            self._messages.put_nowait(message)
            raise message
        return message

    async def cancel(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class ConnectCarrier:
    def __init__(self, port: int, protocol: ProtocolType, *, json: bool = False) -> None:
        self._transport = pyqwest.HTTPTransport(
            http_version=pyqwest.HTTPVersion.HTTP2, enable_otel=False
        )
        self._client, self._moderation = (
            client(
                f"http://127.0.0.1:{port}",
                protocol=protocol,
                http_client=pyqwest.Client(self._transport),
                **({"codec": google_protobuf_json_codec()} if json else {}),
            )
            for client in (ChatServiceClient, ModerationServiceClient)
        )

    async def call(self, method: str, request: Any, headers: dict[str, str] | None = None) -> Any:
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in method)[1:]
        try:
            client = self._client if hasattr(self._client, name) else self._moderation
            return await getattr(client, name)(
                request, headers=headers, timeout_ms=int(SECONDS * 1000)
            )
        except ConnectError as error:
            raise connect_ended(error) from None

    def chat(self, headers: dict[str, str] | None = None) -> ConnectStream:
        return ConnectStream(lambda upwards: self._client.chat(upwards, headers=headers))

    def subscribe(self, join: pb.JoinChat, headers: dict[str, str] | None = None) -> ConnectStream:
        return ConnectStream(lambda _: self._client.subscribe(join, headers=headers))

    async def close(self) -> None:
        await self._transport.aclose()


CARRIERS: dict[str, Callable[[int], Carrier]] = {
    "grpc": GrpcCarrier,
    "grpc-web": lambda port: ConnectCarrier(port, ProtocolType.GRPC_WEB),
    "connect": lambda port: ConnectCarrier(port, ProtocolType.CONNECT),
    "connect-json": lambda port: ConnectCarrier(port, ProtocolType.CONNECT, json=True),
}


def run(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene to its end, bounded."""

    async def bounded() -> None:
        async with asyncio.timeout(6 * SECONDS):
            await scene

    with asyncio.Runner(loop_factory=watched_loop) as runner:
        runner.run(bounded())
