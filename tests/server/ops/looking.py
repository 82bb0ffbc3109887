"""A server that is watched, and requests to its listener as bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from chatroom.wire.addresses import Address
from tests.server.services import Running, running

OPS = (Address("127.0.0.1", 0),)


@dataclass
class Seen:
    """A response."""

    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


async def asked(port: int, target: str, method: str = "GET", **headers: str) -> Seen:
    """Ask by HTTP/1.1, on a connection of its own."""
    fields = {"host": f"127.0.0.1:{port}", "connection": "close"} | headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(20):
        answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in rest)
    return Seen(int(first.split()[1]), named, body)


@dataclass
class Watched:
    server: Running

    @property
    def port(self) -> int:
        return self.server.service.ops_addresses[0].port

    async def get(self, target: str, method: str = "GET", **headers: str) -> Seen:
        return await asked(self.port, target, method, **headers)


@contextlib.asynccontextmanager
async def watched(**how: Any) -> AsyncIterator[Watched]:
    """A server in this loop with a listener for operators."""
    async with running(ops_bind=OPS, **how) as server:
        yield Watched(server)
