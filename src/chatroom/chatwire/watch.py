"""The process that looks: takes copies of what passes from the tap, decodes and prints them.

It is a process of its own, so that neither decoding nor a slow terminal takes the
interpreter from the event loop that passes bytes on (docs/decisions/0010-chatwire.md).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from chatroom.chatwire.complaints import Complaints
from chatroom.chatwire.decode import Decoder
from chatroom.chatwire.schema import Reflected, open_schema
from chatroom.chatwire.show.lines import Lines, dropped_line, dropped_object
from chatroom.chatwire.show.printer import Printer, Show, Taker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chatroom.chatwire.capture import CommentedCapture
    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.passage import Passage
    from chatroom.chatwire.top.screen import Drawn

READER_GONE = 3
"""The exit code of this process when nobody reads what it prints: then the tap ends as well."""
NICENESS = 19
"""The stream comes first, also where processors are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What is to be done with the copies."""

    show: Show = field(default_factory=Show)
    proto: Path | None = None
    """A proto file or descriptor set with the schema."""
    reflect: Reflected | None = None
    """The server to ask for its schema."""
    write: Path | None = None
    """Where to write a capture."""
    table: Drawn | None = None
    """How a table of streams is drawn, in place of frames."""


def batches(source: BinaryIO) -> Iterator[list[Passage]]:
    """What the tap writes: batches of passages, until it closes the pipe."""
    while True:
        try:
            yield pickle.load(source)  # noqa: S301 - from our parent alone
        except EOFError:
            return


def undecodable(connection: int, error: Exception) -> str:
    """What is said when the decoder itself fails."""
    return f"connection #{connection} is passed on undecoded from here: {mistake(error)}"


def mistake(error: Exception) -> str:
    """What is said of an exception that nobody thought of."""
    return f"a mistake in chatwire ({type(error).__name__}: {error})"


def look(
    passage: Passage,
    decoder: Decoder,
    printer: Taker,
    capture: CommentedCapture | None,
    say: Callable[[str], object],
) -> None:
    """Decode a passage, print its frames and write it to the capture.

    A mistake of ours costs what it is about and a sentence, never the passages after it:
    who sends something that nobody thought of must not blind the tap. Raises OSError when
    the lines cannot be printed.
    """
    frames: list[Frame] = []
    try:
        frames = decoder.take(passage)
    except Exception as error:  # noqa: BLE001 - see above
        decoder.forget(passage.connection)
        say(undecodable(passage.connection, error))
    if capture is not None:
        try:
            capture.take(passage, frames)
        except Exception as error:  # noqa: BLE001 - see above
            say(f"connection #{passage.connection} is incomplete in the capture: {mistake(error)}")
    for frame in frames:
        try:
            printer.take(frame)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            say(f"frame {frame.number} cannot be shown: {mistake(error)}")


def finish(decoder: Decoder, printer: Taker, say: Callable[[str], object]) -> None:
    """Print what the decoder still waited with. Raises OSError as `look` does."""
    try:
        frames = decoder.finish()
    except Exception as error:  # noqa: BLE001 - as in look
        say(f"what was waited for at the end cannot be shown: {mistake(error)}")
        return
    for frame in frames:
        printer.take(frame)


def opened_capture(path: Path, say: Callable[[str], object]) -> CommentedCapture | None:
    """The capture to write, or nothing once it is said why."""
    from chatroom.chatwire.capture import CommentedCapture

    try:
        return CommentedCapture(path, say)
    except OSError as error:
        say(f"cannot write to {path}: {error.strerror}")
        return None


def tabulate(
    drawn: Drawn,
    passages: Iterator[Passage],
    decoder: Decoder,
    capture: CommentedCapture | None,
    say: Callable[[str], object],
) -> None:
    """Draw a table of streams until nothing more passes.

    The process ends with READER_GONE where no table is wanted any more: only one was, or nobody
    reads them.
    """
    from chatroom.chatwire.top.screen import Screen

    screen = Screen(drawn, sys.stdout, ended=lambda: os._exit(READER_GONE))
    try:
        screen.start()
        for passage in passages:
            look(passage, decoder, screen, capture, say)
    finally:
        screen.finish()


def main() -> int:
    """Decode and print until the pipe on standard input ends; the exit code.

    It ends earlier, with READER_GONE, when nobody reads what is printed any more.
    """
    # The tap decides when it is over, and ends the pipe. Ctrl-C and `timeout` signal both.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    source = sys.stdin.buffer
    watching: Watching = pickle.load(source)  # noqa: S301 - likewise
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace", line_buffering=False)
    complaints = Complaints()
    decoder = Decoder(open_schema(watching.proto, watching.reflect, complaints.say))
    capture = None if watching.write is None else opened_capture(watching.write, complaints.say)
    passages = (passage for batch in batches(source) for passage in batch)
    if watching.table is not None:
        tabulate(watching.table, passages, decoder, capture, complaints.say)
        complaints.finish()
        return 0
    lines = Lines(
        sys.stdout,
        said=dropped_object if watching.show.json else dropped_line,
        failed=lambda error: complaints.say(
            f"cannot print any more: {error.strerror}; everything is passed on as before"
        ),
    )
    printer = Printer(watching.show, lines)
    for passage in passages:
        look(passage, decoder, printer, capture, complaints.say)
        if lines.broken.is_set():
            break
    if capture is not None:
        capture.close()
    finish(decoder, printer, complaints.say)
    printer.finish()
    complaints.finish()
    # What is left in a buffer cannot be written, and must not be tried once more.
    if lines.broken.is_set():
        os._exit(READER_GONE)
    if not lines.written:
        os._exit(1)
    return 0
