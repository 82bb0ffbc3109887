"""Prints frames, as far as they are wanted and as fast as they are read."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatroom.chatwire.show.as_json import json_line
from chatroom.chatwire.show.filters import Filter
from chatroom.chatwire.show.line import Style
from chatroom.chatwire.show.summary import Summary

if TYPE_CHECKING:
    from typing import TextIO

    from chatroom.chatwire.decode.records import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What is printed, and how."""

    shown: Filter = field(default_factory=Filter)
    verbose: bool = False
    json: bool = False
    summary: bool = False
    colour: bool = False


class Taker(Protocol):
    """What is given the frames: a `Printer`, or what draws or counts them instead."""

    def take(self, frame: Frame) -> None: ...


class Destination(Protocol):
    """Where lines go: `show.lines.Lines`, which never waits, or `Patient`, which does."""

    @property
    def full(self) -> bool: ...
    def drop(self) -> None: ...
    def offer(self, line: str) -> None: ...
    def finish(self, last: str = "") -> None: ...


class Patient:
    """Writes every line, however long that takes. Raises OSError when nobody reads them."""

    full = False

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def drop(self) -> None:
        """It is never full."""

    def offer(self, line: str) -> None:
        self._out.write(line)

    def finish(self, last: str = "") -> None:
        self._out.write(last)
        self._out.flush()


class Printer:
    """Prints frames to a destination."""

    def __init__(self, show: Show, out: Destination) -> None:
        self._show = show
        self._out = out
        self._style = Style(
            colour=show.colour, verbose=show.verbose, arrows=arrows_for(sys.stdout.encoding)
        )
        self._summary = Summary() if show.summary else None
        self.wanted = 0
        """Frames so far that the filters leave."""
        self._last = 0
        """When the last line was, since the start."""

    def take(self, frame: Frame) -> None:
        """Print a frame if it is wanted."""
        if self._summary is not None:
            self._summary.take(frame)
        if not self._show.shown.shows(frame):
            return
        self.wanted += 1
        if self._out.full:
            self._out.drop()
        elif self._show.json:
            self._out.offer(json_line(frame))
        else:
            since = frame.since_start - self._last
            self._last = frame.since_start
            self._out.offer(self._style.lines(frame, since))

    def finish(self) -> None:
        """Print the summary if it is wanted, and wait until all is written."""
        summary = ""
        if self._summary is not None:
            summary = self._summary.as_json() if self._show.json else self._summary.as_text()
        self._out.finish(summary)


def arrows_for(encoding: str | None) -> tuple[str, str]:
    """Arrows that can be written in this encoding."""
    try:
        "→←".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ">", "<"
    return "→", "←"
