"""What a picture shows, before it is known how it is written: rows and lanes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.diagrams.labels import Mark, marks_of, text_of
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatroom.chatwire.decode.records import Frame

COLUMNS = 12
"""Lanes side by side. Where more streams are open at once, the last column has several."""
APART = 2
"""Rows between the end of a stream and another one in its column."""


@dataclass(slots=True)
class Lane:
    """A stream, or with the number 0 the connection itself.

    Places are rows; one with a half is between two rows, where the frame is not drawn.
    """

    connection: int
    stream: int
    call: str = ""
    column: int = -1
    """Where it is drawn; -1: nowhere yet."""
    shared: bool = False
    """Whether another stream is open in its column."""
    begin: int = 0
    ends: dict[Side, float] = field(default_factory=dict)
    """Where each side ended its direction."""
    resets: set[Side] = field(default_factory=set)
    """Those of them that ended it by a reset, or whose direction the other side reset."""
    windows: dict[Side, list[tuple[float, int]]] = field(
        default_factory=lambda: {side: [] for side in Side}
    )
    """How many bytes of DATA each side could still send: on the stream and on the connection,
    whichever is less."""
    _left: dict[Side, int] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return len(self.ends) == len(Side)

    @property
    def end(self) -> float | None:
        """Where it was over."""
        return max(self.ends.values()) if self.over else None

    def close(self, sides: Iterable[Side], at: float, *, reset: bool = False) -> None:
        """These sides send no more."""
        for side in sides:
            if side not in self.ends:
                self.ends[side] = at
                if reset:
                    self.resets.add(side)

    def allow(
        self, side: Side, at: float, stream: int | None, connection: int | None, by: int = 0
    ) -> None:
        """A side may send so much; None for what is not said, or not known.

        `by`: how much more that is than before, for the beginning of the curve.
        """
        if stream is not None:
            self._left[side] = stream
        own = self._left.get(side)
        least = min((each for each in (own, connection) if each is not None), default=None)
        if self.stream and own is not None and least is not None:
            if by and not self.windows[side]:
                self.windows[side].append((max(self.begin, at - 1), max(least - by, 0)))
            self.windows[side].append((at, max(least, 0)))


@dataclass(frozen=True, slots=True)
class Row:
    """A frame that is drawn."""

    frame: Frame
    """Without its detail and its messages: there may be many, and they may be long."""
    lane: Lane
    marks: frozenset[Mark]
    text: str
    more: str = ""
    """Lines with all that is known of it, where those are wanted."""

    @property
    def named_marks(self) -> list[Mark]:
        """Those that stand between its kind and its text, unless that begins so."""
        both = (Mark.TRAILERS, Mark.HALF_CLOSE)
        return [mark for mark in both if mark in self.marks and not self.text.startswith(mark)]


@dataclass(slots=True)
class Picture:
    """Rows in order of time, and the lanes in which they are, in the order of their beginnings."""

    rows: list[Row] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    left_out: int = 0
    """Frames that were wanted and are not drawn, since there are too many."""

    @property
    def columns(self) -> int:
        return max((lane.column for lane in self.lanes), default=-1) + 1

    @property
    def connections(self) -> int:
        """How many there are in it."""
        return len({lane.connection for lane in self.lanes})


class Drawing:
    """Takes frames in order, and makes a picture of those that are shown.

    What is not shown still ends streams. Kept is what a picture of `limit` rows needs, and the
    open streams.
    """

    def __init__(self, limit: int, more: Callable[[Frame], str] = lambda _frame: "") -> None:
        """`more` finds what a row has as such."""
        self.picture = Picture()
        self._limit = limit
        self._more = more
        self._lanes: dict[tuple[int, int], Lane] = {}
        self._open: dict[int, dict[int, Lane]] = {}
        """By connection and stream, those that are not over."""
        self._latest: dict[int, Lane] = {}
        """By column."""
        self._allowed: dict[tuple[int, Side], int] = {}
        """What each side may send on each connection."""

    def take(self, frame: Frame, *, shown: bool = True, text: str | None = None) -> None:
        """Add a frame. `text`: other words for it than `text_of` finds."""
        picture = self.picture
        if shown and len(picture.rows) >= self._limit:
            picture.left_out += 1
            return
        if picture.left_out:
            return
        row = len(picture.rows)
        at = row if shown else row - 0.5
        key = frame.connection, frame.stream or 0
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(*key)
            self._open.setdefault(frame.connection, {})[lane.stream] = lane
        lane.call = frame.call or lane.call
        if shown:
            self._place(lane, row)
            said = text_of(frame) if text is None else text
            bare = replace(frame, detail=None, messages=())
            picture.rows.append(Row(bare, lane, marks_of(frame), said, self._more(frame)))
        self._windows(frame, lane, at)
        self._ends(frame, lane, at)
        if lane.over:
            self._over(lane)

    def _over(self, lane: Lane) -> None:
        self._open[lane.connection].pop(lane.stream, None)
        if lane.column < 0:
            del self._lanes[lane.connection, lane.stream]

    def _place(self, lane: Lane, row: int) -> None:
        """Give it a column: one that is free, or the last."""
        if lane.column >= 0:
            return
        free = next((column for column in range(COLUMNS) if self._free(column, row)), None)
        column = COLUMNS - 1 if free is None else free
        lane.column, lane.begin, lane.shared = column, row, free is None
        self._latest[column] = lane
        self.picture.lanes.append(lane)

    def _free(self, column: int, row: int) -> bool:
        before = self._latest.get(column)
        return before is None or (before.end is not None and before.end + APART < row)

    def _windows(self, frame: Frame, lane: Lane, at: float) -> None:
        detail = frame.detail
        if isinstance(detail, records.Data):
            side, window, by = frame.sender, detail.window, -frame.length
        elif isinstance(detail, records.WindowUpdate):
            side, window, by = frame.sender.other, detail.window, detail.increment
        else:
            return
        if window.connection is not None:
            self._allowed[frame.connection, side] = window.connection
        if lane.stream:
            lane.allow(side, at, window.stream, window.connection, by)
            return
        for other in self._open[frame.connection].values():
            other.allow(side, at, None, window.connection)

    def _ends(self, frame: Frame, lane: Lane, at: float) -> None:
        detail = frame.detail
        if isinstance(detail, records.Ended):
            lane.close([frame.sender], at, reset=detail.reset)
            if detail.reset or lane.over:
                for other in [*self._open[frame.connection].values()]:
                    if other is not lane:
                        other.close(Side, at, reset=detail.reset)
                        self._over(other)
        elif frame.kind is Kind.RST_STREAM:
            lane.close(Side, at, reset=True)
        elif Mark.HALF_CLOSE in marks_of(frame):
            lane.close([frame.sender], at)
