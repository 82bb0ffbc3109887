"""A way from this host to a port of another one, which no cut between others reaches."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from tests.faults.namespaces import inside
from tests.passing_on import PassingOn


class Relay(PassingOn):
    """Listens at a port here, and passes on to the same port in a network namespace."""

    def __init__(self, port: int, namespace: str) -> None:
        super().__init__()
        self._port = port
        self._namespace = namespace

    async def start(self) -> None:
        await self.listen(self._port)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with inside(self._namespace):
            there = socket.socket()
        there.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(there, ("127.0.0.1", self._port))
            up_reader, up_writer = await asyncio.open_connection(sock=there)
        except ConnectionError:
            there.close()
            writer.transport.abort()
            return
        back = asyncio.create_task(_copy(up_reader, writer))
        try:
            await _copy(reader, up_writer)
            await back
        finally:
            back.cancel()
            for each in (writer, up_writer):
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on until one side has ended, which then ends the other."""
    with contextlib.suppress(ConnectionError):
        while octets := await reader.read(1 << 16):
            writer.write(octets)
            await writer.drain()
    writer.close()
