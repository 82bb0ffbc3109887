"""Servers and clients of grpcio's with messages of plain bytes: a service without a schema."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent import futures

import grpc
import grpc.aio

METHOD = "/test.Echo/Talk"
OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.http2.bdp_probe", 0),
)


def echo(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    """Say everything once more; "count N" is answered by N messages."""
    for request in requests:
        word, _, number = request.partition(b" ")
        if word == b"count":
            yield from (b"%d" % each for each in range(1, int(number) + 1))
        else:
            yield request
    context.set_trailing_metadata((("x-last", "word"),))


@contextlib.contextmanager
def echoing() -> Iterator[str]:
    """A server of grpcio's; its HOST:PORT."""
    server = grpc.server(futures.ThreadPoolExecutor(8), options=(("grpc.so_reuseport", 0),))
    handler = grpc.stream_stream_rpc_method_handler(echo)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", {"Talk": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()


Call = grpc.aio.StreamStreamCall


@contextlib.asynccontextmanager
async def calling(address: str, *options: tuple[str, int]) -> AsyncIterator[Call]:
    """A call to it; cancelled with the block if it has not ended."""
    async with grpc.aio.insecure_channel(address, (*OPTIONS, *options)) as channel:
        call = channel.stream_stream(METHOD)()
        try:
            yield call
        finally:
            call.cancel()


async def ending(call: Call) -> tuple[grpc.StatusCode, str]:
    """Its status, when it has one."""
    return await call.code(), await call.details()
