"""A proxy before PostgreSQL that cuts a connection at the worst moment."""

from __future__ import annotations

import asyncio
from enum import Enum
from urllib.parse import urlsplit

from tests.passing_on import PassingOn


class Cut(Enum):
    """When a connection ends on which something is asked."""

    BEFORE = "the question does not arrive"
    BETWEEN = "the question has just been handed on"
    AFTER = "the answer is there, and is not handed on"


class Proxy(PassingOn):
    """Passes on to a server; `cut` has the next connection that asks something cut, once."""

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        assert parts.port is not None
        self._upstream = ("127.0.0.1", parts.port)
        self._url = parts
        self._cut: Cut | None = None
        self.cuts = 0
        self.away = False
        """Whether new connections are refused."""
        self.silent = False
        """Whether nothing is passed on any more."""

    async def start(self) -> str:
        """Listen; the address of the database behind it."""
        port = await self.listen()
        user = self._url.username
        return self._url._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()

    def cut(self, when: Cut) -> None:
        """Cut the next connection that asks something."""
        self._cut = when

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        answers = asyncio.create_task(self._answers(up_reader, writer))
        try:
            while question := await reader.read(1 << 20):
                while self.silent:
                    await asyncio.sleep(0.01)
                cut, self._cut = self._cut, None
                if cut is not None:
                    self.cuts += 1
                    if cut is Cut.AFTER:
                        answers.cancel()  # nothing more is handed on
                        await asyncio.wait([answers])
                if cut is not Cut.BEFORE:
                    up_writer.write(question)
                    await up_writer.drain()
                if cut is Cut.AFTER:
                    await up_reader.read(1)
                if cut is not None:
                    return
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            for each in (writer, up_writer):
                each.transport.abort()

    async def _answers(self, up_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while answer := await up_reader.read(1 << 20):
                writer.write(answer)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
