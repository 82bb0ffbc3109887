"""The server of a scene: a chatserver in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

READY = "chatserver: listening on "
START_SECONDS = 30.0
STOP_SECONDS = 10.0
"""After a signal to stop; then it is killed."""
ROOM = "lobby"
"""The room that there is from the start."""


class ServerDidNotStart(Exception):
    """`str()` is a sentence with what the server said last."""


@dataclass(slots=True)
class Server:
    """A server that listens."""

    address: str
    """HOST:PORT."""
    process: asyncio.subprocess.Process | None = None
    """None: it runs in this process."""

    async def stop(self) -> None:
        """Signal it to stop, as Ctrl-C or a supervisor would, and wait until it has ended."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        await self.process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """In the block it does nothing, as a process does whose machine is out of memory.

        Its connections stay: the operating system keeps them, and acknowledges what comes.
        """
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def chatserver(*arguments: str) -> AsyncIterator[Server]:
    """A chatserver with these arguments and one room, `ROOM`; it ends with the block.

    It is started as a program and not imported, as chatwire knows nothing of servers but
    what passes. Raises ServerDidNotStart.
    """
    options = ["--bind", "127.0.0.1:0", "--in-memory", "--room", ROOM, *arguments]
    # What the user set for a server of their own is not for this one.
    clean = {name: value for name, value in os.environ.items() if "CHATSERVER_" not in name}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "chatroom.server", *options,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE, env=clean, start_new_session=True,
    )  # fmt: skip
    said = process.stderr
    assert said is not None
    reading: asyncio.Task[bytes] | None = None
    try:
        address = await _address(said)
        # Read on, so that the pipe never fills.
        reading = asyncio.create_task(said.read())
        yield Server(address, process)
    finally:
        await _end(process)
        await (reading or said.read())


async def _address(said: asyncio.StreamReader) -> str:
    """Where it listens, as it says itself."""
    last = "nothing"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_SECONDS):
            while octets := await said.readline():
                line = octets.decode("utf-8", "backslashreplace").strip()
                if line.startswith(READY):
                    return line.removeprefix(READY)
                last = line or last
    raise ServerDidNotStart(f"chatserver did not start; it said last: {last}")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
