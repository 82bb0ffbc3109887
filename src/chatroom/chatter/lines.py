"""Standard input, line by line, without ever blocking the event loop.

Works for terminals, pipes, regular files and /dev/null alike: a thread reads, and
only when a line is asked for, so that nothing piles up. It reads the descriptor
itself: a daemon thread inside `sys.stdin` would hold its lock when Python ends.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from typing import Self

from chatroom.chatter.decoding import NotText, decoded, input_encoding

READ_BYTES = 64 * 1024
LINE_BYTES = 60 * 1024
"""The longest line; a server ends a stream over an envelope of more than 64 KiB."""


class LineSkipped(Exception):
    """A line cannot be said; the next one can be read."""


class LineTooLong(LineSkipped):
    """A line had more than LINE_BYTES bytes."""

    def __init__(self) -> None:
        super().__init__(f"a line of more than {LINE_BYTES} bytes was skipped")


class LineUndecodable(LineSkipped):
    """A line has bytes that are no text."""

    def __init__(self, cause: NotText) -> None:
        super().__init__(f"a line was skipped: {cause}")


class Lines:
    """The lines of a file descriptor, for one reader, in the loop that first reads.

    They come without their end, LF or CR LF; a last
    line without one counts too.
    """

    def __init__(self, descriptor: int | None, encoding: str = "utf-8") -> None:
        self.interactive = descriptor is not None and os.isatty(descriptor)
        self._descriptor = descriptor
        self._encoding = encoding
        self._buffer = bytearray()
        self._searched = 0
        self._skipping = False
        self._ended = descriptor is None
        self._wanted = threading.Semaphore(0)
        self._chunk: asyncio.Future[bytes] | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def of_standard_input(cls) -> Self:
        """Standard input; when it is closed, no lines at all."""
        return cls(sys.stdin.fileno() if sys.stdin is not None else None, input_encoding())

    @property
    def waiting(self) -> bool:
        """Whether something was read that nobody has taken."""
        return bool(self._buffer)

    async def next(self) -> str | None:
        """The next line; None at the end of input. Raises LineSkipped.

        A cancelled call loses nothing.
        """
        while True:
            line = self._take()
            if line is not None:
                try:
                    return decoded(line.removesuffix(b"\r"), self._encoding)
                except NotText as error:
                    raise LineUndecodable(error) from None
            if self._ended:
                return None
            chunk = await self._read()
            self._chunk = None
            self._ended = not chunk
            self._buffer += chunk

    def _take(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0 and self._ended and (self._buffer or self._skipping):
            end = len(self._buffer)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > LINE_BYTES:
                self._buffer.clear()
                self._searched = 0
                self._skipping = True
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        if self._skipping or len(line) > LINE_BYTES:
            self._skipping = False
            raise LineTooLong
        return line

    async def _read(self) -> bytes:
        """The next bytes; empty at the end of input."""
        if self._chunk is None:
            loop = asyncio.get_running_loop()
            self._chunk = loop.create_future()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._pump, args=(loop,), name="standard input", daemon=True
                )
                self._thread.start()
            self._wanted.release()
        return await asyncio.shield(self._chunk)

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        chunk = b"?"
        while chunk:
            self._wanted.acquire()
            chunk = self._read_some()
            try:
                loop.call_soon_threadsafe(self._deliver, chunk)
            except RuntimeError:
                return  # the loop is closed: nobody reads any more

    def _read_some(self) -> bytes:
        descriptor = self._descriptor
        if descriptor is None:
            return b""
        while True:
            try:
                return os.read(descriptor, READ_BYTES)
            except BlockingIOError:  # somebody made it non-blocking
                select.select([descriptor], [], [])
            except OSError:  # the terminal is gone, or the descriptor closed
                return b""

    def _deliver(self, chunk: bytes) -> None:
        if self._chunk is not None and not self._chunk.done():
            self._chunk.set_result(chunk)
