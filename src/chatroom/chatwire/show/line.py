"""A frame as one line, and with everything as several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.facts import altered_line, everything, facts
from chatroom.chatwire.show.harmless import harmless

if TYPE_CHECKING:
    from chatroom.chatwire.decode.records import Frame

COLOURS = (36, 33, 32, 35, 94, 96, 93, 92, 95)
"""Of streams, as SGR parameters (ECMA-48): cyan, yellow, green and so on, no red, no grey."""
DIM, WARNING = 2, 31
INDENT = " " * 38


def legend(arrows: tuple[str, str], since: str = "the line before") -> str:
    """What the columns are, in a line."""
    return (
        f"seconds since the start; seconds since {since}; connection; {arrows[0]} from the client "
        f"or {arrows[1]} from the server; stream; frame; what is in it. window: bytes that may "
        "still be sent, on the stream / on the connection; with DATA by the side that sent it, "
        "with WINDOW_UPDATE by the side that gets it"
    )


@dataclass(frozen=True, slots=True)
class Style:
    """How lines look. `arrows`: those of the client and of the server."""

    colour: bool = False
    verbose: bool = False
    arrows: tuple[str, str] = ("→", "←")

    def lines(self, frame: Frame, since: int | None = None) -> str:
        """The line or lines of a frame, safe to print, each ended by a newline.

        `since`: nanoseconds since what was printed before; None: since the record before.

        Columns: seconds since the start, since the record before, connection, who sent
        it, stream, frame, facts; what is remarkable stands at the end in brackets.
        """
        arrow = self.arrows[0 if frame.sender is Side.CLIENT else 1]
        stream = "" if frame.stream is None else str(frame.stream)
        last = frame.since_last if since is None else since
        times = f"{frame.since_start / 1e9:9.3f} {last / 1e9:+8.3f}"
        place = f"{f'#{frame.connection}':>4} {arrow} {stream:>4} {frame.kind:<13}"
        notes = frame.notes
        if frame.altered is not None:
            notes = (altered_line(frame.altered), *notes)
        noted = "".join([f" [{harmless(note)}]" for note in notes]) if notes else ""
        if self.colour:
            times = self._painted(times, DIM)
            place = self._painted(place, self._colour_of(frame))
            noted = self._painted(noted, WARNING)
        line = f"{times} {place} {harmless(facts(frame))}{noted}\n"
        if not self.verbose:
            return line
        rest = [f"{INDENT}{harmless(more)}\n" for more in everything(frame)]
        return "".join([line, *rest])

    def _colour_of(self, frame: Frame) -> int:
        """The same for every frame of a stream; the connection itself has none."""
        if not frame.stream:
            return 0
        return COLOURS[(frame.stream // 2 + 3 * frame.connection) % len(COLOURS)]

    def _painted(self, text: str, parameter: int) -> str:
        return f"\x1b[{parameter}m{text}\x1b[0m" if text and parameter else text
