"""Standard output: nothing is kept back, and whoever does not read it stops nothing else."""

from __future__ import annotations

import io
import os
import sys
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from chatroom.chatter.failures import Failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import TextIO

    from chatroom.chatter.writer import Writer

_writer: ContextVar[Writer | None] = ContextVar("writer", default=None)


def show(line: str) -> None:
    """Print a line; see `write`."""
    write(line + "\n")


def write(text: str) -> None:
    """Print a text without a newline, a prompt for example.

    Inside `aside` it is only handed over, and `drained` tells of errors. Else it may
    block, and raises BrokenPipeError when nobody reads any more, Failure when it cannot
    be written.
    """
    if sys.stdout is None:  # as it is when the program was started with it closed
        return
    writer, descriptor = _writer.get(), _descriptor(sys.stdout)
    if descriptor is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    data = text.encode(sys.stdout.encoding, "replace")
    if writer is not None:
        writer.write(data)
        return

    from chatroom.chatter.writer import write_all

    try:
        sys.stdout.flush()
        write_all(descriptor, data)
    except OSError as error:
        raise _unwritable(error) from None


async def drained() -> None:
    """Wait until all that was printed is written.

    Raises BrokenPipeError when nobody reads any more, Failure when it cannot be written.
    """
    writer = _writer.get()
    if writer is not None:
        try:
            await writer.drain()
        except OSError as error:
            raise _unwritable(error) from None


@asynccontextmanager
async def aside() -> AsyncGenerator[None, None]:
    """In the block a thread does the writing: a reader that stops does not stop the loop.

    The end of the block waits until all is written, but not if the block was cancelled.
    """
    import asyncio

    from chatroom.chatter.writer import Writer

    descriptor = _descriptor(sys.stdout)
    if descriptor is None:
        yield
        return
    sys.stdout.flush()
    writer = Writer(descriptor)
    before = _writer.set(writer)
    try:
        try:
            yield
        except asyncio.CancelledError:
            raise
        except BaseException:
            await drained()
            raise
        await drained()
    finally:
        _writer.reset(before)
        writer.close()


def forget_unwritten(*, errors: bool = False) -> None:
    """Let what Python has kept to write go nowhere: trying again at exit would fail again.

    `errors`: also what it has kept for standard error, as when the terminal of both is gone.
    """
    for stream in (sys.stdout, sys.stderr) if errors else (sys.stdout,):
        descriptor = _descriptor(stream)
        if descriptor is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def is_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def takes_screen() -> bool:
    """Whether a person reads and types in a terminal that can move its cursor."""
    term = os.environ.get("TERM", "")
    types = sys.stdin is not None and sys.stdin.isatty()
    return types and is_terminal() and term not in ("", "dumb", "unknown")


def colour_as_wanted(wanted: str) -> None:
    """Have colours "always" or "never", or ("auto") unless NO_COLOR says so (no-color.org)."""
    if wanted == "never":
        os.environ["NO_COLOR"] = "1"
    elif wanted == "always":
        os.environ.pop("NO_COLOR", None)


def never_fail_to_encode() -> None:
    """Let a character that the terminal's encoding lacks become a question mark."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _descriptor(stream: TextIO | None) -> int | None:
    """Where bytes can be written past Python's buffer, which would fail again at exit.

    None without a descriptor, and on Windows, whose console takes text.
    """
    if stream is None or os.name != "posix":
        return None
    try:
        return stream.fileno()
    except io.UnsupportedOperation:
        return None


def _unwritable(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error  # click ends the program quietly
    return Failure(f"cannot write to standard output: {error.strerror}")
