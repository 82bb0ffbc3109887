"""A server that says everything that one can say: with a file, with TLS, and after a call."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from chatroom.server.settings import Tls
from tests.client.certificates import authority, signed
from tests.server.ops.looking import Watched, watched


@contextlib.asynccontextmanager
async def whole(directory: Path) -> AsyncIterator[Watched]:
    """It listens for the length of the block, and has answered one call."""
    ca = authority(directory, "ca")
    pair = signed(directory, ca, "localhost")
    data = directory / "data"
    data.mkdir()
    async with watched(data=data, tls=Tls(certificate=pair.certificate, key=pair.key)) as ops:
        trusted = grpc.ssl_channel_credentials(ca.certificate.read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{ops.server.port}", trusted) as channel:
            await HealthStub(channel).Check(HealthCheckRequest())
        yield ops
