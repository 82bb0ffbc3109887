"""A descriptor written to in a thread, so that whoever does not read stops nothing else."""

from __future__ import annotations

import os
import queue
import select
import threading


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however long that takes. Raises OSError."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody made it non-blocking
            select.select([], [descriptor], [])


class Writer:
    """Writes in order, each piece by itself and at once; for one event loop.

    The descriptor stays as blocking as it is: others may have the same open file, and
    O_NONBLOCK would be theirs too. What is written between two calls of `drain` is all
    that can be waiting, so whoever writes much calls it in between.
    """

    def __init__(self, descriptor: int) -> None:
        import asyncio  # `write_all` does without

        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unwritten = 0
        self._failure: OSError | None = None
        self._looked_at = asyncio.Event()
        """Set when all is written or nothing more can be."""
        self._looked_at.set()
        self._thread: threading.Thread | None = None

    def write(self, data: bytes) -> None:
        """Have it written after everything before it; returns at once."""
        if self._failure is not None:
            return  # draining says so
        if self._thread is None:
            # A daemon: one that is stuck does not keep the program from ending.
            self._thread = threading.Thread(target=self._pump, name="writer", daemon=True)
            self._thread.start()
        self._unwritten += 1
        self._looked_at.clear()
        self._pieces.put(data)

    async def drain(self) -> None:
        """Wait until everything is written. Raises the OSError that came instead."""
        await self._looked_at.wait()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Let the thread end; what it is writing is not waited for."""
        self._pieces.put(None)

    def _pump(self) -> None:
        while (data := self._pieces.get()) is not None:
            failure = None
            try:
                write_all(self._descriptor, data)
            except OSError as error:
                failure = error
            try:
                self._loop.call_soon_threadsafe(self._note, failure)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            if failure is not None:
                return

    def _note(self, failure: OSError | None) -> None:
        self._failure = failure
        self._unwritten -= 1
        if failure is not None or not self._unwritten:
            self._looked_at.set()
