"""Plots as SVG, light and dark in one file: dots with their spread, and lines over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 760
LEFT, RIGHT = 230, 150
"""Where the labels end, and what the figures beside the dots take."""
TOP, ROW, BOTTOM = 46, 24, 34
DECADES_FROM = 12
"""With the largest figure so many times the smallest the axis is logarithmic."""
LINES_HEIGHT = 220
LABEL = 16
"""Between the labels of lines that end near one another."""

STYLE = """<style>
svg { --back: #ffffff; --text: #1f2328; --faint: #d1d9e0; --ours: #0969da; --other: #6e7781;
  --limit: #9a6700; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --back: #0d1117; --text: #e6edf3; --faint: #30363d; --ours: #58a6ff; --other: #9198a1;
    --limit: #d29922; }
}
.back { fill: var(--back); } text { fill: var(--text); } .title { font-weight: 600; }
.faint { stroke: var(--faint); } .tick { font-size: 11px; }
.ours { fill: var(--ours); stroke: var(--ours); }
.other { fill: var(--other); stroke: var(--other); }
.limit { fill: var(--back); stroke: var(--limit); }
.line { fill: none; stroke-width: 2; } .whisker { stroke-width: 2; }
text.ours, text.other, text.limit { stroke: none; fill: var(--text); }
text.ours { font-weight: 600; }
</style>"""


@dataclass(frozen=True, slots=True)
class Row:
    """One server's figure over the rounds."""

    label: str
    median: float
    least: float
    most: float
    shown: str
    """The figure as it stands beside the dot."""
    kind: str
    """`ours`, `other` or `limit`."""


class _Axis:
    """From figures to places between LEFT and WIDTH - RIGHT."""

    def __init__(self, values: Sequence[float]) -> None:
        least, most = min(values), max(values)
        self.logarithmic = least > 0 and most / least >= DECADES_FROM
        if self.logarithmic:
            self._from = math.floor(math.log10(least) * 3) / 3
            self._to = math.ceil(math.log10(most) * 3 + 0.01) / 3
        else:
            room = (most - min(0.0, least)) or 1.0
            self._from = min(0.0, least * 1.05)
            self._to = self._from + room * 1.05
        self._least, self._most = least, most

    def place(self, value: float) -> float:
        at = math.log10(value) if self.logarithmic else value
        return LEFT + (at - self._from) / (self._to - self._from) * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[float]:
        if not self.logarithmic:
            step = 10 ** math.floor(math.log10(self._to - self._from))
            for more in (1, 0.5, 0.2):
                if (self._to - self._from) / (step * more) >= 4:
                    step *= more
                    break
            first = math.ceil(self._from / step)
            return [step * n for n in range(first, math.floor(self._to / step) + 1)]
        decades = range(math.floor(self._from), math.ceil(self._to) + 1)
        wide = self._to - self._from > 2.5
        marks = (1,) if wide else (1, 2, 5)
        found = [m * 10.0**d for d in decades for m in marks]
        return [one for one in found if self._from - 1e-9 <= math.log10(one) <= self._to + 1e-9]


def dots(title: str, unit: str, rows: Sequence[Row]) -> str:
    """A dot for each median, with a line from the least to the most of the rounds."""
    axis = _Axis([value for row in rows for value in (row.least, row.median, row.most)])
    height = TOP + ROW * len(rows) + BOTTOM
    end = height - BOTTOM
    scale = f"{unit}, logarithmic" if axis.logarithmic else unit
    parts = [_head(height, title)]
    for tick in axis.ticks():
        x = axis.place(tick)
        parts.append(f'<line class="faint" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{end}"/>')
        parts.append(_text(x, end + 16, _number(tick), "tick", "middle"))
    parts.append(_text(WIDTH - RIGHT + 28, end + 16, scale.removeprefix(", "), "tick"))
    for number, row in enumerate(rows):
        y = TOP + ROW * number + ROW / 2 - 4
        first, last = axis.place(row.least), axis.place(row.most)
        parts.append(_text(LEFT - 12, y + 4, row.label, row.kind, "end"))
        parts.append(
            f'<line class="{row.kind} whisker" x1="{first:.1f}" x2="{last:.1f}"'
            f' y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        x = axis.place(row.median)
        parts.append(f'<circle class="{row.kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(_text(WIDTH - RIGHT + 12, y + 4, row.shown, row.kind))
    return "\n".join([*parts, "</svg>"]) + "\n"


def lines(
    title: str, unit: str, series: Sequence[tuple[str, str, list[tuple[float, float]]]]
) -> str:
    """A line for each (label, kind, points of minutes and figure), over time from 0."""
    bottom = TOP + LINES_HEIGHT
    most_time = max(point[0] for _, _, points in series for point in points)
    most = max(point[1] for _, _, points in series for point in points) * 1.1 or 1.0
    left, right = 60, WIDTH - 190
    parts = [_head(bottom + BOTTOM, title)]
    step = 10 ** math.floor(math.log10(most))
    step = step if most / step >= 4 else step / 2 if most / step >= 2 else step / 5
    for number in range(int(most / step) + 1):
        y = bottom - number * step / most * LINES_HEIGHT
        parts.append(f'<line class="faint" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, _number(number * step), "tick", "end"))
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = left + share * (right - left)
        parts.append(_text(x, bottom + 18, f"{share * most_time:.3g}", "tick", "middle"))
    parts.append(_text(right + 28, bottom + 18, f"minutes; {unit}", "tick"))
    free = float(TOP)
    for label, kind, points in sorted(series, key=lambda one: -one[2][-1][1]):
        path = " ".join(
            f"{left + time / most_time * (right - left):.1f},"
            f"{bottom - value / most * LINES_HEIGHT:.1f}"
            for time, value in points
        )
        parts.append(f'<polyline class="{kind} line" style="fill: none" points="{path}"/>')
        y = max(free, bottom - points[-1][1] / most * LINES_HEIGHT)
        free = y + LABEL
        parts.append(_text(right + 12, y + 4, label, kind))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _head(height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
        f' width="{WIDTH}" height="{height:g}" role="img" aria-label="{escape(title)}">\n{STYLE}\n'
        f'<rect class="back" width="{WIDTH}" height="{height:g}"/>\n'
        + _text(12, 22, title, "title")
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _number(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 10_000 else f"{value:.6g}"
