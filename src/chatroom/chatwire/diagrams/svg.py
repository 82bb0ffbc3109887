"""A picture as SVG: one file that stands alone, for pages and for people's reports.

Time goes down. A lane has two lines, the client's and the server's; an arrow between them is a
frame, and its words stand at the right. A width that a phone shows without scrolling.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from wcwidth import wcwidth

from chatroom.chatwire.diagrams.labels import Mark
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chatroom.chatwire.diagrams.picture import Lane, Picture, Row

ROWS = 500
"""Frames in a picture: some 15,000 pixels."""
WIDTH = 480
"""Pixels, where the lanes leave enough of it for words. On a phone of 390 pixels the letters are
then 9 pixels high."""
WORDS = 230
"""Pixels that words have at least: a picture with many lanes is wider."""
MARGIN, TIMES, STEPS = 8, 46, 20
LANE, GAP, CURVE = 34, 12, 22
"""Between the two lines of a lane; from lane to lane; for the windows beside a lane."""
LETTER, LINE = 6.65, 14
"""How wide a letter of 11 pixels is in the usual fonts of one width, and how high a line."""
HEAD = 8
"""Letters above a lane: more would reach into the next one."""
LINES = 3
"""Of words for one frame."""
PAUSE = 10**9
"""Nanoseconds without a frame that are shown as a break."""
HUES = 7
STRONG = frozenset({Mark.RESET, Mark.LOST, Mark.FAULT, Mark.WRONG})
"""Their words are red."""
STYLE = """
svg{--bg:#fff;--fg:#1f2328;--dim:#59636e;--rule:#d1d9e0;--bad:#cf222e;
--h0:#0550ae;--h1:#116329;--h2:#8250df;--h3:#953800;--h4:#0a6a70;--h5:#a0307a;--h6:#6b5900}
@media (prefers-color-scheme:dark){svg{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--rule:#3d444d;
--bad:#ff7b72;--h0:#79c0ff;--h1:#7ee787;--h2:#d2a8ff;--h3:#ffa657;--h4:#56d4dd;--h5:#ff9bce;
--h6:#e3c64d}}
text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
fill:var(--fg);white-space:pre}
.bg{fill:var(--bg)}.dim{fill:var(--dim)}.bad{fill:var(--bad)}.k{font-weight:700}
.s{font-size:9px}.m{text-anchor:middle}.e{text-anchor:end}
line,path,polyline{fill:none;stroke-width:1.5}
.rule{stroke:var(--rule);stroke-width:1}.x{stroke:var(--bad);stroke-width:2}
.c{stroke-width:1;opacity:.75}.d{stroke-dasharray:3 2}.b{stroke-width:3}
"""
LEGEND = (
    "Time goes down. A lane is a stream, or the connection itself: its left line is the client, "
    "its right line the server, an arrow a frame. Where a side ends its direction (half-close), "
    "its line ends with a bar; a reset is a cross; a square begins trailers. Right of a lane is "
    "how much DATA may still be sent, from none at the left to the most that it was: by the "
    "client (full line), by the server (dashes)."
)


def time_of(row: Row) -> str:
    """Seconds since the start."""
    return f"{row.frame.since_start / 1e9:.3f}"


def as_svg(
    picture: Picture,
    title: str,
    left: Callable[[Row], str] | None = None,
    names: Mapping[int, str] | None = None,
) -> str:
    """The whole file, ended by a newline. `title` may be any text.

    `left`: what stands at the left of a row in place of its time; then pauses are not shown
    either. `names`: of the clients, by connection.
    """
    return _Sheet(picture, left, names or {}).written(title)


@dataclass(frozen=True, slots=True)
class _Place:
    """Of a row: the upper end, where its arrow is, the lower end."""

    top: float
    arrow: float
    bottom: float


class _Sheet:
    """Where everything is, and what is written so far."""

    def __init__(
        self, picture: Picture, left: Callable[[Row], str] | None, names: Mapping[int, str]
    ) -> None:
        self._picture = picture
        self._left = left or time_of
        self._pauses = left is None
        self._names = names
        self._lanes_of = Counter(lane.connection for lane in picture.lanes)
        self._lanes_from = MARGIN + (TIMES if left is None else STEPS)
        self._curved = {
            lane.column for lane in picture.lanes if any(lane.windows[side] for side in Side)
        }
        self._columns: list[float] = []
        x = float(self._lanes_from + 6)
        for column in range(picture.columns):
            self._columns.append(x)
            x += LANE + GAP + (CURVE + 6 if column in self._curved else 0)
        self._words_from = x + 2
        self._width = max(WIDTH, math.ceil(self._words_from) + WORDS + MARGIN)
        self._letters = int((self._width - MARGIN - self._words_from) / LETTER)
        self._named = picture.connections > 1
        self._heads = {lane.begin: lane for lane in picture.lanes}
        self._out: list[str] = []

    def written(self, title: str) -> str:
        shown = lines_of(title, int((self._width - 2 * MARGIN) / LETTER))
        y = 8.0 + LINE * len(shown)
        places: list[_Place] = []
        texts: list[list[str]] = []
        breaks: list[tuple[float, str]] = []
        before: Row | None = None
        for number, row in enumerate(self._picture.rows):
            top = y
            if pause := self._pause(before, row):
                breaks.append((y + 13, pause))
                y += 18
            y += 13 if number in self._heads else 0
            words = self._words(row)
            places.append(_Place(top, y + 9, y + 6 + LINE * len(words)))
            texts.append(words)
            y = places[-1].bottom
            before = row
        end = y + 6
        for number, text in enumerate(shown):
            self._text(MARGIN, 14 + LINE * number, text, "k")
        for lane in self._picture.lanes:
            self._lane(lane, places, end)
        for at, pause in breaks:
            self._text(MARGIN, at, pause, "s dim")
        for row, place, words in zip(self._picture.rows, places, texts, strict=True):
            self._row(row, place, words)
        bottom = self._foot(end)
        return self._file(title, bottom)

    def _file(self, title: str, height: float) -> str:
        width, tall = self._width, math.ceil(height)
        name = escape(title)
        about = f"{len(self._picture.rows)} frames on {len(self._picture.lanes)} lanes"
        begin = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{tall}" '
            f'viewBox="0 0 {width} {tall}" role="img" aria-label="{name}">'
        )
        return "\n".join([
            begin,
            f"<title>{name}</title><desc>{about}. {LEGEND}</desc>",
            f"<style>{STYLE.strip()}</style>",
            f'<rect class="bg" width="{width}" height="{tall}"/>',
            *self._out,
            "</svg>",
            "",
        ])  # fmt: skip

    # ---- Rows ------------------------------------------------------------------------

    def _pause(self, before: Row | None, row: Row) -> str:
        gap = row.frame.since_start - before.frame.since_start if before else 0
        return f"… {gap / 1e9:.1f} s …" if self._pauses and gap >= PAUSE else ""

    def _words(self, row: Row) -> list[str]:
        text = " ".join(filter(None, [row.frame.kind, *row.named_marks, row.text]))
        return lines_of(text, self._letters, LINES)

    def _row(self, row: Row, place: _Place, words: Sequence[str]) -> None:
        if said := self._left(row):
            self._text(self._lanes_from - 6, place.arrow + 4, said, "s dim e")
        for number, line in enumerate(words):
            y = place.arrow + 4 + LINE * number
            if number:
                self._text(self._words_from, y, line, "dim")
                continue
            kind, rest = line[: len(row.frame.kind)], line[len(row.frame.kind) :]
            strong = "bad" if row.marks & STRONG else "k"
            self._out.append(
                f'<text x="{self._words_from:g}" y="{y:g}"><tspan class="k {strong}" '
                f'style="{"" if strong == "bad" else f"fill:var(--h{hue(row.lane)})"}">'
                f"{escape(kind)}</tspan>{escape(rest)}</text>"
            )
        self._arrow(row, place.arrow)

    def _arrow(self, row: Row, y: float) -> None:
        x = self._columns[row.lane.column]
        ink = "var(--bad)" if Mark.RESET in row.marks else f"var(--h{hue(row.lane)})"
        begin, end, way = (x, x + LANE, 1) if row.frame.sender is Side.CLIENT else (x + LANE, x, -1)
        dashed = ' class="d"' if row.marks & {Mark.RESET, Mark.LOST} else ""
        self._out.append(
            f'<line{dashed} x1="{begin + 2 * way:g}" y1="{y:g}" x2="{end - 5 * way:g}" y2="{y:g}" '
            f'style="stroke:{ink}"/><path d="M{end - 2 * way:g} {y:g}l{-6 * way} -3.5v7z" '
            f'style="fill:{ink}"/>'
        )
        if Mark.TRAILERS in row.marks:
            self._out.append(
                f'<rect x="{begin + 7 * way - 3:g}" y="{y - 3:g}" width="6" height="6" '
                f'style="fill:{ink}"/>'
            )

    # ---- Lanes -----------------------------------------------------------------------

    def _lane(self, lane: Lane, places: Sequence[_Place], end: float) -> None:
        x, first = self._columns[lane.column], places[lane.begin]
        ink = f"var(--h{hue(lane)})"
        top = first.arrow - 9
        self._text(x + LANE / 2, top - 1, self._name(lane), "s m", f"fill:{ink}")
        for side, at in ((Side.CLIENT, x), (Side.SERVER, x + LANE)):
            closed = lane.ends.get(side)
            stop = end if closed is None else max(_y(closed, places, end), first.arrow)
            self._out.append(
                f'<line x1="{at:g}" y1="{top:g}" x2="{at:g}" y2="{stop:g}" style="stroke:{ink}"/>'
            )
            if closed is not None and side not in lane.resets:
                self._out.append(
                    f'<line class="b" x1="{at - 4:g}" y1="{stop:g}" x2="{at + 4:g}" y2="{stop:g}" '
                    f'style="stroke:{ink}"/>'
                )
            elif closed is not None:
                self._out.append(f'<path class="x" d="M{at - 4:g} {stop - 4:g}l8 8m0 -8l-8 8"/>')
            self._curve(lane, side, places, end, ink)

    def _curve(
        self, lane: Lane, side: Side, places: Sequence[_Place], end: float, ink: str
    ) -> None:
        """What the side may still send: a step at each frame that changes it."""
        points = lane.windows[side]
        most = max((left for _, left in points), default=0)
        if not most:
            return
        zero = self._columns[lane.column] + LANE + 6
        path: list[str] = []
        dots: list[str] = []
        for place, left in points:
            y, x = _y(place, places, end), zero + CURVE * left / most
            path += [f"{path[-1].partition(',')[0]},{y:.1f}"] if path else []
            path.append(f"{x:.1f},{y:.1f}")
            if not left:
                dots.append(f'<circle class="bad" cx="{zero:g}" cy="{y:.1f}" r="2.5"/>')
        stop = lane.ends.get(side, lane.end)
        last = end if stop is None else _y(stop, places, end)
        path.append(f"{path[-1].partition(',')[0]},{max(last, y):.1f}")
        dashes = " d" if side is Side.SERVER else ""
        self._out.append(
            f'<polyline class="c{dashes}" points="{" ".join(path)}" style="stroke:{ink}"/>'
        )
        self._out += dots

    def _name(self, lane: Lane) -> str:
        number = str(lane.stream or "conn")
        if not self._named:
            return number
        name = self._names.get(lane.connection, f"#{lane.connection}")
        if lane.connection in self._names and self._lanes_of[lane.connection] == 1:
            return shortest(name, HEAD + 1)
        return f"{shortest(name, HEAD - len(number))} {number}"

    # ---- The rest --------------------------------------------------------------------

    def _foot(self, y: float) -> float:
        """What stands below; where it ends."""
        if count := self._picture.left_out:
            y += LINE
            self._text(MARGIN, y, f"… {count:,} more frames are not drawn", "bad")
        self._out.append(
            f'<line class="rule" x1="{MARGIN}" y1="{y + 8:g}" x2="{self._width - MARGIN}" '
            f'y2="{y + 8:g}"/>'
        )
        y += 10
        for line in lines_of(LEGEND, int((self._width - 2 * MARGIN) / LETTER * 11 / 9)):
            y += 12
            self._text(MARGIN, y, line, "s dim")
        return y + 8

    def _text(self, x: float, y: float, text: str, kind: str, style: str = "") -> None:
        styled = f' style="{style}"' if style else ""
        self._out.append(f'<text class="{kind}" x="{x:g}" y="{y:g}"{styled}>{escape(text)}</text>')


def shortest(name: str, letters: int) -> str:
    """A name in so many letters, with an ellipsis where some are missing."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def hue(lane: Lane) -> int:
    """The number of its colour: neighbours differ."""
    return (lane.stream // 2 + 3 * (lane.connection - 1)) % HUES if lane.stream else HUES - 1


def _y(place: float, places: Sequence[_Place], end: float) -> float:
    """Where a row has its arrow; of a place between two rows, where they meet."""
    if place == int(place):
        return places[int(place)].arrow
    following = math.ceil(place)
    return places[following].top if following < len(places) else end


def lines_of(text: str, letters: int, limit: int = 100) -> list[str]:
    """The text in lines of so many columns, broken at spaces where there are some.

    At most `limit` lines, and at least one; what is left out is marked by an ellipsis.
    """
    lines = list(_broken(text, letters))
    if len(lines) > limit:
        lines = lines[:limit]
        while lines[-1] and _columns(lines[-1]) >= letters:
            lines[-1] = lines[-1][:-1]
        lines[-1] += "…"
    return lines or [""]


def _broken(text: str, letters: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        while True:
            joined = f"{line} {word}" if line else word
            if _columns(joined) <= letters:
                line = joined
                break
            if line:
                yield line
                line = ""
                continue
            cut = 1
            while _columns(word[: cut + 1]) <= letters:
                cut += 1
            yield word[:cut]
            word = word[cut:]
    if line:
        yield line


def _columns(text: str) -> int:
    return sum(max(wcwidth(letter), 0) for letter in text)
