"""Draws the table: over and over on a terminal, one below the other into a pipe, or once."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wcwidth import wcwidth

from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.top.table import Table
from chatroom.chatwire.top.terminal import ENTER, LEAVE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from chatroom.chatwire.decode.records import Frame
    from chatroom.chatwire.top.table import Line

HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
HEAD = (
    f"{'conn':>5} {'stream':>6}  {'messages/s':^13}  {'bytes/s':^15}  {'window':^17}  "
    f"{'rtt ms':>7}  {'waits':<28} call"
)
BELOW = f"{'':>12}  {'up':>6} {'down':>6}  {'up':>7} {'down':>7}  {'up':>8} {'down':>8}"
PIPE_LINES = 1000
"""Streams of one table where no terminal says how many there is room for."""
PIPE_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Drawn:
    """How it is drawn."""

    every: float = 1.0
    """Seconds."""
    once: bool = False
    """One table, of the first interval in which there is a connection."""


class Screen:
    """Takes frames, and draws from a thread of its own.

    `ended` is called from that thread when no more is to be drawn: the one table is, or nobody
    reads. On a terminal, `finish` must be called whatever happens, so that it is as before.
    """

    def __init__(self, drawn: Drawn, out: TextIO, ended: Callable[[], None]) -> None:
        self._drawn = drawn
        self._out = out
        self._ended = ended
        self._table = Table()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._terminal = out.isatty() and not drawn.once
        self._last: list[str] = []
        self._thread = threading.Thread(target=self._draw, name="chatwire top", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        if self._terminal:
            self._write(ENTER)
        self._table.read(time.time_ns())
        self._thread.start()

    def take(self, frame: Frame) -> None:
        """Count a frame."""
        with self._lock:
            self._table.take(frame)

    def finish(self) -> None:
        """Draw no more. On a terminal the last table stays, on the screen that was there before."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(self._drawn.every + 1)
        if self._terminal:
            self._write(LEAVE + "".join(f"{line}\n" for line in self._last))

    def _draw(self) -> None:
        while not self._over.wait(self._drawn.every):
            with self._lock:
                frames = self._table.frames
                lines = self._table.read(time.time_ns())
                summary = self._summary(frames, lines)
                seen = self._table.opened
            if self._drawn.once and not seen:
                continue
            if not self._show(summary, lines) or self._drawn.once:
                self._ended()
                return

    def _summary(self, frames: int, lines: Sequence[Line]) -> str:
        table = self._table
        unreached = f", {table.unreached} could not reach the server" if table.unreached else ""
        octets = amount(sum(sum(line.bytes) for line in lines)).strip()
        return (
            f"{table.connections} connections, {len(lines)} streams, "
            f"{frames / self._drawn.every:.0f} frames/s, {octets} bytes/s{unreached}"
        )

    def _show(self, summary: str, lines: Sequence[Line]) -> bool:
        """Whether it could be written."""
        size = shutil.get_terminal_size()
        columns = size.columns if self._terminal else PIPE_COLUMNS
        room = size.lines - 4 if self._terminal else PIPE_LINES
        shown = [summary, HEAD, BELOW, *map(written, lines[: max(room, 0)])]
        if len(lines) > room:
            shown.append(f"… and {len(lines) - room} more")
        self._last = [clipped(line, columns - 1) for line in shown]
        if self._terminal:
            text = "".join(f"{line}{REST_OF_LINE}\r\n" for line in self._last)
            return self._write(f"{HOME}{text}{REST_OF_SCREEN}")
        return self._write("".join(f"{line.rstrip()}\n" for line in self._last) + "\n")

    def _write(self, text: str) -> bool:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            return False
        return True


def written(line: Line) -> str:
    """A stream as a line of the table, safe to print."""
    up, down = (f"{rate:6.1f}" for rate in line.messages)
    octets_up, octets_down = map(amount, line.bytes)
    left_up, left_down = ("?" if left is None else str(left) for left in line.windows)
    trip = "" if line.round_trip is None else f"{line.round_trip * 1000:.1f}"
    return harmless(
        f"{f'#{line.connection}':>5} {line.stream:>6}  {up} {down}  {octets_up} {octets_down}  "
        f"{left_up:>8} {left_down:>8}  {trip:>7}  {line.waits:<28} {line.call}"
    )


def amount(octets: float) -> str:
    """Bytes in seven columns: 999, 12.3k, 4.0M."""
    for unit in ("", "k", "M"):
        if octets < 1000:
            return f"{octets:.0f}".rjust(7) if not unit else f"{octets:.1f}{unit}".rjust(7)
        octets /= 1000
    return f"{octets:.1f}G".rjust(7)


def clipped(line: str, columns: int) -> str:
    """As much of it as fits."""
    width = 0
    for place, letter in enumerate(line):
        width += max(wcwidth(letter), 0)
        if width > columns:
            return line[:place]
    return line
